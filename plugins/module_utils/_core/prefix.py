# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Keys of an lpm_trie: the length of a prefix, and its bits. Pure.

Source: struct bpf_lpm_trie_key of linux/bpf.h, longest_prefix_match in kernel/bpf/lpm_trie.c.
"""

from __future__ import annotations

from typing import Literal

LENGTH = 4  # bytes of the length of a prefix


def host_bits(key: bytes, byte_order: Literal["little", "big"]) -> int:
    """Return the bits beyond the length of the prefix, which mean nothing to the kernel."""
    length = int.from_bytes(key[:LENGTH], byte_order)
    beyond = max(0, 8 * (len(key) - LENGTH) - length)
    return int.from_bytes(key[LENGTH:], "big") & ((1 << beyond) - 1)


def without(key: bytes, bits: int) -> bytes:
    """Return the key that means the same, with zeros for its host bits."""
    data = int.from_bytes(key[LENGTH:], "big") - bits
    return key[:LENGTH] + data.to_bytes(len(key) - LENGTH, "big")
