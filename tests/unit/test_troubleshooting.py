# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md has every message of the collection, and no other.

A message is any text of the code that reads as prose, wherever it stands, unless it is declared
below to be something else: so no message escapes by a way that this file does not know. Shorter
texts are messages where they are handed to a mouth: what is raised, or a call in MOUTHS.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
PAGE = ROOT / "docs" / "troubleshooting.md"
# All but what describes options.
SOURCES = sorted({*PLUGINS.rglob("*.py")} - {*PLUGINS.glob("doc_fragments/*.py")})
PLAYS = sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")])

PROSE = 2  # words from which on a text with a blank in it counts as prose

# Calls by which a text reaches the user, by their last name.
MOUTHS = {"fail_json", "warn", "warning", "error", "add", "_complain", "failed"}
# Other methods of Ansible's that show text; none is used, so that no message goes that way.
SILENT = {"deprecate", "deprecated", "log", "debug", "v", "vv", "vvv", "verbose", "system_warning"}

# What is raised. The text of these is for the user ...
FOR_USERS = {
    "AnsibleFilterError",
    "AnsibleLookupError",
    "BadChoice",
    "BadDefinition",
    "BadField",
    "BadFormat",
    "BadReport",
    "BtfError",
    "ElfError",
    "FstabProblem",
    "HalfDone",
    "KernelError",
    "KernelError.of",
    "NotThere",
    "OSError",
    "PathProblem",
    "PinningError",
    "Problems",
    "TypeError",
    "Unclear",
    "Unfit",
    "UnfitItems",
    "Unjoined",
    "ValueError",
    "_Refused",
    "_damaged",
    "error_of",
    # functions that make one of these
    "_changed",
    "_explain",
    "_explained",
    "_moved",
    "_told",
    "_off_bpffs",
    "self._unsound",
    "self._without_size",
    "too_deep",
    "unknown_group",
    "unknown_user",
}
# ... and these never reach one: methods of a base class, an error taken from another thread, the
# end of the run, a value that is assigned to, an error that was made before, what the process that
# loads tells its parent, and that AnsibleModule is to look itself.
INTERNAL = {
    *("FrozenInstanceError", "NotImplementedError", "SystemExit", "batch", "unfit"),
    *("Failed", "Missing", "TooOld", "_Unsettled", "error"),
}

# Files whose texts are what a report is made of, and not messages.
FORMS = {
    *("boot_unit.py", "manual.py", "words.py", "_markup.py", "_preflight_forms.py"),
    *("_drift_forms.py", "_drift_page.py", "_drift_page_data.py", "_drift_table.py"),
}

# Prose that is no message, and what it is instead.
NO_MESSAGES = {
    "… declared, … in place": "the last line of the command's table",
    "… from … to … bytes": "what has become of a field",
    "…: … elements became …": "what has become of a field",
    "… moved from … to …": "what has become of a field",
    "… removed, was …": "what has become of a field",
    "… is now …": "what has become of a field",
    "and more": "the end of a list",
    "…: … is not what it was": "what has become of a field",
    "…: it is laid out otherwise": "what has become of a field",
    "its values are laid out otherwise": "a part of a message",
    "… is … in the object, … in the pin": "a part of a message",
    "other bytes": "what a difference means",
    "more bytes": "what a difference means",
    "another name": "what a difference means",
    "one level only": "how many directories a loader makes",
    "parameter mismatch": "what libbpf says",
    "map spec is incompatible with existing map": "what cilium/ebpf says",
    "something else": "what takes a name",
    "… would fit": "whether entries can be migrated",
    "…, on all of them": "whether entries can be migrated",
    "a … to struct …, which the program itself allocates": "a part of a message",
    "of a killed run": "a side of a diff",
    "those of the old map": "a side of a diff",
    "owner, group or mode set": "what was done",
    "left behind by a run that was killed": "what a finding is",
    "nobody answered": "what stands for no reason",
    "Action failed: Unknown error.": "Ansible's own",
    "none at all": "what stands for no names",
    "^(mounts|directories|maps|programs|entries|links|objects|absent): (?=/)": "a pattern",
    "Adopted: what …, as ebpf.pinning.provision takes it.": "a comment in a file",
    "Adopted: what this host has, as ebpf.pinning.provision takes it.": "a comment in a file",
    "all hosts of this group have in common": "a part of a comment",
    "this host has": "a part of a comment",
    "an object file that programs may have been loaded from": "help of the command",
    "print what is in maps, too, up to 1000 entries of each": "help of the command",
    "print what is pinned as the variables that declare it; exit 0": "help of the command",
    "only what is at this path, or below it": "help of the command",
    "all of it": "what differs",
    "{{ lookup('file', inventory_dir ~ '/…/…') }}": "a template in a file",
    "entries of maps are in it": "a side of a diff",
    "Mapping[str, int]": "a type",
    "a map of its own": "a side of a difference",
    "a new map": "a side of a difference",
    "an object file": "what a path is to lead to",
    "the list": "what a path is to lead to",
    "as declared": "a side of a difference",
    "other values": "a side of a difference",
    "by itself": "a side of a difference",
    "with all others": "a side of a difference",
    "that of the kernel": "a side of a difference",
    "still to come": "a side of a difference",
    "the … that is to be at …": "what stands for an object",
    "what is to be at …": "what stands for a program",
    "a cgroup of version 2": "what a program is attached to",
    "a function of the kernel": "what a program is attached to",
    "a hook of netfilter": "what a program is attached to",
    "a map of sockets": "what a program is attached to",
    "a network interface": "what a program is attached to",
    "a network namespace": "what a program is attached to",
    "a raw tracepoint": "what a program is attached to",
    "an instruction of a program or library": "what a program is attached to",
    "what the program itself names": "what a program is attached to",
    "what the program names": "what a program is attached to",
    "cgroup … (id …)": "what a program is attached to",
    "interface … (ifindex …)": "what a program is attached to",
    "map … (id …)": "what a program is attached to",
    "network namespace … (…)": "what a program is attached to",
    "raw tracepoint …": "what a program is attached to",
    "of the task": "a network namespace",
    ", by link …": "how a program is attached",
    "by somebody else": "a side of a difference",
    "severed: nothing any more": "a side of a difference",
    "and … is not on this hook": "a side of a difference",
    "ifindex … of another network namespace": "a side of a difference",
    "gone by now": "what stands for the name of a process",
    "a directory that others made": "what took a place",
    "what it holds": "what stands for a program's name",
    "Unsupported parameters:": "Ansible's own",
    "Task failed: ": "Ansible's own",
    "flags set": "what was done",
    "to be …": "what a finding wants",
    "a system call": "what stands for the name of a call",
    "…, which is still to come": "what stands for an object",
    "without name": "what stands for a program's name",
    "another layout": "a side of a difference",
    "another shape, or values with other locks, timers or kptrs": "a side of a difference",
    "the same, but values without such fields": "a side of a difference",
    "…, values with …": "a side of a difference",
    "…, of another BTF": "a side of a difference",
    "… at byte …": "a field in a value",
    "…; its values hold …": "why BTF is refused",
    "present and absent": "a side of a difference",
    "symbolic link": "what stands for a step of a path",
    "…: want …, have …": "a difference",
    "as declared (…)": "what is wanted of entries",
    "no map": "what is found of entries",
    "not known": "what is found of entries",
    "in its slot of …": "a side of a diff",
    "another map (id …)": "a side of a difference",
    "this map, in its slot of …": "a side of a difference",
    "the pin of …": "what is there",
    "the directory …": "what belongs to somebody",
    "the pin": "what belongs to somebody",
    ", … go only after that": "a part of a message",
    "list of …": "the type of an option",
    "list of dict": "the type of an option",
    "list of raw": "the type of an option",
    "list of str": "the type of an option",
    "… of … entries are there": "a remark of a message",
    "max_entries is …": "a remark of a message",
    "the map of maps was made for others than …": "a remark of a message",
    "struct bpf_spin_lock": "a type of the kernel's",
    "the key": "what a format is for",
    "the value": "what a format is for",
    "this type is not known": "a part of a message",
    "… (mount id …)": "a layer of a list of mounts",
    ", and … more": "the end of a list of pins",
    "… or more": "sizes that a type takes",
    "multiples of …": "sizes that a type takes",
    "the field … of …": "where a format is wrong",
    "field … of …": "where a format is wrong",
    "pointer of the kind …": "what only programs can set",
    "No such file or directory": "what bpftool says of an empty slot",
    r"(?:(?:flush|-F|destroy|-X)[ \t]+\S+[ \t]*\n+)*(?:(?:add|-A|--add)[ \t]+\S+[ \t]+\S"
    r"|(?:create|-N|--create)[ \t]+\S+[ \t]+\w+:)": "a pattern",
    r"^add … (\S+)(?: timeout \d+)?\n": "a pattern",
    "Expecting property name": "Python's own",
    "Expecting value": "Python's own",
    "Illegal trailing comma": "Python's own",
    "Invalid control character": "Python's own",
    "`key`, `value` or `key.FIELD`": "what stands for names of columns",
    r"^libbpf: (?:prog '(.*)': )?-- BEGIN .*LOG --.*\n((?s:.*?))^(?:libbpf: )?-- END": "a pattern",
    r"failed to load program '([^'\n]+)'": "a pattern",
    r"prog '([^'\n]+)': BPF program load failed": "a pattern",
    "a name reaches beyond its table": "how a file is damaged",
    "it begins otherwise": "how a file is damaged",
    "it ends after … bytes": "how a file is damaged",
    "its symbols have another size": "how a file is damaged",
    "its symbols have no names": "how a file is damaged",
    "its table of sections does not fit in": "how a file is damaged",
    "of this host": "what stands for a version",
    "the object": "what is refused",
    "what it told makes no sense": "why a process failed",
    "a NUL byte": "what a line holds",
    "a control character": "what a line holds",
    "line …, column …": "where a fault is",
    "XDP and tc on interfaces of all network namespaces": "where was looked",
    "perf events of processes": "where was looked",
    "prog_arrays, devmaps and cpumaps": "where was looked",
    "t.Union[PinnedMap, PinnedProg]": "a type",
}


def test_every_message_of_the_code_is_in_the_page() -> None:
    missing = sorted(set(messages_of_the_code()) - set(map(canonical, entries())))
    assert not missing, "docs/troubleshooting.md does not tell of:\n" + "\n".join(missing)


def test_every_message_of_the_page_is_in_the_code() -> None:
    strange = sorted(set(map(canonical, entries())) - set(messages_of_the_code()))
    assert not strange, "no code gives these messages of the page:\n" + "\n".join(strange)


def test_each_message_is_told_of_once() -> None:
    twice = [entry for entry, count in Counter(map(canonical, entries())).items() if count > 1]
    assert not twice


def test_each_block_of_messages_is_followed_by_what_to_do() -> None:
    for block, after in re.findall(r"```text\n(.*?)```\n\n(.*?)\n", page(), re.DOTALL):
        assert re.match(r"[A-Z`*]", after), f"no paragraph after\n{block}"
    assert page().count("```text\n") == len(re.findall(r"```text\n.*?```\n\n", page(), re.DOTALL))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_what_is_raised_is_known_to_be_for_users_or_not(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            assert ast.unparse(raised) in FOR_USERS | INTERNAL, f"line {node.lineno}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_no_text_goes_another_way_than_the_known_ones(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            assert called not in SILENT | {"print"}, f"line {node.lineno}"


def test_what_is_declared_to_be_no_message_is_in_the_code() -> None:
    texts = {canonical(text) for source in SOURCES for text in prose_of(source)}
    assert {canonical(text) for text in NO_MESSAGES} <= texts


def test_classes_and_calls_that_are_declared_are_used() -> None:
    raised, called = set(), set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Raise) and node.exc is not None:
                made = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                raised.add(ast.unparse(made))
            if isinstance(node, ast.Call):
                called.add(ast.unparse(node.func).rpartition(".")[2])
    assert raised == FOR_USERS | INTERNAL
    assert called >= MOUTHS


def canonical(text: str) -> str:
    """A text as it is compared: what is filled in is "…", and the ends do not count."""
    one_line = re.sub(r"\s+", " ", text)
    return re.sub(r"…([\s:;,]{0,3}…)*", "…", one_line).strip(" …:;,.")


def messages_of_the_code() -> Iterator[str]:
    """Every message, in its canonical form."""
    others = {canonical(text) for text in NO_MESSAGES}
    for source in SOURCES:
        if source.name not in FORMS:
            yield from ({canonical(text) for text in prose_of(source)} - others)
    for play in PLAYS:
        yield from map(canonical, messages_of_tasks(yaml.safe_load(play.read_text())))


@lru_cache(maxsize=None)
def prose_of(source: Path) -> frozenset[str]:
    """Texts of a source that read as prose, and all that are handed to a mouth."""
    tree = ast.parse(source.read_text())
    found, passed_over, handed = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(node.value)  # a docstring
        elif isinstance(node, ast.Assign) and {"DOCUMENTATION", "EXAMPLES", "RETURN"} & {
            ast.unparse(target) for target in node.targets
        }:
            passed_over.update(ast.walk(node))
        elif isinstance(node, ast.JoinedStr):
            passed_over.update(part for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.FormattedValue) and node.format_spec:
            passed_over.update(ast.walk(node.format_spec))
        elif isinstance(node, ast.Raise) or (
            isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in MOUTHS
        ):
            handed.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in passed_over or not isinstance(node, (ast.JoinedStr, ast.Constant)):
            continue
        text = template_of(node)
        words = re.findall(r"[A-Za-z]{2,}", text)
        if text.startswith(("#", "bpf_")) or " " not in text.strip(" …:;,."):
            continue
        if len(words) >= PROSE or (words and node in handed):
            found.add(text)
    return frozenset(found)


def template_of(node: ast.JoinedStr | ast.Constant) -> str:
    """The text, with "…" for what is filled in; empty if it is none."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "".join(map(str, parts))


def messages_of_tasks(value: object) -> Iterator[str]:
    """What tasks say: `msg` and `fail_msg`, wherever they are."""
    if isinstance(value, list):
        for each in value:
            yield from messages_of_tasks(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in ("msg", "fail_msg", "success_msg") and isinstance(each, str):
                for part in filter(str.strip, re.split(r"\{%.*?%\}", each)):
                    yield re.sub(r"\{\{.*?\}\}", "…", part).strip()
            else:
                yield from messages_of_tasks(each)


def page() -> str:
    """The page."""
    return PAGE.read_text()


def entries() -> list[str]:
    """The messages that the page tells of: the lines of its blocks of text."""
    blocks = re.findall(r"```text\n(.*?)```", page(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]
