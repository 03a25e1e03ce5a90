// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// hold HOW PATH...: opens pins and keeps what they hold until its standard input ends. HOW is
//   open    descriptors of the process
//   memory  only memory of the maps
//   thread  descriptors of a thread that shares them with no other
//   event   a perf event that runs the program, a tracepoint's (sched_process_exec)
//   slowly  like open, one pin every 2 ms, with a line "PATH SECONDS" for each, after it was opened
// Prints "ready" when it has all.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

static char **paths;

static void wait_for_end(void)
{
	char letter;

	printf("ready\n");
	fflush(stdout);
	while (read(0, &letter, 1) > 0)
		;
}

static void *apart(void *nothing)
{
	if (unshare(CLONE_FILES))
		return NULL;
	for (char **path = paths; *path; path++)
		if (bpf_obj_get(*path) < 0)
			return NULL;
	wait_for_end();
	return nothing;
}

static int attach(int program)
{
	struct perf_event_attr event = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(event) };
	FILE *id = fopen("/sys/kernel/tracing/events/sched/sched_process_exec/id", "r");
	long fd;

	if (!id || fscanf(id, "%llu", &event.config) != 1)
		return -1;
	fclose(id);
	fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, 0);
	return fd < 0 ? -1 : ioctl(fd, PERF_EVENT_IOC_SET_BPF, program);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3)
		return 2;
	paths = argv + 2;
	if (!strcmp(argv[1], "thread")) {
		if (pthread_create(&thread, NULL, apart, NULL))
			return 1;
		return pthread_join(thread, NULL);
	}
	for (char **path = paths; *path; path++) {
		int fd = bpf_obj_get(*path);

		if (!strcmp(argv[1], "slowly")) {
			struct timespec now, pause = { .tv_nsec = 2000000 };

			clock_gettime(CLOCK_REALTIME, &now);
			if (fd >= 0)
				printf("%s %lld.%09ld\n", *path, (long long)now.tv_sec, now.tv_nsec);
			nanosleep(&pause, NULL);
			continue;
		}
		if (fd < 0) {
			perror(*path);
			return 1;
		}
		if (!strcmp(argv[1], "event")) {
			if (attach(fd)) {
				perror("attach");
				return 1;
			}
			close(fd);
		}
		if (!strcmp(argv[1], "memory")) {
			if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED) {
				perror("mmap");
				return 1;
			}
			close(fd);
		}
	}
	wait_for_end();
	return 0;
}
