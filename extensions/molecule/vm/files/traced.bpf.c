// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the machines' kernels have and others may not: tracing, LSM, probes, netkit. Each program counts
// in a slot of its own. KERNEL is 510, 601 or 612.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} calls SEC(".maps");

static __always_inline int count(__u32 slot)
{
	__u64 *value = bpf_map_lookup_elem(&calls, &slot);

	if (value)
		__sync_fetch_and_add(value, 1);
	return 0;
}

SEC("xdp")
int at_device(void *context)
{
	count(0);
	return XDP_PASS;
}

SEC("fentry/vfs_open")
int at_entry(void *context)
{
	return count(1);
}

SEC("fexit/vfs_open")
int at_exit(void *context)
{
	return count(2);
}

SEC("fmod_ret/security_file_open")
int at_return(void *context)
{
	return count(3);
}

SEC("lsm/file_open")
int at_hook(void *context)
{
	return count(4);
}

SEC("kprobe/vfs_open")
int at_probe(void *context)
{
	return count(5);
}

SEC("kretprobe/vfs_open")
int at_return_probe(void *context)
{
	return count(6);
}

#if KERNEL >= 601
SEC("lsm_cgroup/socket_bind")
int of_group(void *context)
{
	count(7);
	return 1;
}
#endif

#if KERNEL >= 612
SEC("netkit/primary")
int at_primary(struct __sk_buff *packet)
{
	count(8);
	return -1; /* NETKIT_NEXT */
}

SEC("netkit/peer")
int at_peer(struct __sk_buff *packet)
{
	count(9);
	return -1;
}
#endif

char _license[] SEC("license") = "GPL";
