# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared entries as bytes: a value for each possible CPU, prefixes of tries; and any nonsense."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ebpf.pinning.plugins.module_utils._core import host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.errors import PinningError
from ansible_collections.ebpf.pinning.plugins.module_utils._core.kinds.maps import content
from ansible_collections.ebpf.pinning.plugins.module_utils._core.map_types import MAP_TYPES, Host
from ansible_collections.ebpf.pinning.plugins.module_utils._core.shape import MapShape
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

KINDS = {"hash": 1, "array": 2, "percpu_hash": 5, "percpu_array": 6, "lpm_trie": 11}


def encoded(given: dict[str, Any], number: int, key: int = 4, value: int = 4) -> dict[bytes, bytes]:
    wanted = content.WantedContent(given, MapShape(number, key, value, 4, 0, 0))
    return dict(wanted.encoded(None).pairs)


@pytest.mark.parametrize("ranges", ["0,2-3", "0-1,4", "1,3,5"])
def test_there_is_a_value_for_each_possible_cpu_whatever_their_numbers(
    ranges: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """for_each_possible_cpu in kernel/bpf puts values one after the other, without the gaps."""
    there = Host(4096, host.count_cpus(ranges))
    monkeypatch.setattr(content, "this_host", lambda: there)
    words = {"key_format": "u32", "value_format": "u32"}
    entries = [{"key": 0, "value": 7}, {"key": 1, "value": [1, 2, 3]}]
    pad = bytes(4)
    values = [number.to_bytes(4, "little") + pad for number in (1, 2, 3)]
    assert list(encoded({**words, "entries": entries}, KINDS["percpu_hash"]).values()) == [
        ((7).to_bytes(4, "little") + pad) * 3,
        b"".join(values),
    ]
    for wrong in ([1, 2], [1, 2, 3, 4], []):
        bad = {**words, "entries": [{"key": 0, "value": wrong}]}
        with pytest.raises(PinningError, match=r"entries\[0\]\.value: .* a list of 3, one for"):
            encoded(bad, KINDS["percpu_hash"])
    bad = {**words, "entries": [{"key": 0, "value": [1, "x", 3]}]}
    with pytest.raises(PinningError, match=r"entries\[0\]\.value\[1\]: must be a whole number"):
        encoded(bad, KINDS["percpu_hash"])


PARTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["10.0.0.1", "10.0.0.1/8", "::1", "0x01 0x02 0x03 0x04", "key", "value"]),
)
NONSENSE = st.recursive(
    PARTS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.text(max_size=4), PARTS), inner)
    ),
    max_leaves=8,
)
FORMATS = st.one_of(
    st.sampled_from([None, "u32", "be32", "ipv4", "hex", "bytes", "string", "ifindex", "cidr4"]),
    st.just([{"name": "a", "format": "u16"}, {"format": "pad", "size": 2}]),
    NONSENSE,
)
ITEMS = st.lists(
    st.one_of(NONSENSE, st.fixed_dictionaries({"key": NONSENSE, "value": NONSENSE})), max_size=4
)


@examples(300)
@given(st.data())
def test_any_nonsense_is_encoded_or_refused_in_words(data: st.DataObject) -> None:
    """Never by an error of Python's, which would show it, and never to another size."""
    number = data.draw(st.sampled_from([*KINDS.values()]))
    key = 8 if number == KINDS["lpm_trie"] else 4
    given = {
        "entries": data.draw(ITEMS),
        "entries_absent": data.draw(st.one_of(st.none(), st.lists(NONSENSE, max_size=2))),
        "key_format": data.draw(FORMATS),
        "value_format": data.draw(FORMATS),
        "host_bits": data.draw(st.sampled_from([None, "mask", "refuse"])),
    }
    try:
        pairs = encoded(given, number, key)
    except PinningError:
        return
    kin = next(row.kin for row in MAP_TYPES.values() if row.number == number)
    assert kin is not None
    size = 8 * host.this_host().possible_cpus if kin.per_cpu else 4
    assert {len(each) for each in pairs} <= {key}
    assert {len(each) for each in pairs.values()} <= {size}


BYTES = st.one_of(
    st.lists(st.integers(-1, 256), max_size=9),
    st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), max_size=3),
)
DUMPED = st.lists(
    st.one_of(
        st.fixed_dictionaries({"key": BYTES, "value": BYTES}),
        st.fixed_dictionaries(
            {
                "key": st.just(["0x01", "0x00", "0x00", "0x00"]),
                "values": st.lists(
                    st.fixed_dictionaries(
                        {
                            "cpu": st.integers(0, 3),
                            "value": st.lists(st.sampled_from(["0x01", "0xff"]), max_size=5),
                        }
                    ),
                    max_size=3,
                ),
            }
        ),
        st.fixed_dictionaries(
            {
                "key": st.lists(st.sampled_from(["0x01", "0x21"]), min_size=4, max_size=8),
                "value": st.lists(st.sampled_from(["0x01", "0xff"]), max_size=5),
            }
        ),
    ),
    max_size=3,
)


@examples(200)
@given(data=st.data())
def test_a_dump_of_bpftool_is_encoded_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    number = data.draw(st.sampled_from([*KINDS.values()]))
    path = tmp_path_factory.getbasetemp() / "dump.json"
    path.write_text(json.dumps(data.draw(DUMPED)))
    given = {
        "entries_from": {"src": str(path), "format": "json"},
        "key_format": data.draw(st.sampled_from(["u32", "bytes", None])),
        "value_format": data.draw(st.sampled_from(["u32", "bytes", None])),
    }
    try:
        pairs = encoded(given, number)
    except PinningError:
        return
    per_cpu = number in (KINDS["percpu_hash"], KINDS["percpu_array"])
    size = 8 * host.this_host().possible_cpus if per_cpu else 4
    assert {len(each) for each in pairs.values()} <= {size}
