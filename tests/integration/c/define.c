// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// define OBJECT: how libbpf reads the map definitions of an object file, as JSON. Loads nothing.
#include <stdio.h>

#include <bpf/libbpf.h>

static void fields(struct bpf_map *map)
{
	printf("{\"type\": %u, \"key_size\": %u, \"value_size\": %u, \"max_entries\": %u, "
	       "\"flags\": %u, \"map_extra\": %llu, \"numa_node\": %u, \"pin_path\": \"%s\", "
	       "\"key\": %u, \"value\": %u, \"inner_map\": ",
	       bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map),
	       bpf_map__max_entries(map), bpf_map__map_flags(map),
	       (unsigned long long)bpf_map__map_extra(map), bpf_map__numa_node(map),
	       bpf_map__pin_path(map) ?: "", bpf_map__btf_key_type_id(map),
	       bpf_map__btf_value_type_id(map));
	if (bpf_map__inner_map(map))
		fields(bpf_map__inner_map(map));
	else
		printf("null");
	printf("}");
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	const char *comma = "";
	struct bpf_map *map;

	if (argc != 2)
		return 2;
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return 1;
	printf("{");
	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		printf("%s\"%s\": ", comma, bpf_map__name(map));
		fields(map);
		comma = ", ";
	}
	printf("}\n");
	return 0;
}
