# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say what is in a map, for the documentation of the modules that take them."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of one map. Formats, files and rules are in the guide that the modules lead to."""

    DOCUMENTATION = r"""
options:
  entries:
    description:
      - What is to be in the map, each with C(key) and C(value), and nothing else. They are written
        as their types in the BTF of the map have them, or as O(key_format) and O(value_format) say.
      - Keys and values are in no result, diff, report or log, unless O(show_entries) is set.
    type: list
    elements: dict
    version_added: 0.2.0
  entries_from:
    description:
      - A file that lists more of them. If a line is wrong, its number is told, and nothing is
        changed.
    type: dict
    version_added: 0.2.0
    suboptions:
      src:
        description: Path of the file, which may be compressed by gzip.
        type: path
        required: true
      remote_src:
        description:
          - V(true) takes a file of the host, by its whole path. V(false) sends one of the
            controller, looked for as C(ansible.builtin.copy) does.
        type: bool
        default: false
      format:
        description:
          - V(lines) has a key in each line, perhaps a value after it; V(csv) has a header; V(json)
            is what C(bpftool -j map dump) prints.
        type: str
        choices: [lines, csv, json]
        default: lines
      value:
        description: The value of entries that have none in the file.
        type: raw
      columns:
        description: Which column of V(csv) is what, such as C(key) to C(address).
        type: dict
  entries_mode:
    description:
      - V(present), the default, adds and updates what is declared. V(exact) also removes all
        others, and sets those of an array to 0. V(initial) only adds what is missing, and leaves
        values to programs.
    type: str
    choices: [present, exact, initial]
    version_added: 0.2.0
  entries_absent:
    description: Keys that are not to be there.
    type: list
    elements: raw
    version_added: 0.2.0
  key_format:
    description:
      - How keys are written, such as V(u32), V(ipv4), V(cidr4), V(ifindex) or V(string). With BTF
        also a dictionary of formats by field, and without it a list of all fields, each with
        C(name) and C(format).
      - The guide "What is in a map" has every format.
    type: raw
    version_added: 0.2.0
  value_format:
    description: How values are written, like O(key_format).
    type: raw
    version_added: 0.2.0
  host_bits:
    description:
      - What to do with a prefix that has bits beyond its length, such as 10.0.0.1/8. V(refuse), the
        default, fails; V(mask) takes it for 10.0.0.0/8.
    type: str
    choices: [refuse, mask]
    version_added: 0.2.0
  show_entries:
    description: Show in the result which entries are added, updated and removed, up to twenty.
    type: bool
    version_added: 0.2.0
"""
