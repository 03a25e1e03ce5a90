// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// attach OBJECT NAME TARGET [LINK_PIN]: what a loader does. Attaches a program of links.bpf.c, or the map
// of congestion.bpf.c, by a link. TARGET is a network device or a path, "" where NAME says it all.
// Prints the ids of the program, of the link and of the map that belongs to it, and the offset of the
// instruction that a uprobe is on. Then it ends, when the
// link is pinned at LINK_PIN; else nothing but this process holds the link, and it ends with its
// standard input. Exits with 3 when the kernel does not load it.
#define _GNU_SOURCE // memmem
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

// Younger than the oldest libbpf and headers that this is compiled with.
static const int TYPE_NETFILTER = 32, ATTACH_STRUCT_OPS = 44, ATTACH_NETFILTER = 45,
		 ATTACH_TCX_INGRESS = 46, ATTACH_UPROBE_MULTI = 48, FLAG_LINK = 1 << 13;

struct netfilter_link_attr {
	__u32 prog_fd, target_fd, attach_type, flags, pf, hooknum;
	__s32 priority;
	__u32 netfilter_flags;
};

static int attach_netfilter(int program)
{
	struct netfilter_link_attr attr = {
		.prog_fd = program,
		.attach_type = ATTACH_NETFILTER,
		.pf = 2, // NFPROTO_IPV4
		.hooknum = 3, // NF_INET_LOCAL_OUT
		.priority = -128,
	};

	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

// Where an instruction of this program is in its file.
static unsigned long offset_of(const void *instruction)
{
	unsigned long start, end, offset, address = (unsigned long)instruction;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    start <= address && address < end)
			return address - start + offset;
	return 0;
}

struct uprobe_multi_link_attr {
	__u32 prog_fd, target_fd, attach_type, flags;
	__u64 path, offsets, ref_ctr_offsets, cookies;
	__u32 cnt, multi_flags, pid;
};

static int attach_uprobe_multi(int program)
{
	static __u64 offsets[2];
	struct uprobe_multi_link_attr attr = {
		.prog_fd = program,
		.attach_type = ATTACH_UPROBE_MULTI,
		.path = (__u64)(long)"/proc/self/exe",
		.offsets = (__u64)(long)offsets,
		.cnt = 2,
		.multi_flags = 1, // BPF_F_UPROBE_MULTI_RETURN
		.pid = getpid(), // told as 0 once it has ended
	};

	offsets[0] = offset_of(offset_of);
	offsets[1] = offset_of(attach_netfilter);
	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static struct bpf_link *attach_event(struct bpf_program *program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.sample_period = 1 << 20,
	};

	return bpf_program__attach_perf_event(
		program, syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, 0));
}

static struct bpf_link *attach_iter(struct bpf_program *program, int map, const char *target)
{
	union bpf_iter_link_info info = {};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));

	if (strstr(bpf_program__name(program), "map")) {
		info.map.map_fd = map;
	} else if (strstr(bpf_program__name(program), "task")) {
		info.task.pid = getpid();
	} else {
		info.cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
		info.cgroup.cgroup_fd = open(target, O_RDONLY);
	}
	return bpf_program__attach_iter(program, &options);
}

static int attach_map(struct bpf_map *map)
{
	// libbpf 1.1 fills the map and takes this for attached; the link came later (Linux 6.4).
	if (!bpf_map__attach_struct_ops(map))
		return -1;
	return bpf_link_create(bpf_map__fd(map), 0, ATTACH_STRUCT_OPS, NULL);
}

static int attach(struct bpf_program *program, struct bpf_map *map, const char *target)
{
	const char *name = bpf_program__name(program);
	int fd = bpf_program__fd(program);
	struct bpf_link *link;

	if (!strncmp(name, "on_xdp", 6))
		link = bpf_program__attach_xdp(program, if_nametoindex(target));
	else if (!strcmp(name, "on_cgroup"))
		link = bpf_program__attach_cgroup(program, open(target, O_RDONLY));
	else if (!strcmp(name, "on_netns"))
		link = bpf_program__attach_netns(program, open(target, O_RDONLY));
	else if (!strcmp(name, "on_tcx"))
		return bpf_link_create(fd, if_nametoindex(target), ATTACH_TCX_INGRESS, NULL);
	else if (!strcmp(name, "on_sockmap"))
		return bpf_link_create(fd, bpf_map__fd(map), BPF_SK_MSG_VERDICT, NULL);
	else if (!strcmp(name, "on_netfilter"))
		return attach_netfilter(fd);
	else if (!strcmp(name, "on_uprobe_multi"))
		return attach_uprobe_multi(fd);
	else if (!strcmp(name, "on_event"))
		link = attach_event(program);
	else if (!strcmp(name, "on_kprobe"))
		link = bpf_program__attach_kprobe(program, false, "bpf_fentry_test1");
	else if (!strcmp(name, "on_uretprobe"))
		link = bpf_program__attach_uprobe(program, true, getpid(), "/proc/self/exe",
						  offset_of(offset_of));
	else if (!strncmp(name, "on_iter_", 8))
		link = attach_iter(program, bpf_map__fd(map), target);
	else
		link = bpf_program__attach(program);
	return link ? bpf_link__fd(link) : -1;
}

static void prepare(struct bpf_program *program, const char *wanted)
{
	if (strcmp(bpf_program__name(program), wanted)) {
		bpf_program__set_autoload(program, false);
	} else if (!strcmp(wanted, "on_netfilter")) {
		bpf_program__set_type(program, TYPE_NETFILTER);
		bpf_program__set_expected_attach_type(program, ATTACH_NETFILTER);
	} else if (!strcmp(wanted, "on_uprobe_multi")) {
		bpf_program__set_expected_attach_type(program, ATTACH_UPROBE_MULTI);
	}
}

static struct bpf_object *open_object(const char *path)
{
	static char content[1 << 20], *name;
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(content, 1, sizeof(content), file) : 0;

	name = memmem(content, size, "pinning_test___", 15);
	if (name)
		sprintf(name, "pinned%09d", getpid());
	return bpf_object__open_mem(content, size, NULL);
}

static int id_of(int fd)
{
	char path[64], line[128];
	int id = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && !id && fgets(line, sizeof(line), file))
		if (sscanf(line, "map_id: %d", &id) || sscanf(line, "link_id: %d", &id) ||
		    sscanf(line, "prog_id: %d", &id))
			break;
	if (file)
		fclose(file);
	return id;
}

int main(int argc, char **argv)
{
	struct bpf_program *program, *wanted;
	struct bpf_object *object;
	struct bpf_map *map;
	int link;

	if (argc < 4)
		return 2;
	object = open_object(argv[1]);
	if (!object)
		return 1;
	map = bpf_object__find_map_by_name(object, argv[2]);
	wanted = bpf_object__find_program_by_name(object, argv[2]);
	if (map)
		bpf_map__set_map_flags(map, FLAG_LINK);
	else
		bpf_object__for_each_program(program, object)
			prepare(program, argv[2]);
	if (bpf_object__load(object))
		return 3;
	if (!map)
		map = bpf_object__find_map_by_name(
			object, strcmp(argv[2], "on_sockmap") ? "frames" : "sockets");
	link = wanted ? attach(wanted, map, argv[3]) : attach_map(map);
	if (link < 0 || (argc > 4 && bpf_obj_pin(link, argv[4]))) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	printf("{\"prog\": %d, \"link\": %d, \"map\": %d, \"offset\": %lu}\n",
	       wanted ? id_of(bpf_program__fd(wanted)) : 0, id_of(link), id_of(bpf_map__fd(map)),
	       offset_of(offset_of));
	fflush(stdout);
	while (argc == 4 && getchar() != EOF)
		;
	return 0;
}
