// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Programs that look up what values of maps mean: other programs, devices, CPUs, cgroups.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_jumps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__uint(value_size, 4);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} meant_filter SEC(".maps");

// The first byte of a packet says which slot.
static __u32 first_of(struct xdp_md *context)
{
	__u8 *start = (void *)(long)context->data, *end = (void *)(long)context->data_end;

	return start + 1 > end ? 0 : *start;
}

SEC("xdp")
int meant_jump(struct xdp_md *context)
{
	bpf_tail_call(context, &meant_jumps, first_of(context));
	return XDP_ABORTED;
}

SEC("xdp")
int meant_drop(struct xdp_md *context)
{
	return XDP_DROP;
}

SEC("xdp")
int meant_pass(struct xdp_md *context)
{
	return XDP_PASS;
}

SEC("xdp")
int meant_to_port(struct xdp_md *context)
{
	return bpf_redirect_map(&meant_ports, 7, XDP_ABORTED);
}

SEC("xdp")
int meant_to_cpu(struct xdp_md *context)
{
	return bpf_redirect_map(&meant_cpus, first_of(context), XDP_ABORTED);
}

SEC("xdp/devmap")
int meant_egress(struct xdp_md *context)
{
	return XDP_PASS;
}

SEC("xdp/cpumap")
int meant_on_cpu(struct xdp_md *context)
{
	return XDP_PASS;
}

SEC("tc")
int meant_other(struct __sk_buff *packet)
{
	return 0;
}

// 1 if this task is in the cgroup of slot 1.
SEC("tc")
int meant_member(struct __sk_buff *packet)
{
	return bpf_current_task_under_cgroup(&meant_groups, 1);
}

// What was put in, one after the other.
SEC("tc")
int meant_next(struct __sk_buff *packet)
{
	__u32 value = 0;

	return bpf_map_pop_elem(&meant_queue, &value) ? -1 : value;
}

SEC("tc")
int meant_last(struct __sk_buff *packet)
{
	__u32 value = 0;

	return bpf_map_pop_elem(&meant_stack, &value) ? -1 : value;
}

// 1 if the first four bytes of a packet may be in the filter.
SEC("tc")
int meant_known(struct __sk_buff *packet)
{
	__u32 value = 0;

	bpf_skb_load_bytes(packet, 0, &value, 4);
	return bpf_map_peek_elem(&meant_filter, &value) ? 0 : 1;
}

char _license[] SEC("license") = "GPL";
