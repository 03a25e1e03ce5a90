// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counts packets, in a map that outlives the programs. Attach them with XDP or with tc.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pinmap_packets SEC(".maps");

static void count(void)
{
	__u32 slot = 0;
	__u64 *packets = bpf_map_lookup_elem(&pinmap_packets, &slot);

	if (packets)
		__sync_fetch_and_add(packets, 1);
}

SEC("xdp")
int pinmap_xdp(struct xdp_md *context)
{
	count();
	return XDP_PASS;
}

SEC("tc")
int pinmap_tc(struct __sk_buff *packet)
{
	count();
	return 0; // TC_ACT_OK
}

char _license[] SEC("license") = "GPL";
