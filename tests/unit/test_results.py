# SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module prints is what AnsibleModule itself makes of the same result."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.ebpf.pinning.plugins.module_utils._module.arguments import PinningModule

RESULTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "every kind of value": {
        "pins": [{"path": "/sys/fs/bpf/a", "id": 1, "map": {"flags": [], "map_extra": 2**63}}],
        "changed": True,
        "none": None,
        "text": "größer, \\n",
        "share": 0.5,
    },
    "one list inside another": {"lists": [[], [1, [2, {"three": [False]}]]]},
    "the word of a secret": {"pins": [{"name": "hidden", "path": "/p/hidden/x"}], "hidden": 4},
}
SPEC = {"token": {"type": "str", "no_log": True}, "name": {"type": "str"}}
ARGUMENTS = {
    "without a secret": {"name": "x"},
    "with a secret": {"name": "x", "token": "hidden"},
}
ENDS = {
    "well": lambda module, result: module.exit_json(**result),
    "badly": lambda module, result: module.fail_json(msg="hidden in here", **result),
}


def _printed(kind: Any, arguments: Any, end: Any, result: Any, output: Any) -> str:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        end(kind(argument_spec=SPEC), result)
    return str(output.readouterr().out)


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_result_is_printed_as_by_ansible(
    capsys: Any, arguments: Any, end: Any, result: Any
) -> None:
    expected = _printed(AnsibleModule, arguments, end, result, capsys)
    assert _printed(PinningModule, arguments, end, result, capsys) == expected
    if "token" in arguments and end is ENDS["badly"]:
        assert "hidden in here" not in expected


def test_no_secret_is_looked_for_where_none_was_given(capsys: Any) -> None:
    result = RESULTS["every kind of value"]
    search = mock.Mock(wraps=basic.remove_values)
    with mock.patch.object(basic, "remove_values", search):
        for arguments in ARGUMENTS.values():
            _printed(PinningModule, arguments, ENDS["well"], result, capsys)
            assert basic.remove_values is search  # as it was
    searched = [call.args[0] for call in search.call_args_list if "pins" in call.args[0]]
    assert len(searched) == 1  # with the secret
