// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// litter DIRECTORY NAME: pins maps that nobody declared, until its standard input ends: new names, one
// name over and over, and one in a directory that comes and goes. All names start with NAME, so do
// the names of the maps. Others may remove them meanwhile. Prints how many it pinned.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

static unsigned long pinned;

static int failed(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	return 1;
}

static int pin(const char *name, const char *path)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, 8, 1, NULL);
	int result = 0;

	if (fd < 0)
		return failed("bpf_map_create", path);
	if (!bpf_obj_pin(fd, path))
		pinned++;
	else if (errno != EEXIST && errno != ENOENT)
		result = failed("bpf_obj_pin", path);
	close(fd);
	return result;
}

static int clear(const char *inside, const char *directory)
{
	if (unlink(inside) && errno != ENOENT)
		return failed("unlink", inside);
	if (rmdir(directory) && errno != ENOENT)
		return failed("rmdir", directory);
	return 0;
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char fresh[512], same[512], directory[512], inside[600];

	if (argc != 3)
		return 2;
	snprintf(directory, sizeof(directory), "%s/%s_directory", argv[1], argv[2]);
	snprintf(inside, sizeof(inside), "%s/pin", directory);
	printf("littering\n");
	fflush(stdout);
	for (unsigned int round = 0; !poll(&input, 1, 20); round++) {
		snprintf(fresh, sizeof(fresh), "%s/%s_%u", argv[1], argv[2], round);
		snprintf(same, sizeof(same), "%s/%s_same", argv[1], argv[2]);
		if (pin(argv[2], fresh))
			return 1;
		if (round % 16 == 0) {
			if (unlink(same) && errno != ENOENT)
				return failed("unlink", same);
			if (pin(argv[2], same))
				return 1;
		}
		if (round % 2) {
			if (clear(inside, directory))
				return 1;
			continue;
		}
		if (mkdir(directory, 0755) && errno != EEXIST)
			return failed("mkdir", directory);
		if (pin(argv[2], inside))
			return 1;
	}
	if (clear(inside, directory))
		return 1;
	printf("%lu\n", pinned);
	return 0;
}
