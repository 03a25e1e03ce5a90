// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The types of types.bpf.c under other ids.
struct before_all_others {
	short number;
};

int use_before(struct before_all_others *before)
{
	return before->number;
}

#include "types.bpf.c"
