# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.rpaops.uipath.plugins.module_utils import _module
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK, encoded_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._module import HIDDEN, UiPathModule, reader_is_gone

WithArguments = Callable[[Callable[[], object], dict[str, Any]], dict[str, Any]]

PASSWORD = {"type": "str", "no_log": True}
PAIR = {"user_id": {"type": "str"}, "old_password": PASSWORD, "new_password": PASSWORD}
SPEC = {
    "client_id": {"type": "str"},
    "client_secret": PASSWORD,
    "retries": {"type": "int"},
    **PAIR,
    "users": {"type": "list", "elements": "dict", "options": PAIR},
}
USERS = [
    {"user_id": f"u{number}", "old_password": f"old-{number}", "new_password": f"new-{number}"} for number in (0, 1)
]


def make() -> UiPathModule:
    return UiPathModule(argument_spec=SPEC, supports_check_mode=True)


def arguments_in(result: dict[str, Any]) -> dict[str, Any]:
    return dict(result["invocation"]["module_args"])


class TestExitJson:
    def test_hides_passwords_in_the_arguments(self, with_arguments: WithArguments) -> None:
        given = {"user_id": "u1", "old_password": "hunter2", "new_password": "hunter3", "client_secret": "s3cret"}
        result = with_arguments(lambda: make().exit_json(changed=True), given)
        assert result["changed"] is True
        shown = {name: value for name, value in arguments_in(result).items() if value is not None}
        assert shown == {"user_id": "u1", **dict.fromkeys(("old_password", "new_password", "client_secret"), HIDDEN)}

    def test_hides_the_passwords_of_all_users_but_not_their_ids(self, with_arguments: WithArguments) -> None:
        result = with_arguments(lambda: make().exit_json(), {"users": USERS})
        hidden = {"old_password": HIDDEN, "new_password": HIDDEN}
        assert arguments_in(result)["users"] == [{"user_id": "u0", **hidden}, {"user_id": "u1", **hidden}]

    def test_stops_looking_for_passwords_and_for_nothing_else(self, with_arguments: WithArguments) -> None:
        left: list[set[str]] = []

        def main() -> None:
            module = make()
            assert {"old-0", "new-1", "s3cret"} <= module.no_log_values
            left.append(module.no_log_values)
            module.exit_json()

        with_arguments(main, {"users": USERS, "client_secret": "s3cret"})
        assert left == [{"s3cret"}]

    def test_a_password_that_is_also_an_id_leaves_the_id_alone(self, with_arguments: WithArguments) -> None:
        users = [{"user_id": "u1", "old_password": "u1", "new_password": "ok"}]
        result = with_arguments(lambda: make().exit_json(results=[{"user_id": "u1", "msg": "ok"}]), {"users": users})
        assert result["results"] == [{"user_id": "u1", "msg": "ok"}]


class TestFailJson:
    def test_masks_every_secret_in_a_complaint_about_options(self, with_arguments: WithArguments) -> None:
        given = {"users": USERS, "client_secret": "s3cret", "retries": "old-0 and new-1 and s3cret"}
        result = with_arguments(make, given)
        assert result["failed"] is True
        assert f"{MASK} and {MASK} and {MASK}" in result["msg"]

    def test_masks_a_secret_that_begins_with_another(self, with_arguments: WithArguments) -> None:
        secrets = ["hunter", *(f"hunter{end}" for end in "23456789")]
        users = [{"user_id": secret, "old_password": secret, "new_password": "new"} for secret in secrets]
        result = with_arguments(make, {"users": users, "retries": " ".join(secrets)})
        assert " ".join([MASK] * len(secrets)) in result["msg"]

    def test_leaves_the_words_of_this_collection_alone(self, with_arguments: WithArguments) -> None:
        users = [{"user_id": "u1", "old_password": "password", "new_password": "old"}]
        result = with_arguments(lambda: make().fail_json("The old password is wrong."), {"users": users})
        assert result["msg"] == "The old password is wrong."

    def test_keeps_other_results(self, with_arguments: WithArguments) -> None:
        result = with_arguments(lambda: make().fail_json("no", results=[1], changed=True), {})
        assert (result["results"], result["changed"]) == ([1], True)

    @pytest.mark.parametrize("value", ["hunter2", ["hunter2"], {"a": "hunter2"}, [{"old_password": "hunter2"}]])
    def test_hides_the_value_of_a_mistyped_option(self, value: Any, with_arguments: WithArguments) -> None:
        result = with_arguments(lambda: make().exit_json(), {"pasword": value, "user_id": "u1"})
        assert "Unsupported parameters" in result["msg"]
        assert "pasword" in result["msg"]
        assert "hunter2" not in str(result)

    def test_hides_the_value_of_a_mistyped_suboption(self, with_arguments: WithArguments) -> None:
        users = [{"user_id": "u1", "old_pasword": "hunter2", "new_password": "hunter3"}]
        result = with_arguments(lambda: make().exit_json(), {"users": users})
        assert "users.old_pasword" in result["msg"]
        assert "hunter" not in str(result)

    @pytest.mark.parametrize(
        "users",
        [
            "hunter2",
            ["hunter2"],
            [["u1", "hunter2"]],
            {"old_password": "hunter2"},
            [{"old_password": ["hunter2"]}, None],
        ],
    )
    def test_hides_users_of_another_type(self, users: Any, with_arguments: WithArguments) -> None:
        result = with_arguments(lambda: make().exit_json(), {"users": users})
        assert result["failed"] is True
        assert "hunter2" not in str(result)

    def test_hides_passwords_where_another_option_has_a_wrong_type(self, with_arguments: WithArguments) -> None:
        given = {"users": USERS, "old_password": "hunter2", "retries": "many"}
        result = with_arguments(lambda: make().exit_json(), given)
        assert "retries" in result["msg"]
        assert not any(secret in json.dumps(result) for secret in ("hunter2", "old-0", "new-1"))


class TestRegisterForms:
    def test_registers_every_form_of_every_secret(
        self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registered: set[str] = set()
        monkeypatch.setattr(_module, "register_secrets", registered.update)

        def main() -> None:
            module = make()
            module.register_forms(['qu"ote', "pass word"])
            module.exit_json()

        with_arguments(main, {})
        assert registered == encoded_forms('qu"ote') | encoded_forms("pass word")

    def test_works_on_every_ansible_core(self, with_arguments: WithArguments) -> None:
        def main() -> None:
            module = make()
            module.register_forms(["hunter2", "\ud800lone", "x"])
            module.exit_json()

        assert "failed" not in with_arguments(main, {})


class TestLogInvocation:
    def test_names_options_and_no_values(self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch) -> None:
        logged: list[Any] = []
        monkeypatch.setattr(AnsibleModule, "log", lambda self, *words, **more: logged.append((words, more)))
        given = {"users": USERS, "old_password": 'qu"ote', "client_id": "app", "retries": 7}
        with_arguments(lambda: make().exit_json(), given)
        assert logged == [(("Invoked with options client_id, old_password, retries, users",), {})]


class TestReaderIsGone:
    def test_not_while_the_pipe_is_open(self) -> None:
        reader, writer = os.pipe()
        assert not reader_is_gone(writer)
        os.close(reader)
        assert reader_is_gone(writer)
        os.close(writer)

    def test_never_with_a_file(self, tmp_path: Any) -> None:
        with (tmp_path / "out").open("w") as out:
            assert not reader_is_gone(out.fileno())
