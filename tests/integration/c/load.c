// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// load OBJECT PIN_ROOT [PROG_PIN [LINK_PIN]]: what an application does with libbpf. Maps with
// LIBBPF_PIN_BY_NAME are taken from PIN_ROOT, or pinned there. Prints the ids of all maps. The first
// program is pinned at PROG_PIN, attached, and its link pinned at LINK_PIN, when these are given.
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int keep(struct bpf_object *object, const char *prog_pin, const char *link_pin)
{
	struct bpf_program *program = bpf_object__next_program(object, NULL);

	if (prog_pin && bpf_program__pin(program, prog_pin))
		return 1;
	if (link_pin) {
		struct bpf_link *link = bpf_program__attach(program);

		if (!link || bpf_link__pin(link, link_pin))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct bpf_object *object;
	struct bpf_map *map;
	const char *comma = "";

	if (argc < 3)
		return 2;
	options.pin_root_path = argv[2];
	object = bpf_object__open_file(argv[1], &options);
	if (!object || bpf_object__load(object))
		return 1;
	if (keep(object, argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL))
		return 1;
	printf("{");
	bpf_object__for_each_map(map, object) {
		struct bpf_map_info info = {};
		__u32 size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &size))
			return 1;
		printf("%s\"%s\": %u", comma, bpf_map__name(map), info.id);
		comma = ", ";
	}
	printf("}\n");
	return 0;
}
