// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// make PATH FIELD=VALUE...: pins a new map, with fields that bpftool cannot give: map_extra, and any
// number for type and flags. inner=PATH takes a pinned map as the template of a map of maps. With
// exclusive=CHARACTER it is for the one program whose SHA-256 is 32 times that (Linux 6.18).
// Prints the id of the map.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

// Younger than the headers that this is compiled with.
struct exclusive_attr {
	__u32 type, key_size, value_size, max_entries, flags, unused[11];
	__u64 map_extra;
	__u32 more[2];
	__u64 hash;
	__u32 hash_size;
};

static int make_exclusive(__u32 type, __u32 key_size, __u32 value_size, __u32 max_entries, char of)
{
	unsigned char hash[32];
	struct exclusive_attr attr = {type, key_size, value_size, max_entries,
				      .hash = (__u64)(long)hash, .hash_size = sizeof(hash)};

	memset(hash, of, sizeof(hash));
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, 92);
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	unsigned int type = BPF_MAP_TYPE_HASH, key_size = 4, value_size = 8, max_entries = 1;
	const char *name = "made", *exclusive = NULL;
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return 2;
		*value++ = 0;
		if (!strcmp(argv[i], "type"))
			type = strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "key_size"))
			key_size = strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "value_size"))
			value_size = strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "max_entries"))
			max_entries = strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "flags"))
			options.map_flags = strtoul(value, NULL, 0);
		else if (!strcmp(argv[i], "map_extra"))
			options.map_extra = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "name"))
			name = value;
		else if (!strcmp(argv[i], "exclusive"))
			exclusive = value;
		else if (!strcmp(argv[i], "inner"))
			options.inner_map_fd = bpf_obj_get(value);
		else
			return 2;
	}
	if (exclusive)
		fd = make_exclusive(type, key_size, value_size, max_entries, *exclusive);
	else
		fd = bpf_map_create(type, name, key_size, value_size, max_entries, &options);
	if (fd < 0) {
		perror("bpf_map_create");
		return 1;
	}
	if (bpf_obj_pin(fd, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return 1;
	printf("%u\n", info.id);
	return 0;
}
