# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site; see `docs` in noxfile.py, which puts its sources together."""

import re
import sys
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / ".cache")]  # for what is of our own, below

project = "ebpf.pinning"
author = copyright = "ebpf.pinning contributors"
GALAXY = (ROOT / "galaxy.yml").read_text()
release = re.search(r"^version: (.+)$", GALAXY, re.M)[1]

extensions = [
    "myst_parser",
    "sphinx_antsibull_ext",
    "sphinx_copybutton",
    "sphinx_design",
    "site_pages.blocks",
    "site_pages.contents",
    "site_pages.messages",
    "site_pages.terms",
]
root_doc = "index"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3  # so that links to a heading work as they do in the repository
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "ebpf.pinning"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["results.js"]
html_favicon = "static/favicon.svg"
html_use_index = False  # the search finds what it would have
copybutton_prompt_text = "$ "
copybutton_selector = "div.highlight pre"
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

# What the pages of modules and plugins refer to in the documentation of Ansible. Written down here,
# as the site is built without a network; a name that is missing here is a warning.
ANSIBLE = "https://docs.ansible.com/ansible/latest/"
OF_ANSIBLE = {
    "common_return_values": "reference_appendices/common_return_values.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "action_plugins": "plugins/action.html",
    "callback_plugins": "plugins/callback.html",
    "ansible_collections.ansible.builtin.file_lookup": (
        "collections/ansible/builtin/file_lookup.html"
    ),
}


def link_to_ansible(_app, _env, node, content):
    """A reference that the site itself does not know."""
    page = OF_ANSIBLE.get(node.get("reftarget"))
    if page is None:
        return None
    return nodes.reference("", "", content, internal=False, refuri=ANSIBLE + page)


def setup(app):
    """Called by Sphinx."""
    app.connect("missing-reference", link_to_ansible)
