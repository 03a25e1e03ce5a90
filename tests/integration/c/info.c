// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// info PATH...: what each pin holds, one JSON object a line. Has the fields that bpftool leaves out.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static int frozen(int fd)
{
	char path[64], line[128];
	int value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "frozen: %d", &value);
	if (file)
		fclose(file);
	return value;
}

static void map(int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
		printf("{\"error\": %d}\n", errno);
		return;
	}
	printf("{\"kind\": \"map\", \"id\": %u, \"type\": %u, \"key_size\": %u, \"value_size\": %u, "
	       "\"max_entries\": %u, \"flags\": %u, \"map_extra\": %llu, \"name\": \"%s\", "
	       "\"frozen\": %d, \"btf_id\": %u, \"btf_key_type_id\": %u, \"btf_value_type_id\": %u}\n",
	       info.id, info.type, info.key_size, info.value_size, info.max_entries, info.map_flags,
	       (unsigned long long)info.map_extra, info.name, frozen(fd), info.btf_id,
	       info.btf_key_type_id, info.btf_value_type_id);
}

static void prog(int fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		printf("{\"error\": %d}\n", errno);
	else
		printf("{\"kind\": \"prog\", \"prog_id\": %u}\n", info.id);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = BPF_F_RDONLY);
		char path[64], target[64] = "";
		int fd = bpf_obj_get_opts(argv[i], &options);

		if (fd < 0)
			fd = bpf_obj_get(argv[i]);
		if (fd < 0) {
			printf("{\"error\": %d}\n", errno);
			continue;
		}
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, target, sizeof(target) - 1) < 0)
			return 1;
		if (strstr(target, "map"))
			map(fd);
		else if (strstr(target, "prog"))
			prog(fd);
		else
			printf("{\"kind\": \"link\"}\n");
		close(fd);
	}
	return 0;
}
