// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// python FOLDER: what Ansible calls as the interpreter of modules. It has harness/modules.py run the module that
// comes as standard input, in place of this process; the other runs are those of FOLDER/plain, which is Python.
//
// FOLDER is where this program is.
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[PATH_MAX];

static void be_plain(char **argv)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/plain", folder);
	argv[0] = path;
	execv(path, argv);
	perror(path);
	exit(127);
}

static int ask(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int there = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int files[] = { 0, 1, 2 };
	union {
		char space[CMSG_SPACE(sizeof(files))];
		struct cmsghdr aligned;
	} control = {};
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder) >= sizeof(address.sun_path))
		return -1;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(files));
	memcpy(CMSG_DATA(header), files, sizeof(files));
	if (connect(there, (struct sockaddr *)&address, sizeof(address)) || sendmsg(there, &message, 0) != 1)
		return -1;
	return there;
}

int main(int argc, char **argv)
{
	ssize_t size = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	unsigned char told[8];
	int there;

	if (size < 0)
		return 127;
	dirname(folder);
	there = argc == 1 ? ask() : -1;
	if (there < 0)
		be_plain(argv);
	size = recv(there, told, sizeof(told), 0);
	if (size > 1)
		be_plain(argv);
	if (size == 1)
		return told[0];
	raise(SIGKILL); // as the module was, which has told no code
}
