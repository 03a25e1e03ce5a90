// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a user without capabilities tries, with bpf(2) alone. Each prints "ok", or what failed and
// with which error.
//
// stranger write PIN          opens the pin as most tools do, and writes an entry
// stranger read PIN           opens the pin for reading only
// stranger alias WAY PIN NEW  opens the pin for reading only (WAY is read) or for writing only
//                             (write), pins that at NEW, opens NEW for both, and writes and reads
// stranger hold PIN           opens the pin and says "held"; then, for each line of the standard
//                             input, writes an entry by what it has open
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

static int failed(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	return 1;
}

static int get(const char *path, unsigned int flags)
{
	LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = flags);

	return bpf_obj_get_opts(path, &options);
}

static int write_entry(int fd)
{
	unsigned int key = 666;
	char value[64] = "stranger";

	return bpf_map_update_elem(fd, &key, value, BPF_ANY);
}

int main(int argc, char **argv)
{
	unsigned int key = 666;
	char value[64], line[16];
	int fd;

	setlinebuf(stdout);
	if (argc == 5 && !strcmp(argv[1], "alias")) {
		fd = get(argv[3], strcmp(argv[2], "read") ? BPF_F_WRONLY : BPF_F_RDONLY);
		if (fd < 0)
			return failed("open");
		if (bpf_obj_pin(fd, argv[4]))
			return failed("pin");
		fd = get(argv[4], 0);
		if (fd < 0)
			return failed("open again");
		if (write_entry(fd))
			return failed("write");
		if (bpf_map_lookup_elem(fd, &key, value))
			return failed("read");
	} else if (argc == 3 && !strcmp(argv[1], "read")) {
		if (get(argv[2], BPF_F_RDONLY) < 0)
			return failed("open");
	} else if (argc == 3 && !strcmp(argv[1], "write")) {
		fd = get(argv[2], 0);
		if (fd < 0)
			return failed("open");
		if (write_entry(fd))
			return failed("write");
	} else if (argc == 3 && !strcmp(argv[1], "hold")) {
		fd = get(argv[2], 0);
		if (fd < 0)
			return failed("open");
		puts("held");
		while (fgets(line, sizeof(line), stdin)) {
			if (write_entry(fd))
				failed("write");
			else
				puts("ok");
		}
		return 0;
	} else {
		return 2;
	}
	puts("ok");
	return 0;
}
