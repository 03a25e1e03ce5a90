// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// program PATH NAME NUMBER: pins a new program of type socket_filter that returns NUMBER. So two
// programs have the same tag if they have the same number. Prints the id of the program.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

int main(int argc, char **argv)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd;

	if (argc != 4)
		return 2;
	code[0].imm = strtoul(argv[3], NULL, 0);
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, argv[2], "GPL", code, 2, NULL);
	if (fd < 0 || bpf_obj_pin(fd, argv[1])) {
		perror(argv[1]);
		return 1;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return 1;
	printf("%u\n", info.id);
	return 0;
}
