# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may pin again who may open a pin, and no object by its id."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from harness.host import BPFFS, Host
from harness.playbook import Result, task
from harness.samples import APP
from harness.site import NOBODY
from object_table import FROM, There


def with_cap_bpf(host: Host) -> dict[str, Any]:
    """Keywords of a task that run its module as nobody, who has CAP_BPF and no other capability."""
    words = [
        "setpriv",
        f"--reuid={NOBODY}",
        f"--regid={NOBODY}",
        "--clear-groups",
        "--inh-caps=-all,+bpf",
        "--bounding-set=-all,+bpf",
        "--ambient-caps=+bpf",
        host.site.python_of_nobody,
    ]
    host.shell(f"chmod 0711 {BPFFS} {FROM}; mkdir {APP}; chown nobody {APP} {FROM}/*")
    return host.interpreter(f'exec {shlex.join(words)} "$@"')


def in_both(host: Host, keywords: Mapping[str, Any], **arguments: Any) -> list[Result]:
    """The same task in a check, in a run, and in a second run."""
    words = {"keywords": keywords, "parents": False, **arguments}
    tasks = [task("bpf_object_pinned", label="check", check=True, **words)]
    tasks += [task("bpf_object_pinned", label=label, **words) for label in ("run", "again")]
    return list(host.playbook(tasks))


@pytest.mark.every_python
def test_a_user_with_cap_bpf_pins_again_what_they_own(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    keywords = with_cap_bpf(host)
    for kind in there.ids:
        with subtests.test(kind):
            arguments = {"path": f"{APP}/{kind}", "source": f"{FROM}/{kind}"}
            check, run, again = in_both(host, keywords, **arguments)
            assert [check.good().changed, run.good().changed, again.good().changed] == [
                True,
                True,
                False,
            ]
            shown = host.bpftool(kind, "show", "pinned", f"{APP}/{kind}")
            assert shown["id"] == there.ids[kind]
            assert run["objects"][0]["id"] == there.ids[kind]
            assert host.shell(f"stat -c %U {APP}/{kind}").strip() == "nobody"


def test_names_change_hands_without_opening_an_object_by_its_id(host: Host, there: There) -> None:
    """Each of two pins is to hold what the other holds: the source of one is replaced first."""
    keywords = with_cap_bpf(host)
    one = host.make_pin(f"{APP}/one")
    other = host.make_pin(f"{APP}/other")
    host.shell(f"chown {NOBODY}:{NOBODY} {APP}/*")
    swap = [
        {"path": f"{APP}/one", "source": f"{APP}/other"},
        {"path": f"{APP}/other", "source": f"{APP}/one"},
    ]
    words = {"keywords": keywords, "on_mismatch": "replace", "objects": swap}
    (done,) = host.playbook([task("bpf_object_pinned", **words)])
    assert done.good()["counts"]["replaced"] == 2
    assert host.map_at(f"{APP}/one")["id"] == other
    assert host.map_at(f"{APP}/other")["id"] == one
    assert there.ids


def test_a_pin_that_the_user_may_only_read_is_refused_alike_by_a_check_and_a_run(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    keywords = with_cap_bpf(host)
    for mode, works in (("0444", True), ("0000", False)):
        with subtests.test(mode):
            host.shell(f"chown root {FROM}/map; chmod {mode} {FROM}/map; rm -f {APP}/map")
            arguments = {"path": f"{APP}/map", "source": f"{FROM}/map"}
            check, run, _again = in_both(host, keywords, **arguments)
            assert [not check.failed, not run.failed] == [works, works]
            if works:
                assert host.map_at(f"{APP}/map")["id"] == there.ids["map"]
            else:
                assert f"{FROM}/map" in run.msg


def test_by_id_and_by_name_such_a_user_is_told_to_become_root(
    host: Host, there: There, subtests: pytest.Subtests
) -> None:
    keywords = with_cap_bpf(host)
    for option, value in (("map_id", there.ids["map"]), ("map_name", there.map_name)):
        with subtests.test(option):
            for result in in_both(host, keywords, path=f"{APP}/map", **{option: value}):
                assert result.failed
                assert "CAP_SYS_ADMIN" in result.msg
                assert "become: true" in result.msg
