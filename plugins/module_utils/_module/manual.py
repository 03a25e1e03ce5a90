# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual page of the command `ebpf-pinning`, and what bash completes of it, made of its words.

Private to this collection. Pure.
"""

from __future__ import annotations

from .._core.command.words import CODES, MANIFESTS, NAME, PATHS, SUMMARY, WORDS, Option, Word
from .._core.version import VERSION

_FILES = (
    (f"{MANIFESTS}/NAME.json", "a declaration, which the collection writes and root alone changes"),
    (f"{MANIFESTS}/NAME.files/", "object files and lists that it needs"),
    ("/run/ebpf-pinning/logs/", "what the verifier said of programs that it refused"),
)


def page() -> str:
    """Return the page, for man(7)."""
    lines = [
        f'.TH {NAME.upper()} 8 "" "ebpf.pinning {VERSION}"',
        ".SH NAME",
        f"{_roff(NAME)} \\- {SUMMARY}",
        ".SH SYNOPSIS",
        *(f".B {_roff(NAME)}\n{word.name} {_all_options(word)} [PATH...]\n.br" for word in WORDS),
        f".B {_roff(NAME)}\n\\-\\-version",
        ".SH DESCRIPTION",
        "Pins of the BPF file system do not survive a restart. The Ansible collection ebpf.pinning "
        "has this host put back what was declared for it. Nothing that works is ever replaced.",
        ".SH COMMANDS",
    ]
    for word in WORDS:
        lines += [f".SS {word.name}", _sentence(word.text)]
        for option in word.options:
            lines += [".TP", f".B {_roff(_usage(option).strip('[]'))}", _sentence(option.text)]
        lines += [".TP", ".I PATH", _sentence(PATHS)]
    lines += [".SH EXIT STATUS"]
    for code, text in CODES.items():
        lines += [".TP", f".B {code}", _sentence(text.replace("`", ""))]
    lines += [".SH FILES"]
    for path, text in _FILES:
        lines += [".TP", f".I {_roff(path)}", _sentence(text)]
    lines += [".SH SEE ALSO", ".BR bpftool (8),", ".BR systemctl (1),", ".BR journalctl (1)"]
    return "\n".join([*lines, ""])


def completion() -> str:
    """Return what bash-completion reads."""
    cases = "\n".join(
        f"        {word.name}) words='{' '.join(option.flag for option in word.options)}' ;;"
        for word in WORDS
    )
    options = {option.flag: option for word in WORDS for option in word.options}
    values = "\n".join(
        f"        {flag}) words='{' '.join(option.choices)}'; is_value=yes ;;"
        for flag, option in options.items()
        if option.choices
    )
    names = " ".join([*(word.name for word in WORDS), "--version", "--help"])
    return f"""\
# Written by the Ansible collection ebpf.pinning: changes are lost.
_ebpf_pinning() {{
    local now=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words='' is_value=''
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    case $before in
{values}
    esac
    if [ -n "$is_value" ]; then
        COMPREPLY=($(compgen -W "$words" -- "$now"))
    elif [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W '{names}' -- "$now"))
    elif [ "${{now#-}}" != "$now" ]; then
        COMPREPLY=($(compgen -W "$words --help" -- "$now"))
    else
        COMPREPLY=($(compgen -f -- "$now"))
    fi
}}
complete -o filenames -F _ebpf_pinning {NAME}
"""


def _all_options(word: Word) -> str:
    return _roff(" ".join(map(_usage, word.options)))


def _usage(option: Option) -> str:
    value = "|".join(option.choices) or option.value
    return f"[{option.flag}{f' {value}' if option.value else ''}]"


def _sentence(text: str) -> str:
    return _roff(f"{text[0].upper()}{text[1:]}.")


def _roff(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")
