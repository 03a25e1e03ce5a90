// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// hook TARGET ATTACH_TYPE: the ids of the programs on a hook, in their order. TARGET is a network
// device, a path of a cgroup or network namespace, or the pin of a map; ATTACH_TYPE is a number.
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

int main(int argc, char **argv)
{
	__u32 ids[64], flags, count = 64;
	int target;

	if (argc < 3)
		return 2;
	if (!strncmp(argv[1], "/sys/fs/bpf/", 12))
		target = bpf_obj_get(argv[1]);
	else if (argv[1][0] == '/')
		target = open(argv[1], O_RDONLY);
	else
		target = if_nametoindex(argv[1]);
	if (bpf_prog_query(target, atoi(argv[2]), 0, &flags, ids, &count)) {
		perror(argv[1]);
		return 1;
	}
	printf("[");
	for (__u32 i = 0; i < count; i++)
		printf("%s%u", i ? ", " : "", ids[i]);
	printf("]\n");
	return 0;
}
