# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site; see tools/build-docs, which puts its sources together."""

project = "ebpf.pinning"
author = copyright = "ebpf.pinning contributors"  # noqa: A001  # Sphinx calls it so
release = "0.1.0"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
root_doc = "docs/index"
myst_heading_anchors = 3  # so that links to a heading work as they do in the repository
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "ebpf.pinning"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    # What the theme fetches from elsewhere unless it is told not to.
    "footer_icons": [],
    "light_css_variables": {"font-stack": "system-ui, sans-serif"},
    "dark_css_variables": {"font-stack": "system-ui, sans-serif"},
}
pygments_style = "default"
nitpicky = True
