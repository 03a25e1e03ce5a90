# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How a file is replaced: a new one is made ready beside it, and takes its name in one rename.

Whoever reads it gets the old one or the new one, also after a power cut. Used on hosts and on the
controller, which may be no Linux.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterable, Optional


class NewFile:
    """A file of our own that is open at `name`, relative to `directory` if that is given.

    At the end of `with` it is closed, and removed unless it was published.
    """

    def __init__(self, fd: int, name: str, directory: Optional[int] = None) -> None:
        self.fd = fd
        self._name = name
        self._directory = directory
        self._is_published = False

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, *_exception: object) -> None:
        # It may be locked, so it has to be gone before it is closed.
        try:
            if not self._is_published:
                with suppress(OSError):
                    os.unlink(self._name, dir_fd=self._directory)
        finally:
            os.close(self.fd)

    def write(self, pieces: Iterable[bytes]) -> None:
        """Have this as its content, whatever was written before."""
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)
        with open(self.fd, "wb", closefd=False) as file:
            file.writelines(pieces)

    def publish(self, name: str) -> None:
        """Give it the name of the file that it replaces. Owner, mode and the like are set before.

        The name outlasts a power cut once the directory is synced, too.
        """
        os.fsync(self.fd)
        os.rename(self._name, name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
        self._is_published = True
