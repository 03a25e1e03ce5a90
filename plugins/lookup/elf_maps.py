# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The maps that BPF object files define."""

from __future__ import annotations

DOCUMENTATION = r"""
name: elf_maps
short_description: The maps that BPF object files define
version_added: 0.1.0
description:
  - Reads the map definitions of object files that C(clang -g -target bpf) made, section C(.maps),
    and gives the list that option O(ebpf.pinning.bpf_map_pinned#module:maps)
    takes.
  - So the program's source is the one place that says what its maps are. Whoever loads the
    program afterwards, with libbpf or another loader, finds the maps by name and reuses them.
  - Definitions are read as libbpf reads them, with all their fields, C(type), C(max_entries),
    C(key), C(key_size), C(value), C(value_size), C(map_flags), C(map_extra), C(numa_node),
    C(pinning) and C(values). What libbpf refuses is refused.
  - A C(value) of a ring buffer, a C(perf_event_array) or an arena that only says what events look
    like is no size, as for cilium/ebpf and aya. libbpf refuses such an object.
  - A map is refused if its values hold objects that the program itself allocates (C(bpf_obj_new)),
    in a list, a tree or behind a pointer (C(__kptr), C(__percpu_kptr)). Only programs that are
    loaded together with such a map can use it.
  - With each map comes the smallest BTF that describes its key and value, if the kernel takes one
    for such a map, so that C(bpftool map dump) shows fields by name.
author:
  - ebpf.pinning contributors (@ebpf-pinning)
options:
  _terms:
    description:
      - Paths of object files on the controller. Relative ones are looked for as by
        P(ansible.builtin.file#lookup), also in C(files/) of a role.
      - A map that several files define in the same way is given once. In different ways, it is
        an error.
    type: list
    elements: str
    required: true
  all:
    description:
      - Take also the maps that are not pinned by name. V(false) takes only those whose
        C(pinning) is C(LIBBPF_PIN_BY_NAME).
      - A loader does not reuse the others of itself; it must be told to.
    type: bool
    default: false
  include:
    description:
      - Take only maps whose name matches one of these shell patterns. Each must match a map.
    type: list
    elements: str
    default: []
  exclude:
    description:
      - Leave out maps whose name matches one of these shell patterns.
    type: list
    elements: str
    default: []
  override:
    description:
      - Fields that are to be otherwise than in the object file, by name of the map. A host may
        need a bigger C(max_entries), for example.
      - Every field that an item of O(ebpf.pinning.bpf_map_pinned#module:maps) may have is
        allowed. C(inner_map) is merged with what is there; V(null) takes a field away, and one
        that is omitted or an empty string stays as it is.
      - A loader that reuses the map must be told of another size, too; libbpf by
        C(bpf_map__set_max_entries), cilium/ebpf in the C(CollectionSpec).
    type: dict
    default: {}
  loader:
    description:
      - Which loader reuses the maps. C(loader) of O(ebpf.pinning.bpf_map_pinned#module:maps) is set
        for maps of which loaders make different sizes, V(perf_event_array) and V(cpumap).
    type: str
    choices: [libbpf, cilium]
    default: libbpf
    version_added: 0.2.0
notes:
  - Use it with C(lookup), not with C(query) or C(loop). It gives one list, whether there are no
    maps in it, one or many.
  - A number that is 0 is the same as one that is not given, as for libbpf, and is left out.
    M(ebpf.pinning.bpf_map_pinned) then knows what the type needs.
  - Entries that a definition gives to a map of maps or of programs are not read. They are put in
    by the loader.
  - BTF is written in the byte order of the object file, which has to be that of the hosts.
seealso:
  - module: ebpf.pinning.bpf_map_pinned
  - name: From C to a provisioned map
    description: From the source of a program to its maps; docs/elf-maps.md of the collection.
    link: https://example.org/ebpf.pinning/docs/elf-maps.html
"""

EXAMPLES = r"""
- name: Ensure that the maps of a program are pinned before it is loaded
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/agent
    maps: "{{ lookup('ebpf.pinning.elf_maps', 'agent.bpf.o') }}"

- name: Ensure the same for two programs that share maps, with room for more flows on this host
  ebpf.pinning.bpf_map_pinned:
    directory: /sys/fs/bpf/mesh
    maps: "{{ lookup('ebpf.pinning.elf_maps', 'ingress.bpf.o', 'egress.bpf.o',
      exclude=['debug_*'], override={'flows': {'max_entries': 131072}}) }}"

- name: Show what a program defines, pinned or not
  ansible.builtin.debug:
    msg: "{{ lookup('ebpf.pinning.elf_maps', 'agent.bpf.o', all=true) }}"
"""

RETURN = r"""
_raw:
  description:
    - One list with the maps of all files, in the order in which the files list them.
    - Each map is a dictionary with C(name), C(type) and C(flags), and those of C(key_size),
      C(value_size), C(max_entries), C(map_extra), C(numa_node), C(inner_map) and C(btf) that are
      defined, as described for O(ebpf.pinning.bpf_map_pinned#module:maps).
  type: list
  elements: list
  sample:
    - - name: flows
        type: lru_hash
        flags: [no_common_lru]
        key_size: 8
        value_size: 16
        max_entries: 65536
        btf:
          data: n+sBABgAAAAAAAAA...
          key_type_id: 1
          value_type_id: 6
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._core.errors import PinningError, Problems
from ..module_utils._core.visible import visible, visible_lines
from ..plugin_utils._elf_maps import Choice, choose, find_maps
from ..plugin_utils._plain_values import is_unset, plain

display = Display()


class LookupModule(LookupBase):
    """The lookup."""

    def run(
        self,
        terms: t.List[t.Any],
        variables: t.Optional[t.Dict[str, t.Any]] = None,
        **kwargs: t.Any,
    ) -> t.List[t.List[t.Dict[str, t.Any]]]:
        """One list in a list: so that `lookup` gives a list however many maps there are."""
        # What is blank is not set; what is omitted inside leaves the object file as it is.
        said = {option: plain(each) for option, each in kwargs.items() if not is_unset(each)}
        self.set_options(var_options=variables, direct=said)
        choice = Choice(*(self.get_option(field) for field in Choice._fields))
        paths = [self._path(term, variables) for term in self._flatten(terms)]
        if not paths:
            raise AnsibleLookupError("ebpf.pinning.elf_maps: name at least one object file.")
        try:
            found = find_maps(paths)
            maps = choose(found, choice)
        except PinningError as error:
            texts = error.problems if isinstance(error, Problems) else [str(error)]
            raise AnsibleLookupError(f"ebpf.pinning.elf_maps: {visible_lines(texts)}") from None
        if not (choice.all or any(each.definition.pinning for each in found)):
            defined = ", ".join(each.name for each in found) or "none at all"
            display.warning(
                f"ebpf.pinning.elf_maps: {visible(', '.join(paths))}: no map is pinned by name "
                f"(LIBBPF_PIN_BY_NAME), and only such are taken. Defined are: {visible(defined)}."
            )
        return [maps]

    def _path(self, term: t.Any, variables: t.Optional[t.Dict[str, t.Any]]) -> str:
        path = self.find_file_in_search_path(variables, "files", term, ignore_missing=True)
        if path is None:
            raise AnsibleLookupError(
                f"ebpf.pinning.elf_maps: there is no file {visible(str(term))} on the controller, "
                "neither at this path nor where Ansible looks for files of this play or role."
            )
        return str(path)
