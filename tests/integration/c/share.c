// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// share PIN_ROOT OBJECT...: libbpf takes the maps of the first object from PIN_ROOT/0, those of the second
// from PIN_ROOT/1 and so on, or pins them there; all maps, whatever the object says of pinning. Prints for
// each object the ids of its maps, or null if it cannot be loaded.
#include <stdbool.h>
#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

// Applications set these when they know how much they need.
static void make_room(struct bpf_map *map)
{
	enum bpf_map_type type = bpf_map__type(map);

	if (type == BPF_MAP_TYPE_STACK_TRACE && !bpf_map__value_size(map))
		bpf_map__set_value_size(map, 8);
	switch ((int)type) {
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_STORAGE:
	case BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE:
	case BPF_MAP_TYPE_SK_STORAGE:
	case BPF_MAP_TYPE_INODE_STORAGE:
	case BPF_MAP_TYPE_TASK_STORAGE:
	case 32: /* BPF_MAP_TYPE_CGRP_STORAGE, newer than some headers */
		return;
	default:
		if (!bpf_map__max_entries(map))
			bpf_map__set_max_entries(map, 1);
	}
}

static bool print_ids(struct bpf_object *object)
{
	struct bpf_map *map;
	const char *comma = "";

	printf("{");
	bpf_object__for_each_map(map, object) {
		struct bpf_map_info info = {};
		__u32 size = sizeof(info);

		if (bpf_map__is_internal(map))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size))
			return false;
		printf("%s\"%s\": %u", comma, bpf_map__name(map), info.id);
		comma = ", ";
	}
	printf("}");
	return true;
}

static bool is_for_struct_ops(struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS)
			return true;
	return false;
}

static bool share(const char *path, const char *root, int number, bool with_programs)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	struct bpf_map *map;
	char pin[4096];

	// libbpf 1.1 dies of one whose programs are not loaded.
	if (!object || is_for_struct_ops(object))
		return false;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, with_programs);
	bpf_object__for_each_map(map, object) {
		if (bpf_map__is_internal(map))
			continue;
		snprintf(pin, sizeof(pin), "%s/%d/%s", root, number, bpf_map__name(map));
		if (bpf_map__set_pin_path(map, pin))
			return false;
		make_room(map);
	}
	if (bpf_object__load(object) || !print_ids(object))
		return false;
	bpf_object__close(object);
	return true;
}

int main(int argc, char **argv)
{
	printf("[");
	for (int number = 0; number + 2 < argc; number++) {
		printf(number ? ",\n" : "\n");
		// Programs only where a map holds them.
		if (!share(argv[number + 2], argv[1], number, false) &&
		    !share(argv[number + 2], argv[1], number, true))
			printf("null");
	}
	printf("]\n");
	return 0;
}
