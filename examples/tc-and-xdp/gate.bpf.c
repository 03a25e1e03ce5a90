// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The XDP program drops packets of blocked addresses; the one for tc counts those that came through.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct address {
	__u8 octets[4];
};

struct packets {
	__u64 passed, dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct address);
	__type(value, __u8);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct address);
	__type(value, struct packets);
} traffic SEC(".maps");

static struct packets *from(struct address *source, __u64 data, __u64 end)
{
	struct packets none = {};
	struct iphdr *packet = (void *)data + ETH_HLEN;

	if ((void *)(packet + 1) > (void *)end)
		return NULL;
	if (((struct ethhdr *)data)->h_proto != bpf_htons(ETH_P_IP))
		return NULL;
	__builtin_memcpy(source, &packet->saddr, sizeof(*source));
	bpf_map_update_elem(&traffic, source, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&traffic, source);
}

SEC("xdp")
int gate(struct xdp_md *frame)
{
	struct address source;
	struct packets *packets = from(&source, frame->data, frame->data_end);

	if (!packets || !bpf_map_lookup_elem(&blocked, &source))
		return XDP_PASS;
	__sync_fetch_and_add(&packets->dropped, 1);
	return XDP_DROP;
}

SEC("tc")
int meter(struct __sk_buff *frame)
{
	struct address source;
	struct packets *packets = from(&source, frame->data, frame->data_end);

	if (packets)
		__sync_fetch_and_add(&packets->passed, 1);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
