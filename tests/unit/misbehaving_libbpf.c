// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A libbpf that misbehaves as soon as an object is opened, each time as MISBEHAVIOUR says.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result)
{
	fprintf(stderr, "%s: %s\n", what, result < 0 ? strerror(errno) : "done");
}

static void send_to_all(const char *message, size_t size, int rights)
{
	char room[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {.iov_base = (void *)message, .iov_len = size};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	int fd;

	if (rights) {
		header.msg_control = room;
		header.msg_controllen = sizeof(room);
		struct cmsghdr *each = CMSG_FIRSTHDR(&header);
		each->cmsg_level = SOL_SOCKET;
		each->cmsg_type = SCM_RIGHTS;
		each->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(each), &(int){2}, sizeof(int));
	}
	for (fd = 3; fd < 64; fd++)
		sendmsg(fd, &header, MSG_NOSIGNAL);
}

static void look_for_descriptors(void)
{
	struct rlimit locked;
	int fd;

	for (fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			fprintf(stderr, "open: %d\n", fd);
	say("read", read(0, &fd, 1));
	getrlimit(RLIMIT_MEMLOCK, &locked);
	fprintf(stderr, "locked: %llu\n", (unsigned long long)locked.rlim_cur);
}

static void try_everything(void)
{
	char *words[] = {"true", NULL};
	int fd;

	say("socket", socket(AF_INET, SOCK_STREAM, 0));
	say("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	say("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	fd = fork();
	if (!fd)
		pause();
	say("fork", fd);
	say("exec", execv("/bin/true", words));
	say("kill", kill(getppid(), 0));
	say("create", open(SCRATCH "/made", O_CREAT | O_WRONLY, 0600));
	say("write", open(SCRATCH "/there", O_WRONLY));
	say("unlink", unlink(SCRATCH "/there"));
	say("rename", rename(SCRATCH "/there", SCRATCH "/other"));
	say("mkdir", mkdir(SCRATCH "/folder", 0700));
	say("chmod", chmod(SCRATCH "/there", 0777));
	say("look", open(SCRATCH "/there", O_RDONLY));
}

void *bpf_object__open_mem(const void *data, size_t size, const void *options)
{
	static char text[1 << 16];
	size_t got = 0;

	switch (MISBEHAVIOUR) {
	case 0:
		*(volatile int *)8 = 1;
		break;
	case 1:
		abort();
	case 2:
		_exit(0);
	case 3:
		for (;;)
			pause();
	case 4:
		for (;;)
			;
	case 5:
		while (calloc(1, 1 << 20))
			memset(text, 1, sizeof(text)), got++;
		fprintf(stderr, "%zu MiB\n", got);
		abort();
	case 6:
		memset(text, 'x', sizeof(text));
		for (;;)
			if (write(2, text, sizeof(text)) < 0)
				_exit(1);
	case 7:
		look_for_descriptors();
		break;
	case 8:
		try_everything();
		break;
	case 9:
		for (;;)
			send_to_all("\0", 1, 1);
	case 10:
		memset(text, '[', 4000);
		send_to_all(text, 4000, 0);
		pause();
		break;
	case 11:
		send_to_all("\0version\0009", 10, 0);
		pause();
		break;
	case 12:
		send_to_all("\0step\0x\0errno\0y", 15, 0);
		pause();
		break;
	case 13:
		closefrom(0);
		pause();
	case 14:
		fprintf(stderr, "\xff\xfe\033[31mred\n");
		break;
	}
	errno = ENOTSUP;
	return NULL;
}
