// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// watch MODE ENTRIES PATH...: looks at each pin over and over until its standard input ends. Each must
// always be there, with this mode, a whole hash (key_size 4, value_size 8, max_entries 16 or 17)
// that has the keys 0 to ENTRIES - 1, each with three times itself as its value.
// Prints how often it looked, how often a pin was missing, how often it was anything else, what that
// was the last time, and how often the name had come to mean another map.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

static unsigned long looks, missing, odd, changes;
static char last_odd[256];

static void note(const char *path, const char *what, long value)
{
	odd++;
	snprintf(last_odd, sizeof(last_odd), "%s: %s %ld", path, what, value);
}

static void check_map(const char *path, int fd, unsigned int entries, __u32 *id)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size)) {
		note(path, "no map, errno", errno);
		return;
	}
	if (*id && *id != info.id)
		changes++;
	*id = info.id;
	if (info.type != BPF_MAP_TYPE_HASH || info.key_size != 4 || info.value_size != 8 ||
	    (info.max_entries != 16 && info.max_entries != 17))
		note(path, "max_entries", info.max_entries);
	for (__u32 key = 0; key < entries; key++) {
		__u64 value = 0;

		if (bpf_map_lookup_elem(fd, &key, &value))
			note(path, "without key", key);
		else if (value != 3 * key)
			note(path, "value", value);
	}
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	static __u32 ids[64];

	if (argc < 4 || argc > 3 + 64)
		return 2;
	printf("watching\n");
	fflush(stdout);
	do {
		for (int i = 3; i < argc; i++) {
			struct stat status;
			int fd = -1;

			looks++;
			if (lstat(argv[i], &status) || (fd = bpf_obj_get(argv[i])) < 0) {
				if (errno == ENOENT)
					missing++;
				else
					note(argv[i], "errno", errno);
				continue;
			}
			if (status.st_mode != (S_IFREG | strtoul(argv[1], NULL, 8)))
				note(argv[i], "mode", status.st_mode);
			check_map(argv[i], fd, strtoul(argv[2], NULL, 0), &ids[i - 3]);
			close(fd);
		}
	} while (!poll(&input, 1, 0));
	printf("{\"looks\": %lu, \"missing\": %lu, \"odd\": %lu, \"last_odd\": \"%s\", \"changes\": %lu}\n",
	       looks, missing, odd, last_odd, changes);
	return 0;
}
