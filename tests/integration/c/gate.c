// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// gate FILE [CALL NUMBER ACTION]... -- PROGRAM ARGUMENT...
//
// Runs PROGRAM. When it comes to a system call the NUMBERth time, that call waits while ACTION is
// done, a shell command, and then goes its way. An ACTION that is a number is an errno: the call does
// not happen and fails with it. CALL is "rename", or the name of a command of bpf(2) in uapi/linux/bpf.h
// without BPF_. Each of these rules counts from where the one before came true; one with NUMBER 0
// applies from the start and to every such call. With 0 as errno nothing but time is lost.
//
// How often each rule came true is written to FILE, in their order. The program is killed if a rule
// does more than 100,000 times, or if a shell command fails.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#define RENAME -1
#define MOST_RULES 64
#define MOST_TIMES 100000

static const struct {
	const char *name;
	int number;
} calls[] = {
	{ "rename", RENAME },
	{ "MAP_CREATE", BPF_MAP_CREATE },
	{ "MAP_LOOKUP_ELEM", BPF_MAP_LOOKUP_ELEM },
	{ "MAP_UPDATE_ELEM", BPF_MAP_UPDATE_ELEM },
	{ "MAP_GET_NEXT_KEY", BPF_MAP_GET_NEXT_KEY },
	{ "MAP_GET_FD_BY_ID", BPF_MAP_GET_FD_BY_ID },
	{ "MAP_LOOKUP_BATCH", BPF_MAP_LOOKUP_BATCH },
	{ "MAP_UPDATE_BATCH", BPF_MAP_UPDATE_BATCH },
	{ "MAP_FREEZE", BPF_MAP_FREEZE },
	{ "LINK_GET_FD_BY_ID", BPF_LINK_GET_FD_BY_ID },
};

static struct rule {
	int call;
	unsigned long number, seen, times;
	int error;
	const char *script;
} rules[MOST_RULES];
static int rule_count, current; // the first rule with a number that has not come true

static int find_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(calls[i].name, name))
			return calls[i].number;
	fprintf(stderr, "gate: no call %s\n", name);
	exit(2);
}

static int read_rules(char **words)
{
	int at = 0;

	while (words[at] && strcmp(words[at], "--")) {
		struct rule *rule = &rules[rule_count++];
		char *end;

		if (rule_count > MOST_RULES || !words[at + 1] || !words[at + 2])
			exit(2);
		rule->call = find_call(words[at]);
		rule->number = strtoul(words[at + 1], NULL, 0);
		rule->error = strtoul(words[at + 2], &end, 0);
		if (*end) {
			rule->error = 0;
			rule->script = words[at + 2];
		}
		at += 3;
	}
	return at + 1;
}

// Numbers of system calls: of the machine, and those of 32-bit programs.
static const struct numbers {
	__u32 arch; // 0 for any
	int bpf, renames[3];
} both[] = {
#ifdef __x86_64__
	{ AUDIT_ARCH_I386, 357, { 38, 302, 353 } },
#endif
	{ 0,
	  SYS_bpf,
	  {
#ifdef SYS_rename
		  SYS_rename,
#endif
#ifdef SYS_renameat
		  SYS_renameat,
#endif
		  SYS_renameat2,
	  } },
};

// Where a call that any rule is about is told of; `code` has room. How many instructions that are.
static int listen_to(const struct numbers *numbers, struct sock_filter *code)
{
	int at = 0, is_wanted = 0;

	for (int i = 0; i < rule_count; i++)
		is_wanted |= rules[i].call == RENAME;
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						  offsetof(struct seccomp_data, nr));
	for (int i = 0; is_wanted && i < 3 && numbers->renames[i]; i++) {
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							  numbers->renames[i], 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_USER_NOTIF);
	}
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers->bpf, 1, 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
	// The lower half of the first argument, whatever the byte order.
	code[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, args[0]) +
			(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
	for (int i = 0; i < rule_count; i++) {
		if (rules[i].call == RENAME)
			continue;
		code[at++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rules[i].call, 0, 1);
		code[at++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_USER_NOTIF);
	}
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
	return at;
}

static int listen_to_calls(void)
{
	struct sock_filter code[2 * (2 * MOST_RULES + 16)];
	struct sock_fprog program = { .filter = code };
	int at = 0;

	for (size_t i = 0; i < sizeof(both) / sizeof(*both); i++) {
		int length = listen_to(&both[i], code + at + (both[i].arch ? 2 : 0));

		if (both[i].arch) {
			code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
								  offsetof(struct seccomp_data, arch));
			code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								  both[i].arch, 0, length);
		}
		at += length;
	}
	program.len = at;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &program);
}

static int is_bpf(const struct seccomp_data *data)
{
	const struct numbers *numbers = both;

	while (numbers->arch && numbers->arch != data->arch)
		numbers++;
	return data->nr == numbers->bpf;
}

// The program shares our descriptors until it is executed, so we have its listener, too.
static pid_t start(char **words, int *listener)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		exit(2);
	child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		int made = listen_to_calls();

		if (made < 0) {
			perror("gate: seccomp");
			_exit(2);
		}
		if (write(ends[1], &made, sizeof(made)) < 0)
			_exit(2);
		execvp(words[0], words);
		perror(words[0]);
		_exit(2);
	}
	if (child < 0 || read(ends[0], listener, sizeof(*listener)) != sizeof(*listener))
		exit(2);
	close(ends[0]);
	close(ends[1]);
	return child;
}

static int run(const char *script)
{
	int status;
	pid_t child = fork();

	if (!child) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		if (!freopen("/dev/null", "r", stdin))
			_exit(2);
		execl("/bin/sh", "sh", "-ec", script, NULL);
		_exit(2);
	}
	return child < 0 || waitpid(child, &status, 0) < 0 || status;
}

// 0, or a negative errno that the call is to fail with; 1 when the program is to be killed.
static int judge(const struct seccomp_data *data)
{
	int call = is_bpf(data) ? (int)data->args[0] : RENAME;
	int verdict = 0;

	for (int i = 0; i < rule_count; i++) {
		struct rule *rule = &rules[i];

		if (rule->call != call || (rule->number && i != current))
			continue;
		if (rule->number && ++rule->seen < rule->number)
			continue;
		if (++rule->times > MOST_TIMES || (rule->script && run(rule->script)))
			return 1;
		verdict = -rule->error;
		if (!rule->number)
			continue;
		while (++current < rule_count && !rules[current].number)
			;
		break;
	}
	return verdict;
}

static int supervise(pid_t child, int listener)
{
	struct pollfd polled[] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN },
	};
	int status;

	while (poll(polled, 2, -1) > 0 && polled[0].revents & POLLIN) {
		struct seccomp_notif call = {};
		struct seccomp_notif_resp answer = {};
		int verdict;

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) {
			if (errno == ENOENT || errno == EINTR)
				continue; // the program was killed meanwhile
			perror("gate: listening");
			exit(2);
		}
		verdict = judge(&call.data);
		if (verdict > 0)
			kill(child, SIGKILL);
		answer.id = call.id;
		answer.error = verdict < 0 ? verdict : 0;
		answer.flags = verdict < 0 ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int listener, code, at;
	pid_t child;
	FILE *file;

	if (argc < 4)
		return 2;
	at = 2 + read_rules(argv + 2);
	while (current < rule_count && !rules[current].number)
		current++;
	child = start(argv + at, &listener);
	code = supervise(child, listener);
	file = fopen(argv[1], "w");
	for (int i = 0; file && i < rule_count; i++)
		fprintf(file, "%lu\n", rules[i].times);
	return !file || fclose(file) ? 2 : code;
}
