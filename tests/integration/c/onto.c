// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// onto OBJECT NAME PATH MAP [TYPE ATTACH_TYPE]: what a loader does that attaches nothing. Loads one
// program of hooked.bpf.c and pins it at PATH; its map `seen` is that of the pin MAP, which is made
// if it is not there. TYPE and ATTACH_TYPE are numbers, for what libbpf does not know yet. Prints the
// id of the program. Exits with 3 when the kernel does not load it.
//
// onto OBJECT NAME PATH: the same with a map of type struct_ops, as that of congestion.bpf.c.
#define _GNU_SOURCE // memmem
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int id_of(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

static int pin_map(const char *path, const char *name, const char *pin)
{
	static char content[1 << 20], *placeholder;
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(content, 1, sizeof(content), file) : 0;
	struct bpf_object *object;
	struct bpf_map *map;

	placeholder = memmem(content, size, "pinning_test___", 15);
	if (placeholder)
		sprintf(placeholder, "pinned%09d", getpid());
	object = bpf_object__open_mem(content, size, NULL);
	map = object ? bpf_object__find_map_by_name(object, name) : NULL;
	if (!map)
		return 2;
	bpf_map__set_map_flags(map, 1 << 13); // BPF_F_LINK
	if (bpf_object__load(object))
		return 3;
	// libbpf 1.1 fills the map and takes this for attached; the link came later (Linux 6.4).
	return !bpf_map__attach_struct_ops(map) || bpf_obj_pin(bpf_map__fd(map), pin);
}

int main(int argc, char **argv)
{
	struct bpf_program *program, *wanted;
	struct bpf_object *object;
	struct bpf_map *map;

	if (argc == 4)
		return pin_map(argv[1], argv[2], argv[3]);
	if (argc < 5)
		return 2;
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return 1;
	wanted = bpf_object__find_program_by_name(object, argv[2]);
	map = bpf_object__find_map_by_name(object, "seen");
	if (!wanted || !map)
		return 2;
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, program == wanted);
	if (argc > 6) {
		bpf_program__set_type(wanted, atoi(argv[5]));
		bpf_program__set_expected_attach_type(wanted, atoi(argv[6]));
	}
	bpf_map__set_pin_path(map, argv[4]);
	if (bpf_object__load(object))
		return 3;
	if (bpf_obj_pin(bpf_program__fd(wanted), argv[3])) {
		fprintf(stderr, "%s: %s\n", argv[3], strerror(errno));
		return 1;
	}
	printf("%d\n", id_of(bpf_program__fd(wanted)));
	return 0;
}
