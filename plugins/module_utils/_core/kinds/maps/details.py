# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is to be known of a map beside its shape. Opens read-only, changes nothing."""

from __future__ import annotations

import os
from typing import Optional

from ...entries import Layout, kin_of, survey
from ...host import this_host
from ...shape import MapShape, Survey, is_stranger
from ...syscall import Fd
from ...uapi import MapInfo
from ..pins.btf import btf_of
from ..pins.declaration import OnMismatch
from ..pins.objects import Inspect, fdinfo
from ..pins.observed import MapDetails
from .declaration import MapSpec, WantedPin
from .entries import content_of
from .make import Trial, try_out, why_without_btf


def inspector(pin: WantedPin, *, predicting: bool) -> Inspect:
    """Return what looks at a map that has the name, as far as the declaration needs it."""
    spec = pin.map
    migrates = pin.on_mismatch is OnMismatch.MIGRATE

    def inspect(fd: Fd, pin_path: bytes, info: MapInfo) -> MapDetails:
        shape = MapShape.of(info)
        fits, inner, inner_fields = None, None, None
        if spec.inner is not None and info.type == spec.shape.number:
            from .inner import observe_inner

            fits, inner, inner_fields = observe_inner(fd, pin_path, shape, spec.inner)
        has_btf = spec.btf is not None
        moves = migrates and (
            shape != spec.shape or pin.frozen is False or has_btf or _is_to_be_left(pin, pin_path)
        )
        btf, hidden = btf_of(info) if has_btf or moves else (None, False)
        trial = Trial()
        if has_btf and shape == spec.shape and not info.btf_id:
            trial = Trial(why_without_btf(spec))
        elif has_btf and not info.btf_id:
            trial = try_out(spec, frozen=bool(pin.frozen))
        elif predicting and pin.may_be_replaced:
            new = spec.inheriting(btf, shape.value_size)
            trial = try_out(new, frozen=bool(pin.frozen))
        is_closed = pin.frozen is not None or pin.content is not None
        frozen = fdinfo(fd).get("frozen") == 1 if is_closed else None
        entries = None
        if pin.content is not None:
            entries = content_of(fd, info, shape, pin)
        contents = _survey(fd, shape, spec, predicting=predicting) if moves else None
        return MapDetails(
            frozen,
            btf,
            hidden,
            trial.without_btf,
            fits,
            inner,
            inner_fields,
            contents,
            refusal=trial.refusal if predicting else "",
            entries=entries,
        )

    return inspect


def _is_to_be_left(pin: WantedPin, pin_path: bytes) -> bool:
    """Return whether the map is to be another one because of whose pin it is."""
    owner = pin.access.owner
    return owner is not None and is_stranger(os.stat(pin_path).st_uid, owner, os.geteuid())


def _survey(fd: Fd, shape: MapShape, wanted: MapSpec, *, predicting: bool) -> Optional[Survey]:
    """Return what there is to copy; None if it does not matter: it takes reading all entries."""
    kin = kin_of(shape)
    if kin is None or kin is not wanted.kind.kin:
        return None
    may_be_short = wanted.shape.max_entries < shape.max_entries or wanted.kind.evicts
    if not (predicting or may_be_short):
        return None
    return survey(fd, Layout.of(shape, kin, this_host()), wanted.shape.max_entries)
