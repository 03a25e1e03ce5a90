// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// move fill PIN ENTRIES                  pins a new hash map and fills it: u64 keys, u64 values
// move copy PIN MAX_ENTRIES BATCH        makes a map of MAX_ENTRIES, copies all entries to it, BATCH at
//                                        a time, and lets it take the name; prints the milliseconds
//                                        from before PIN is opened until after the rename
// move same PIN PIN                      fails unless all entries of the first are in the second
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

static int failed(const char *what)
{
	perror(what);
	exit(1);
}

static int make(__u32 max_entries)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "flows", 8, 8, max_entries, NULL);

	return fd < 0 ? failed("bpf_map_create") : fd;
}

static int open_pin(const char *path)
{
	int fd = bpf_obj_get(path);

	return fd < 0 ? failed(path) : fd;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fill(const char *path, __u32 entries)
{
	int fd = make(entries);

	for (__u64 key = 0; key < entries; key++) {
		__u64 value = 3 * key + 1;

		if (bpf_map_update_elem(fd, &key, &value, BPF_ANY))
			failed("bpf_map_update_elem");
	}
	if (bpf_obj_pin(fd, path))
		failed(path);
}

static void copy_entries(int from, int to, __u32 batch)
{
	__u64 *keys = malloc(batch * sizeof(*keys)), *values = malloc(batch * sizeof(*values));
	__u64 position;
	int is_first = 1, is_last = 0;

	while (!is_last) {
		__u32 count = batch;

		if (bpf_map_lookup_batch(from, is_first ? NULL : &position, &position, keys, values,
					 &count, NULL)) {
			if (errno != ENOENT)
				failed("bpf_map_lookup_batch");
			is_last = 1;
		}
		if (count && bpf_map_update_batch(to, keys, values, &count, NULL))
			failed("bpf_map_update_batch");
		is_first = 0;
	}
}

static void copy(const char *path, __u32 max_entries, __u32 batch)
{
	double start = now();
	char staged[4096];
	int from = open_pin(path), to = make(max_entries);

	snprintf(staged, sizeof(staged), "%s_new", path);
	copy_entries(from, to, batch);
	if (bpf_obj_pin(to, staged) || rename(staged, path))
		failed(staged);
	printf("%f\n", now() - start);
}

static void compare(const char *path, const char *other_path)
{
	int one = open_pin(path), other = open_pin(other_path);
	__u64 before, key, value, other_value;

	for (void *last = NULL; !bpf_map_get_next_key(one, last, &key); last = &before) {
		before = key;
		if (bpf_map_lookup_elem(one, &key, &value) ||
		    bpf_map_lookup_elem(other, &key, &other_value) || value != other_value) {
			fprintf(stderr, "key %llu is not the same\n", (unsigned long long)key);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "fill"))
		fill(argv[2], strtoul(argv[3], NULL, 10));
	else if (argc == 5 && !strcmp(argv[1], "copy"))
		copy(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
	else if (argc == 4 && !strcmp(argv[1], "same"))
		compare(argv[2], argv[3]);
	else
		return 2;
	return 0;
}
