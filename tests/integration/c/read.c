// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// read PATH: opens the pin over and over until its standard input ends, then prints how often it did,
// how often that failed, and which map ids it saw, in order.
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	unsigned long reads = 0, misses = 0;
	unsigned int ids[1024], count = 0;

	if (argc != 2)
		return 2;
	printf("reading\n");
	fflush(stdout);
	do {
		for (int i = 0; i < 64; i++) {
			struct bpf_map_info info = {};
			__u32 size = sizeof(info);
			int fd = bpf_obj_get(argv[1]);

			reads++;
			if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
				misses++;
			else if (count < 1024 && (!count || ids[count - 1] != info.id))
				ids[count++] = info.id;
			if (fd >= 0)
				close(fd);
		}
	} while (!poll(&input, 1, 0));
	printf("{\"reads\": %lu, \"misses\": %lu, \"ids\": [", reads, misses);
	for (unsigned int i = 0; i < count; i++)
		printf("%s%u", i ? ", " : "", ids[i]);
	printf("]}\n");
	return 0;
}
