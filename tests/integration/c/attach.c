// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// attach OBJECT NAME TARGET [LINK_PIN]: what a loader does. Attaches a program of links.bpf.c, or the map
// of congestion.bpf.c, by a link. TARGET is a network device or a path, "" where NAME says it all.
// Prints the ids of the program, of the link and of the map that belongs to it. Then it ends, when the
// link is pinned at LINK_PIN; else nothing but this process holds the link, and it ends with its
// standard input. Exits with 3 when the kernel does not load it.
#define _GNU_SOURCE // memmem
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

// Younger than the oldest libbpf and headers that this is compiled with.
static const int TYPE_NETFILTER = 32, ATTACH_STRUCT_OPS = 44, ATTACH_NETFILTER = 45,
		 ATTACH_TCX_INGRESS = 46, FLAG_LINK = 1 << 13;

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

static int attach_map(struct bpf_map *map)
{
	// libbpf 1.1 fills the map and takes this for attached; the link came later (Linux 6.4).
	if (!bpf_map__attach_struct_ops(map))
		return -1;
	return bpf_link_create(bpf_map__fd(map), 0, ATTACH_STRUCT_OPS, NULL);
}

static int attach(struct bpf_program *program, struct bpf_map *sockets, const char *target)
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
		return bpf_link_create(fd, bpf_map__fd(sockets), BPF_SK_MSG_VERDICT, NULL);
	else if (!strcmp(name, "on_netfilter"))
		return attach_netfilter(fd);
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
	printf("{\"prog\": %d, \"link\": %d, \"map\": %d}\n",
	       wanted ? id_of(bpf_program__fd(wanted)) : 0, id_of(link), id_of(bpf_map__fd(map)));
	fflush(stdout);
	while (argc == 4 && getchar() != EOF)
		;
	return 0;
}
