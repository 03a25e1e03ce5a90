// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// A map for each type of values.h, pinned by libbpf, with its BTF.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "values.h"

#define MAP(name, key_type, value_type)                \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_HASH);       \
		__uint(max_entries, 8);                \
		__type(key, key_type);                 \
		__type(value, value_type);             \
		__uint(pinning, LIBBPF_PIN_BY_NAME);   \
	} name SEC(".maps")

struct locked {
	__u32 before;
	struct bpf_spin_lock lock;
	__u64 count;
};

struct pointing {
	__u32 number;
	void *to;
};

struct floating {
	__u32 number;
	float ratio[2];
};

struct flexible {
	__u32 count;
	__u32 rest[];
};

MAP(m_integers, __u32, struct integers);
MAP(m_number, __s16, __u64);
MAP(m_negative, __u8, __s32);
MAP(m_letter, char, unsigned char);
MAP(m_truth, __u32, truth);
MAP(m_color, enum color, enum level);
MAP(m_gaps, struct gaps, struct gaps);
MAP(m_truths, __u32, struct truths);
MAP(m_enums, __u32, struct enums);
MAP(m_wide, __u32, struct wide);
MAP(m_nested, __u32, struct nested);
MAP(m_unnamed, __u32, struct unnamed);
MAP(m_union, __u32, union either);
MAP(m_chosen, __u32, struct chosen);
MAP(m_bits, struct bits, struct bits);
MAP(m_signed_bits, __u32, struct signed_bits);
MAP(m_many_bits, __u32, struct many_bits);
MAP(m_bits_or_number, __u32, union bits_or_number);
MAP(m_packed, struct packed, struct packed);
MAP(m_slots, __u32, struct slots);
MAP(m_grid, __u32, struct grid);
MAP(m_texts, __u32, struct texts);
MAP(m_renamed, id_t_three, struct renamed);
MAP(m_places, __u32, places);
MAP(m_tagged, __u32, struct tagged);
MAP(m_hollow, __u32, struct hollow);
MAP(m_endpoint, struct endpoint, struct endpoint);
MAP(m_backend, __u32, struct backend);
MAP(m_locked, __u32, struct locked);
MAP(m_pointing, __u32, struct pointing);
MAP(m_floating, __u32, struct floating);
MAP(m_flexible, __u32, struct flexible);
#if __clang_major__ >= 15 // enums of 64 bits
MAP(m_enums64, enum large, struct enums64);
#endif

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} m_prefix SEC(".maps");

// The map of a section of variables.
volatile __u32 limit = 7;
volatile struct point start = { -1, 2 };
const char *volatile where = 0;
volatile char label[8] = "first";
volatile double ratio;

SEC("socket")
int touch(void *context)
{
	return limit + start.x + !!where + label[0];
}

char _license[] SEC("license") = "GPL";
