# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an environment lacks the tests of: those of controllers, or those that import Ansible."""

from __future__ import annotations

import sys
from importlib.util import find_spec

# Tests of what runs on controllers only, which have Python 3.11 or newer, or of texts.
OF_CONTROLLERS = [
    "test_btf_excerpt.py",
    "test_drift_causes.py",
    "test_drift_findings.py",
    "test_elf_fuzz.py",
    "test_loader_rules.py",
    "test_map_definitions.py",
    "test_object_files.py",
    "test_object_reader.py",
    "test_preflight_needs.py",
    "test_preflight_report.py",
    "test_support.py",
    "test_uapi_newest.py",
]
# These import Ansible, or what comes with it, which there is for controllers.
IMPORTING_ANSIBLE = [
    "test_adopted_files.py",
    "test_adopted_yaml.py",
    "test_drift_callback.py",
    "test_drift_manual.py",
    "test_drift_merge.py",
    "test_drift_health.py",
    "test_drift_page.py",
    "test_drift_report.py",
    "test_host_program.py",
    "test_module_pages.py",
    "test_options.py",
    "test_plain_values.py",
    "test_playbook_variables.py",
    "test_results.py",
    "test_settled.py",
    "test_told_apart.py",
    "test_troubleshooting.py",
    "test_upgrading.py",
    "test_words.py",
]

on_controllers = sys.version_info >= (3, 11) and find_spec("elftools")
collect_ignore = [] if on_controllers else [*OF_CONTROLLERS]
collect_ignore += [] if find_spec("ansible") else IMPORTING_ANSIBLE


def pytest_report_header() -> str:
    """What is left out, and why."""
    return f"left out, as only controllers run it: {' '.join(collect_ignore) or 'nothing'}"
