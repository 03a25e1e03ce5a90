// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// list fill TYPE FILE PIN MAX_ENTRIES BATCH     makes a map of TYPE, writes the lines of FILE to it, BATCH
//                                               at a time, and pins it
// list write TYPE FILE PIN BATCH                writes them to the map that is pinned
// list compare TYPE FILE PIN BATCH              reads the map, BATCH entries at a time; fails unless it has
//                                               what FILE has, and nothing else
//
// TYPE is hash, of lines such as 10.0.0.1, or lpm_trie, of lines such as 10.0.0.0/8. Values are the u32 1.
// Prints milliseconds from before FILE is opened until the work is done: by the clock, and of the CPU.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

static const __u32 wanted = 1;
static int is_trie;
static size_t key_size;

static int failed(const char *what)
{
	perror(what);
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *text;
	ssize_t done;

	if (fd < 0 || fstat(fd, &status))
		failed(path);
	text = malloc(status.st_size + 1);
	for (off_t at = 0; at < status.st_size; at += done) {
		done = read(fd, text + at, status.st_size - at);
		if (done <= 0)
			failed(path);
	}
	text[status.st_size] = 0;
	close(fd);
	return text;
}

static void encode(char *line, char *key)
{
	char *slash = is_trie ? strchr(line, '/') : NULL;

	if (is_trie) {
		__u32 length = slash ? strtoul(slash + 1, NULL, 10) : 32;

		if (slash)
			*slash = 0;
		memcpy(key, &length, sizeof(length));
	}
	if (inet_pton(AF_INET, line, key + key_size - 4) != 1) {
		fprintf(stderr, "no address\n");
		exit(1);
	}
}

// All keys of the file, one behind the other.
static char *encode_file(const char *path, __u32 *count)
{
	char *text = read_file(path), *end, *keys;
	__u32 lines = 1;

	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	keys = malloc(lines * key_size);
	*count = 0;
	for (char *line = text; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			end = line + strlen(line) - 1;
		else
			*end = 0;
		if (*line)
			encode(line, keys + key_size * (*count)++);
	}
	free(text);
	return keys;
}

static void write_keys(int fd, const char *keys, __u32 count, __u32 batch)
{
	__u32 *values = malloc(batch * sizeof(*values));

	for (__u32 each = 0; each < batch; each++)
		values[each] = wanted;
	for (__u32 at = 0, some; at < count; at += some) {
		some = count - at < batch ? count - at : batch;
		if (bpf_map_update_batch(fd, keys + key_size * at, values, &some, NULL))
			failed("bpf_map_update_batch");
	}
	free(values);
}

static __u32 slot_of(const char *key, __u32 mask)
{
	__u32 address, length = 0;

	memcpy(&address, key + key_size - 4, 4);
	if (is_trie)
		memcpy(&length, key, 4);
	address = (address ^ length * 0x85ebca6b) * 0x9e3779b1;
	return (address ^ address >> 15) & mask;
}

// A table of the keys by their hash: 0 for a free slot, else the number of the key, from 1.
static __u32 find(const __u32 *table, __u32 mask, const char *keys, const char *key)
{
	__u32 slot = slot_of(key, mask);

	while (table[slot] && memcmp(keys + key_size * (table[slot] - 1), key, key_size))
		slot = (slot + 1) & mask;
	return slot;
}

static void compare(int fd, const char *keys, __u32 count, __u32 batch)
{
	char *found = malloc(batch * key_size), position[8];
	__u32 *values = malloc(batch * sizeof(*values)), *table, mask = 1;
	__u32 distinct = 0, there = 0, extra = 0, different = 0;
	int is_first = 1, is_last = 0;

	while (mask < 2 * count)
		mask = 2 * mask + 1;
	table = calloc(mask + 1ul, sizeof(*table));
	for (__u32 each = 0; each < count; each++) {
		__u32 slot = find(table, mask, keys, keys + key_size * each);

		distinct += !table[slot];
		table[slot] = each + 1;
	}
	while (!is_last) {
		__u32 some = batch;

		if (bpf_map_lookup_batch(fd, is_first ? NULL : position, position, found, values, &some,
					 NULL)) {
			if (errno != ENOENT)
				failed("bpf_map_lookup_batch");
			is_last = 1;
		}
		for (__u32 each = 0; each < some; each++) {
			if (!table[find(table, mask, keys, found + key_size * each)])
				extra++;
			else
				there++, different += values[each] != wanted;
		}
		is_first = 0;
	}
	if (there != distinct || extra || different) {
		fprintf(stderr, "missing %u, extra %u, different %u\n", distinct - there, extra,
			different);
		exit(1);
	}
}

static int open_pin(const char *path)
{
	int fd = bpf_obj_get(path);

	return fd < 0 ? failed(path) : fd;
}

static int make(__u32 max_entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	enum bpf_map_type type = is_trie ? BPF_MAP_TYPE_LPM_TRIE : BPF_MAP_TYPE_HASH;
	int fd;

	options.map_flags = is_trie ? BPF_F_NO_PREALLOC : 0;
	fd = bpf_map_create(type, "listed", key_size, sizeof(wanted), max_entries, &options);
	return fd < 0 ? failed("bpf_map_create") : fd;
}

int main(int argc, char **argv)
{
	double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	__u32 count, batch;
	char *keys;
	int fd;

	if (argc < 6 || (strcmp(argv[2], "hash") && strcmp(argv[2], "lpm_trie")))
		return 2;
	is_trie = argv[2][0] == 'l';
	key_size = is_trie ? 8 : 4;
	batch = strtoul(argv[argc - 1], NULL, 10);
	keys = encode_file(argv[3], &count);
	if (argc == 7 && !strcmp(argv[1], "fill")) {
		fd = make(strtoul(argv[5], NULL, 10));
		write_keys(fd, keys, count, batch);
		if (bpf_obj_pin(fd, argv[4]))
			failed(argv[4]);
	} else if (argc == 6 && !strcmp(argv[1], "write")) {
		write_keys(open_pin(argv[4]), keys, count, batch);
	} else if (argc == 6 && !strcmp(argv[1], "compare")) {
		compare(open_pin(argv[4]), keys, count, batch);
	} else {
		return 2;
	}
	printf("%.3f %.3f\n", now(CLOCK_MONOTONIC) - wall, now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return 0;
}
