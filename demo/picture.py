# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the picture of a drift report that README shows, in headless Chromium.

demo/picture.py REPORT.html PICTURE.png
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from harness.browser import Browser  # noqa: E402

WIDTH, HEIGHT = 960, 770


def main(page: Path, picture: Path) -> None:
    """Show the page, and keep what is seen."""
    with tempfile.TemporaryDirectory(prefix="picture-") as profile:
        browser = Browser(Path(profile))
        try:
            browser.look_through(width=WIDTH, height=HEIGHT)
            browser.show(page)
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(browser.picture())
        finally:
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]))
