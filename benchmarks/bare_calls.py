# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of Python: the system calls that maps need, in a loop, and nothing around them.

    bare_calls.py make|look FOLDER COUNT TYPE KEY_SIZE VALUE_SIZE MAX_ENTRIES

Makes, pins and closes so many maps, or gets them, asks what they are and closes them. Prints the
milliseconds. Nothing is read of what the kernel answers, and no error is told but by its number.
Sources: man 2 bpf, union bpf_attr of include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time

NUMBERS = {"x86_64": 321, "s390x": 351, "ppc64": 361, "ppc64le": 361}
NEWER = 280  # of all architectures that took the common table
MAP_CREATE, OBJ_PIN, OBJ_GET, OBJ_GET_INFO_BY_FD = 0, 6, 7, 15
_CREATE = struct.Struct("=7I16s")
_OBJECT = struct.Struct("=Q2I")
_INFO = struct.Struct("=2IQ")
_INFO_SIZE = 256


class _Command:
    def __init__(self, number: int, layout: struct.Struct) -> None:
        self._attr = bytearray(layout.size)
        address = ctypes.addressof((ctypes.c_char * layout.size).from_buffer(self._attr))
        self._pack = layout.pack_into
        self._arguments = (
            ctypes.c_long(NUMBERS.get(os.uname().machine, NEWER)),
            ctypes.c_int(number),
            ctypes.c_void_p(address),
            ctypes.c_uint(layout.size),
        )
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall

    def __call__(self, *fields: object) -> int:
        self._pack(self._attr, 0, *fields)
        result: int = self._syscall(*self._arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), "bpf")
        return result


def main() -> None:
    step, folder, *numbers = sys.argv[1:]
    count, kind, key_size, value_size, max_entries = map(int, numbers)
    names = [b"map_%d" % number for number in range(count)]
    paths = [ctypes.create_string_buffer(b"%s/%s" % (folder.encode(), name)) for name in names]
    places = [ctypes.addressof(path) for path in paths]
    create, pin = _Command(MAP_CREATE, _CREATE), _Command(OBJ_PIN, _OBJECT)
    get, info = _Command(OBJ_GET, _OBJECT), _Command(OBJ_GET_INFO_BY_FD, _INFO)
    answer = ctypes.create_string_buffer(_INFO_SIZE)
    start = time.perf_counter()
    if step == "make":
        for name, place in zip(names, places, strict=True):
            fd = create(kind, key_size, value_size, max_entries, 0, 0, 0, name)
            pin(place, fd, 0)
            os.close(fd)
    else:
        for place in places:
            fd = get(place, 0, 0)
            info(fd, _INFO_SIZE, ctypes.addressof(answer))
            os.close(fd)
    print((time.perf_counter() - start) * 1e3)


if __name__ == "__main__":
    main()
