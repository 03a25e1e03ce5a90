// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Types of keys and values, of every kind and odd ones: for values.bpf.c, which makes maps of them,
// and for values.c, which reads their fields on this machine.
#ifndef VALUES_H
#define VALUES_H

#include <linux/types.h>

typedef _Bool truth;

enum color { RED, GREEN = 5, BLUE, AZURE = 6, DEEP = 0x80000000 };
enum level { LOW = -3, NONE, HIGH = 7 };
enum shade { DARK = 1, LIGHT = 9 };
enum large { LARGE = 1ULL << 40, LARGEST = ~0ULL };
enum far_off { FAR_BELOW = -(1LL << 40), NOWHERE = 0, FAR_ABOVE = 1LL << 40 };
enum __attribute__((packed)) tiny { TINY = 1, TINIER };

struct integers {
	__u8 a;
	__s8 b;
	__u16 c;
	__s16 d;
	__u32 e;
	__s32 f;
	__u64 g;
	__s64 h;
};

struct gaps {
	__u8 a;
	__u64 b;
	__u8 c;
	__u16 d;
};

struct truths {
	truth yes;
	truth no;
	__u16 number;
};

struct enums {
	enum color color;
	enum level level;
	enum tiny tiny;
};

struct enums64 {
	enum large large;
	enum far_off far_off;
};

struct wide {
	unsigned __int128 all;
	__int128 half;
};

struct point {
	__s32 x;
	__s32 y;
};

struct nested {
	struct point from;
	struct {
		__u8 hops;
		struct point via;
	} way;
	__u8 last;
};

struct unnamed {
	__u8 version;
	union {
		__u32 v4;
		struct {
			__u16 high;
			__u16 low;
		};
		__u8 bytes[8];
	};
	__u16 port;
};

union either {
	__u8 few;
	__u64 many;
	struct point point;
};

struct chosen {
	__u32 kind;
	union either value;
};

struct bits {
	__u32 a : 3;
	__u32 b : 1;
	__u32 c : 17;
	__u32 d : 20; // into the next word
	__u8 e : 4;
};

struct signed_bits {
	__s32 a : 3;
	__s32 b : 13;
	__s32 : 4;
	__s16 c : 5;
	__s64 d : 40;
	__u16 plain;
};

struct many_bits {
	__u64 a : 63;
	__u64 b : 1;
	__u32 : 0;
	truth yes : 1;
	enum shade shade : 4;
	enum level level : 4;
};

union bits_or_number {
	struct {
		__u8 low : 4;
		__u8 high : 4;
	};
	__u8 both;
};

struct __attribute__((packed)) packed {
	__u8 a;
	__u64 b;
	__u16 c;
	struct point d;
	__u32 e : 7;
	__u32 f : 25;
};

struct slots {
	__u8 count;
	struct {
		__u32 addr;
		__u8 weight;
	} slot[3];
};

struct grid {
	__u16 cell[2][3];
	struct point corner[2][1];
};

struct texts {
	char name[16];
	char row[2][4];
	signed char numbers[2];
	unsigned char bytes[3];
};

typedef __u32 id_t_one;
typedef const id_t_one id_t_two;
typedef volatile id_t_two id_t_three;
typedef id_t_three ids[2];
typedef struct point place;
typedef const place places[2];

struct renamed {
	id_t_three id;
	ids both;
	places where;
};

#ifdef __clang__
#define TAGGED __attribute__((btf_decl_tag("declared")))
#else
#define TAGGED
#endif

struct tagged {
	__u32 id TAGGED;
	volatile const __u16 port;
} TAGGED;

struct hollow {
	struct {
	} nothing;
	__u16 something;
};

struct endpoint {
	__u32 addr; // all in the order of the network
	__u16 port;
	__u8 mac[6];
	__u8 addr6[16];
	__u32 peers[2];
	__u8 protocol;
};

struct prefix {
	__u32 length;
	__u8 address[4];
};

struct backend {
	struct endpoint endpoint;
	union {
		struct bits bits;
		__u64 raw[2];
	} flags;
	struct nested ways[2];
};

#endif
