# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip script that ansible-test downloads: pip, from the wheel beside it."""

from __future__ import annotations

import glob
import os
import sys

VERSION = os.path.basename(__file__)[len("get_pip_") : -len(".py")].replace("_", ".")
WHEEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"pip-{VERSION}-*.whl")

sys.path[:0] = glob.glob(WHEEL)

from pip._internal.cli.main import main  # noqa: E402

REFUSED = ("--no-setuptools", "--no-wheel")  # get-pip's own options: that is what happens anyway

if __name__ == "__main__":
    sys.exit(main(["install", *(argument for argument in sys.argv[1:] if argument not in REFUSED)]))
