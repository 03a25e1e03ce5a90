# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of the collection, as sessions of nox. After `make setup`, `make NAME` runs a session.

    make help                                what each is for
    tools/run nox --list                     each with the Pythons and ansible-cores that are here
    tools/run nox -s "other-pythons(3.9)"    one of these
    tools/run nox -s unit -- tests/unit/test_fstab.py

A session without a Python of its own uses .venv/; another has an environment below .cache/nox/.
Those with the tag `test` make up `make test`, those with `test-all` what CI runs. Those with
`single` keep one CPU busy, and run in a row beside the others: see tools/check.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, NoReturn

import nox

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "venv"
nox.options.envdir = ".cache/nox"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.tags = ["test"]

ROOT = Path(__file__).parent
CACHE = ROOT / ".cache"
STAGE = CACHE / "ansible_collections/ebpf/pinning"
TEST = ["test", "test-all"]
SINGLE = [*TEST, "single"]
RELEASE = ["release"]

# The tools of .venv/ first, a version manager's Pythons last and without its shims, which look like
# interpreters and are none.
_FOLDERS = [folder for folder in os.environ["PATH"].split(":") if not folder.endswith("/shims")]
_PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")
# What tools/get-pythons unpacked: the newest Pythons, and one of a 32-bit userland.
_NEWEST = CACHE / "pythons/sid-amd64/usr/bin"
PYTHON_32 = CACHE / "pythons/trixie-i386/usr/bin/python3.13"
PATH = ":".join([str(ROOT / ".venv/bin"), *_FOLDERS])
os.environ["PATH"] = ":".join([PATH, *sorted(map(str, _PYENV)), str(_NEWEST)])


class Core(NamedTuple):
    """A maintained ansible-core: the Pythons 3 that it runs on, and those of managed nodes."""

    controller: range
    managed: range


# https://docs.ansible.com/ansible-core/devel/reference_appendices/release_and_maintenance.html
CORES = {
    "2.18": Core(range(11, 14), range(8, 14)),
    "2.19": Core(range(11, 14), range(8, 14)),
    "2.20": Core(range(12, 15), range(9, 15)),
    "2.21": Core(range(12, 15), range(9, 15)),
}
OLDEST_CORE, *_, NEWEST_CORE = CORES
# The machines of test-reach, and the scenarios for each.
REACH = {
    "sid": ["reach", "vm"],
    "backports": ["reach"],
    "s390x": ["reach"],
    "ppc64el": ["reach"],
    "arm64": ["reach"],
}
# The versions of pip with which ansible-test, of one of these, begins an environment.
PIPS = ("24.2", "25.2")

MINORS = [minor for minor in range(8, 15) if shutil.which(f"python3.{minor}")]
NEXT_MINORS = [minor for minor in (15,) if shutil.which(f"python3.{minor}")]  # and no Ansible yet
MANAGED = [minor for minor in MINORS if minor != sys.version_info.minor]
OLDEST = {minor: [*TEST, "oldest-python"] for minor in MANAGED[:1]}
ON_KERNEL = {**{minor: ["test-all"] for minor in MANAGED[-1:]}, **OLDEST}


def controllers(core: str) -> list[str]:
    """The Pythons here that run this ansible-core; where none does, the oldest that there is."""
    takes = CORES[core].controller
    return [f"3.{minor}" for minor in MINORS if minor in takes] or [f"3.{takes[0]}"]


def controller(core: str) -> str:
    """The oldest of these."""
    return controllers(core)[0]


def core_for(minor: int) -> str:
    """The oldest ansible-core that takes this Python on a managed node."""
    return next(core for core in CORES if minor in CORES[core].managed)


def install(session: nox.Session, layer: str) -> None:
    session.install("-q", "-r", f"tools/requirements/{layer}.txt")


def run(
    session: nox.Session, command: str, *more: str, may_fail: bool = False, **env: str | Path
) -> None:
    settings = {name: str(value) for name, value in env.items()}
    codes = range(256) if may_fail else [0]
    session.run(*shlex.split(command), *more, env=settings, external=True, success_codes=codes)


def reports() -> Path:
    """The folder that tools/figure.py reads."""
    folder = CACHE / "figure"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def is_prerelease(core: str) -> bool:
    """Whether its tests may fail: tools/figure.py tells how they went."""
    return bool(re.search("[a-z]", core))


def leave_out(session: nox.Session, reason: str) -> NoReturn:
    """Do not run this session, and have tools/figure.py say why."""
    (reports() / f"{session.name}.left-out").write_text(reason + "\n", encoding="utf-8")
    session.skip(reason)


def pytest(session: nox.Session, kind: str, tests: str, core: str = "", **env: str) -> None:
    """Run these tests, or those named behind `--`, and report for tools/figure.py: `kind` is a
    column of it. As root, the PATH is that of a user: what Ansible finds must not depend on pyenv.
    """
    here = f"3.{sys.version_info.minor}"
    python = str(session.python or here)
    managed = env.pop("managed", python)
    may_fail = is_prerelease(core)
    core = core or ".".join(version("ansible-core").split(".")[:2])
    runs_on = python if kind != "unit" or not session.python else controller(core)
    report = f"--junitxml={reports()}/{managed} {core} {runs_on} {kind}.xml"
    interpreter = f"{session.bin if session.python else ROOT / '.venv/bin'}/python"
    # Whoever is done first takes from the other: tests take from 10 ms to a minute. A machine where
    # nothing works is told of soon: a failing test on the kernel may take 10 s.
    options = ["-n", "2", "--dist=worksteal", "--maxfail=40", report]
    command = [interpreter, "-m", "pytest", *options, *shlex.split(tests)]
    if session.posargs:
        command = [word for word in command if not word.startswith("tests/")] + session.posargs
    if kind == "unit":
        session.run(*command, external=True)
    else:
        settings = [f"{name}={value}" for name, value in env.items()]
        run(session, "tools/run-as-root env", *settings, *command, may_fail=may_fail, PATH=PATH)


def marked(mark: str) -> str:
    """Words for pytest, for the kernel tests with this mark. It is not to import the others."""
    files = sorted(Path("tests/integration").rglob("test_*.py"))
    found = [str(file) for file in files if mark in file.read_text(encoding="utf-8")]
    return f"-m {mark} {' '.join(found)}"


# What others need


@nox.session(python=False, default=False)
def stage(session: nox.Session) -> None:
    """Copy the checkout to where ansible-test, ansible-lint and mypy know it for a collection."""
    shutil.rmtree(STAGE, ignore_errors=True)
    run(session, "tools/copy", str(STAGE), "--others", "--exclude-standard")
    # Inside the checkout the copy is ignored; as a repository of its own it is listed whole.
    run(session, "git init --quiet", str(STAGE))


@nox.session(python=False, default=False)
def posix(session: nox.Session) -> None:
    """Fetch ansible.posix for the tests of docs/compared.md; from PyPI, as not all have Galaxy."""
    rivals, listed = CACHE / "rivals", Path("tools/requirements/rivals.txt").read_bytes()
    done = rivals / "requirements"
    if done.exists() and done.read_bytes() == listed:
        return
    shutil.rmtree(rivals, ignore_errors=True)
    download = "python -m pip -qq download --no-deps --no-cache-dir --only-binary :all:"
    run(session, f"{download} -r tools/requirements/rivals.txt --dest", session.create_tmp())
    for wheel in Path(session.create_tmp()).glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            wanted = [name for name in archive.namelist() if "/ansible/posix/" in name]
            archive.extractall(rivals, wanted)
        wheel.unlink()
    done.write_bytes(listed)


# Tests


@nox.session(python=False, tags=TEST, requires=["posix"])
def kernel(session: nox.Session) -> None:
    """Tests on the real kernel, as root, in mount namespaces of their own."""
    pytest(session, "kernel", "tests/integration")


@nox.session(python=False, tags=SINGLE, requires=["stage"])
def sanity(session: nox.Session, *arguments: str) -> None:
    """ansible-test sanity, without containers, for each supported Python that is here."""
    home = CACHE / "ansible-test"
    scripts = home / ".ansible/test/cache"
    for folder in (scripts, home / ".config/pip"):
        folder.mkdir(parents=True, exist_ok=True)
    (home / ".config/pip/pip.conf").write_text("[global]\nquiet = 2\n", encoding="utf-8")
    # Where ansible-test cannot download such a script, it says that one may put it there.
    for pip in PIPS:
        shutil.copy("tools/get_pip.py", scripts / f"get_pip_{pip.replace('.', '_')}.py")
    with session.chdir(STAGE):
        command = "ansible-test sanity --local --color no"
        run(session, command, *arguments, *session.posargs, HOME=home)


@nox.session(
    name="sanity-oldest",
    python=controller(OLDEST_CORE),
    tags=["test-all", "single"],
    requires=["stage"],
)
def sanity_oldest(session: nox.Session) -> None:
    """The tests that look through the oldest ansible-core: others look at the same text."""
    install(session, f"core-{OLDEST_CORE}")
    tests = ("action-plugin-docs", "ansible-doc", "import", "runtime-metadata", "validate-modules")
    sanity(session, *(word for name in tests for word in ("--test", name)))


@nox.session(tags=["test-all"], requires=["posix"])
@nox.parametrize(
    "python,core",
    # The oldest with the oldest Python that it runs on, others with the newest.
    [
        nox.param(controllers(core)[0 if core == OLDEST_CORE else -1], core, id=core)
        for core in CORES
        if core != NEWEST_CORE
    ],
)
def cores(session: nox.Session, core: str) -> None:
    """What an ansible-core may do in its own way, with each maintained one but the newest."""
    install(session, f"core-{core}")
    # Between the oldest and the newest, one case of each.
    cases = "" if core == OLDEST_CORE else "--one-of-each "
    pytest(session, "playbooks", cases + marked("every_core"), core)


@nox.session(name="every-python")
@nox.parametrize(
    "python,minor",
    [
        nox.param(controller(core_for(minor)), minor, id=f"3.{minor}", tags=ON_KERNEL.get(minor))
        for minor in MANAGED
    ],
)
def every_python(session: nox.Session, minor: int) -> None:
    """What the core asks of the kernel, by another Python than that of .venv/."""
    core = core_for(minor)
    install(session, f"core-{core}")
    # Of others than the oldest, one case of each.
    cases = "" if minor == MANAGED[0] else "--one-of-each "
    tests, python = cases + marked("every_python"), shutil.which(f"python3.{minor}")
    pytest(session, "kernel", tests, core, managed=f"3.{minor}", MANAGED_PYTHON=python or "")


@nox.session(name="python-32-bit", python=False, tags=["test-all"])
def python_32_bit(session: nox.Session) -> None:
    """The same by a Python of a 32-bit userland, on this machine's kernel."""
    if not PYTHON_32.exists():
        leave_out(session, "no 32-bit Python is here: see tools/get-pythons")
    python = str(PYTHON_32)
    tests = marked("every_python")
    pytest(session, "kernel", tests, managed="32-bit", MANAGED_PYTHON=python)


@nox.session(
    name="next-core",
    python=f"3.{sys.version_info.minor}",
    tags=["test-all"],
    requires=["posix"],
)
def next_core(session: nox.Session) -> None:
    """The same as `cores` with the newest pre-release of ansible-core. Its tests may fail."""
    session.install("-q", "-r", "tools/requirements/tests.txt")
    session.install("-q", "--upgrade", "--pre", "ansible-core")
    show = "from importlib.metadata import version; print(version('ansible-core'))"
    core = str(session.run("python", "-c", show, silent=True)).strip()
    if not is_prerelease(core):
        leave_out(session, f"there is no pre-release of ansible-core that is newer than {core}")
    session.warn(f"ansible-core {core} is a pre-release: what fails is told, and no failure")
    pytest(session, "playbooks", f"--one-of-each {marked('every_core')}", core)


@nox.session(python=False, tags=TEST)
def unit(session: nox.Session) -> None:
    """Unit tests: no kernel, no root."""
    pytest(session, "unit", "tests/unit")


@nox.session(name="other-pythons")
@nox.parametrize(
    "python,minor",
    [
        nox.param(f"3.{minor}", minor, id=f"3.{minor}", tags=OLDEST.get(minor, ["test-all"]))
        for minor in MANAGED
    ],
)
def other_pythons(session: nox.Session, minor: int) -> None:
    """Unit tests of what managed nodes run, by another Python than that of .venv/."""
    install(session, "tests")
    # Between the oldest and that of .venv/, one case of each.
    cases = "" if minor == MANAGED[0] else "--one-of-each "
    pytest(session, "unit", f"{cases}tests/unit", core_for(minor))


@nox.session(python=False, tags=TEST)
def pythons(session: nox.Session) -> None:
    """Import the core with every Python here: no Ansible, no site-packages."""
    for minor in MINORS + NEXT_MINORS:
        run(session, f"python3.{minor} -W error -I -S -B tools/import_core.py")


@nox.session(tags=SINGLE, requires=["stage"])
def molecule(session: nox.Session) -> None:
    """The scenario on this machine; else `-- converge vm`, `-- login vm --host trixie`."""
    install(session, "molecule")
    scenario(session, *(session.posargs or ["test", "default"]))


@nox.session(name="test-vm", default=False, requires=["stage"])
def test_vm(session: nox.Session) -> None:
    """Whole runs of the scenarios with virtual machines; none is left running, however it ends."""
    with virtual_machines(session):
        for name in session.posargs or ["vm", "mixed"]:
            scenario(session, "test", name)


@nox.session(name="test-reach", default=False, requires=["stage"])
def test_reach(session: nox.Session) -> None:
    """Machines few people have, one after the other: of which kind, which scenarios; see REACH."""
    with virtual_machines(session, "reach"):
        for machine in session.posargs or REACH:
            inventory = CACHE / "molecule" / f"{machine}.yml"
            inventory.parent.mkdir(parents=True, exist_ok=True)
            hosts = f"virtual_machines: {{hosts: {{{machine}: {{}}}}}}\n"
            inventory.write_text(hosts, encoding="utf-8")
            for name in REACH[machine]:
                scenario(session, "test", name, EBPF_PINNING_INVENTORY=inventory)


@contextmanager
def virtual_machines(session: nox.Session, *layers: str) -> Iterator[None]:
    """What they need is installed; in the end none is left running."""
    install(session, "molecule")
    for layer in ("vm", *layers):
        run(session, f"tools/setup-system {layer}")
    try:
        yield
    finally:
        for machine in CACHE.glob("molecule/*/machines/*/"):
            run(session, "extensions/molecule/machines/stop", str(machine))


def scenario(
    session: nox.Session, command: str, name: str, *arguments: str, **env: str | Path
) -> None:
    own = CACHE / "molecule" / name
    own.mkdir(parents=True, exist_ok=True)
    isolated = "tools/isolated env" if name == "default" else "env"
    settings = f"""
        MOLECULE_EPHEMERAL_DIRECTORY={shlex.quote(str(own))}
        ANSIBLE_COLLECTIONS_PATH={shlex.quote(str(CACHE))}
        ANSIBLE_HOME={shlex.quote(str(own / "ansible"))}
        PATH={shlex.quote(f"{session.bin}:{PATH}")}
        PYTHONDONTWRITEBYTECODE=1
    """
    molecule = f"molecule {command} --scenario-name {name}"
    run(session, f"{isolated} {settings} {molecule}", *arguments, **env)


# Texts


@nox.session(python=False, tags=SINGLE, requires=["stage"])
def lint(session: nox.Session) -> None:
    """ansible-lint, production profile."""
    with session.chdir(STAGE):
        run(session, "ansible-lint --nocolor", ANSIBLE_COLLECTIONS_PATH=CACHE)


@nox.session(python=False, tags=SINGLE, requires=["stage"])
def typing(session: nox.Session) -> None:
    """mypy, strict, over the plugins."""
    with session.chdir(CACHE):
        options = "--config-file ../pyproject.toml --cache-dir mypy"
        run(session, f"mypy {options} --package ansible_collections.ebpf.pinning.plugins")


@nox.session(default=False, requires=["stage"])
def docs(session: nox.Session) -> None:
    """Build the site into .cache/docs/site/, from all pages; a warning is an error."""
    install(session, "docs")
    shutil.rmtree(CACHE / "docs", ignore_errors=True)
    source = ".cache/docs/source"
    pages = "-- '*.md' docs examples ':!.github' ':!tools'"
    run(session, f"tools/copy {source} --others --exclude-standard {pages}")
    shutil.copy("tools/site_pages/index.md", source)
    Path(source, "reference").mkdir(mode=0o700)
    reference = f"--squash-hierarchy --dest-dir {source}/reference ebpf.pinning"
    command = "antsibull-docs --config-file tools/site_pages/antsibull.cfg collection"
    command += f" --use-current --fail-on-error {reference}"
    run(session, command, HOME=CACHE, ANSIBLE_COLLECTIONS_PATH=CACHE)
    options = "--quiet --fail-on-warning --keep-going --jobs auto -c docs"
    run(session, f"sphinx-build {options} {source} .cache/docs/site")
    session.log("open .cache/docs/site/index.html")


@nox.session(name="docs-check", python=False, tags=SINGLE, requires=["docs"])
def docs_check(session: nox.Session) -> None:
    """The site has no dead link, no page that is not linked, and loads nothing from afar."""
    references = "--validate-collection-refs all --disallow-unknown-collection-refs"
    run(session, f"antsibull-docs lint-collection-docs --plugin-docs {references} .", HOME=CACHE)
    run(session, "pytest -q tests/site")


@nox.session(python=False, tags=TEST)
def style(session: nox.Session) -> None:
    """ruff, yamllint, shellcheck."""
    run(session, "ruff check .")
    run(session, "ruff format --check .")
    run(session, "yamllint --strict .")
    scripts = "git grep -lI --untracked -e '^#!.*sh$' -e '^# shellcheck shell='"
    run(session, "sh -c", f"{scripts} | xargs shellcheck -x")


@nox.session(python=False, tags=[*TEST, *RELEASE])
def licence(session: nox.Session) -> None:
    """Every file says under which licence it is."""
    run(session, "reuse lint --lines")


@nox.session(python=False, tags=[*TEST, *RELEASE])
def changelog(session: nox.Session) -> None:
    """It is sound, of the version in galaxy.yml, and announces all there is."""
    run(session, "antsibull-changelog lint")
    run(session, "antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml")
    made = Path(session.create_tmp(), "CHANGELOG.md").resolve()
    run(session, "antsibull-changelog generate --output-format md --output", str(made))
    run(session, "diff CHANGELOG.md", str(made))
    released = re.findall(r"^## v(.*)", made.read_text(encoding="utf-8"), re.M)[0]
    if released.replace("\\", "") != galaxy("version"):
        session.error(f"galaxy.yml is version {galaxy('version')}, the newest release {released}")
    announced = Path("changelogs/changelog.yaml").read_text(encoding="utf-8")
    plugins = [f"plugins/{kind}/[!_]*.py" for kind in ("modules", "lookup", "callback")]
    for pattern in (*plugins, "roles/*", "playbooks/*.yml"):
        for path in Path().glob(pattern):
            is_announced = f"name: {path.stem}\n" in announced
            if not (is_announced or _added(path) not in (None, galaxy("version"))):
                session.error(f"{path.stem} is not announced: antsibull-changelog release")


def _added(path: Path) -> str | None:
    """In which version it came, as it says itself; the changelog tells it then."""
    file = path / "meta/argument_specs.yml" if path.is_dir() else path
    found = re.search(r"^[# ]*version_added: (\S+)", file.read_text(encoding="utf-8"), re.M)
    return found[1] if found else None


# The tarball


def galaxy(key: str) -> str:
    """What galaxy.yml says there."""
    text = Path("galaxy.yml").read_text(encoding="utf-8")
    return re.findall(f"^{key}: (.*)", text, re.M)[0]


@nox.session(name="dist-check", tags=[*TEST, *RELEASE])
def dist_check(session: nox.Session) -> None:
    """Two builds are the same file, which ansible-core alone can install and use."""
    install(session, "ansible")
    run(session, ".venv/bin/python -m pytest -q tests/tarball")


@nox.session(tags=RELEASE)
def importer(session: nox.Session) -> None:
    """Galaxy's importer finds nothing to complain of."""
    install(session, "release")
    run(session, ".venv/bin/python tools/dist.py dist")
    scratch = Path(session.create_tmp()).resolve()
    env = {"HOME": str(scratch), "GALAXY_IMPORTER_CONFIG": str(ROOT / "tools/importer.cfg")}
    for name in ("TMP_ROOT_DIR", "ANSIBLE_LOCAL_TMP"):
        env[f"GALAXY_IMPORTER_{name}"] = str(scratch)
    tarball = ROOT / f"dist/ebpf-pinning-{galaxy('version')}.tar.gz"
    with session.chdir(scratch):
        log = session.run("python", "-m", "galaxy_importer.main", tarball, env=env, silent=True)
    print(log)
    if re.search("^(WARNING|ERROR|CRITICAL)", str(log), re.M):
        session.error("galaxy-importer complains")
    if "ansible-lint run complete" not in str(log):
        session.error("galaxy-importer did not run ansible-lint")
    for name in ("repository", "documentation"):
        if galaxy(name).startswith("https://example.org"):
            session.warn(f"before it is uploaded: galaxy.yml names no real {name}")


@nox.session(tags=RELEASE)
def environment(session: nox.Session) -> None:
    """An execution environment can be built with this collection. No image is made."""
    install(session, "release")
    definition = Path("extensions/execution-environment/execution-environment.yml")
    tarball = f"ebpf-pinning-{galaxy('version')}.tar.gz"
    if definition.read_text(encoding="utf-8").count(tarball) != 2:
        session.error(f"{definition} does not take {tarball} twice")
    run(session, ".venv/bin/python tools/dist.py dist")
    scratch = Path(session.create_tmp()).resolve()
    shutil.rmtree(scratch)
    run(session, f"ansible-builder create --file {definition} --context", f"{scratch}/context")
    with session.chdir(scratch / "context/_build"):
        options = "--requirements-file requirements.yml --collections-path ../../installed"
        run(session, f"ansible-galaxy collection install --offline {options}", HOME=scratch)
        options = "--write-pip ../../python --write-bindep ../../system"
        run(session, f"ansible-builder introspect {options} ../../installed", HOME=scratch)


@nox.session(name="no-fragments", python=False, tags=RELEASE)
def no_fragments(session: nox.Session) -> None:
    """No fragment of the changelog is left that is in no release."""
    if left := " ".join(map(str, Path("changelogs/fragments").glob("*.yml"))):
        session.error(f"these fragments are in no release: {left}")


@nox.session(name="newcomer-demo", python=False, tags=["test-all"])
def newcomer_demo(session: nox.Session) -> None:
    """make demo in a bare Debian, as after a clone."""
    run(session, "tools/newcomer demo")
