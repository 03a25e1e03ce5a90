// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that need no JIT compiler, which s390x lacks. Each counts in a slot of its own, by as much as
// `step` says.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u16 port;
	__u8 flag;
	__u32 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct flow);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} flows SEC(".maps");

volatile const __u32 step = 1;

static __always_inline void count(__u32 slot)
{
	__u64 *value = bpf_map_lookup_elem(&calls, &slot);

	if (value)
		__sync_fetch_and_add(value, step);
}

SEC("xdp")
int at_device(void *context)
{
	count(0);
	return XDP_PASS;
}

SEC("cgroup_skb/egress")
int of_group(struct __sk_buff *packet)
{
	__u32 key = 2;
	struct flow flow = {.port = 0x111, .flag = 2, .packets = 3, .bytes = 0x0102030405060708};

	count(1);
	bpf_map_update_elem(&flows, &key, &flow, BPF_ANY);
	return 1;
}

SEC("kprobe/vfs_open")
int at_probe(void *context)
{
	count(2);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat")
int at_tracepoint(void *context)
{
	count(3);
	return 0;
}

char _license[] SEC("license") = "GPL";
