# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for the get-pip script that ansible-test downloads from a site of its own. Not everyone
can reach that; whoever ran `make setup` has PyPI. It says itself where such a script may be put.
"""

from __future__ import annotations

import subprocess
import sys

REFUSED = ("--no-setuptools", "--no-wheel")  # get-pip's own options: that is what happens anyway

if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument not in REFUSED]
    subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=True)
