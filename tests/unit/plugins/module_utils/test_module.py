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
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connection_argument_spec
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput, Throttled
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK, encoded_forms
from ansible_collections.rpaops.uipath.plugins.module_utils._module import (
    DEFECT,
    HIDDEN,
    INTERRUPTED,
    MOST_REGISTERED,
    UiPathModule,
    defect,
    failure,
    failure_of,
    reader_is_gone,
    register_forms,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.conftest import WithArguments

PASSWORD = {"type": "str", "no_log": True}
NAMES = {"user_id": {"type": "str"}, "user_name": {"type": "str"}}
PAIR = {**NAMES, "old_password": PASSWORD, "new_password": PASSWORD}
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


class TestClient:
    def connected(self, with_arguments: WithArguments, *own_problems: str, **given: Any) -> dict[str, Any]:
        """The result of a module that only makes a client, with what it found on the way."""

        def main() -> None:
            module = UiPathModule(argument_spec=connection_argument_spec(), supports_check_mode=True)
            try:
                client = module.client(list(own_problems))
            except InvalidInput as error:
                module.exit_json(problems=error.problems)
            module.exit_json(identity_url=client.identity_url, hidden="s3cret" in module.no_log_values)

        options = {"identity_url": "https://host/identity", "access_token": "s3cret", **given}
        return with_arguments(main, options)

    def test_reaches_the_server_and_hides_its_secrets(self, with_arguments: WithArguments) -> None:
        result = self.connected(with_arguments)
        assert (result["identity_url"], result["hidden"]) == ("https://host/identity", True)
        assert "warnings" not in result

    def test_names_the_problems_of_the_connection_and_of_the_module(self, with_arguments: WithArguments) -> None:
        result = self.connected(with_arguments, "names[0] is empty", retries=-1)
        assert result["problems"] == ["retries must be from 0 to 100", "names[0] is empty"]

    def test_warns_of_an_unverified_server(self, with_arguments: WithArguments) -> None:
        warnings = self.connected(with_arguments, validate_certs=False)["warnings"]
        assert "validate_certs is false" in json.dumps(warnings)


class TestConclude:
    def concluded(self, with_arguments: WithArguments, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        result = with_arguments(lambda: make().conclude(work), {})
        del result["invocation"]
        return result

    def test_a_result(self, with_arguments: WithArguments) -> None:
        assert self.concluded(with_arguments, lambda: {"msg": "Done.", "changed": True}) == {
            "msg": "Done.",
            "changed": True,
        }

    def test_a_result_that_says_it_failed(self, with_arguments: WithArguments) -> None:
        given = {"failed": True, "msg": "No.", "results": [1], "changed": True}
        assert self.concluded(with_arguments, lambda: dict(given)) == given

    def test_an_error(self, with_arguments: WithArguments) -> None:
        def work() -> dict[str, Any]:
            raise Throttled("Slow down.", http_status=429, codes=["Busy"], trace_id="00-1")

        result = self.concluded(with_arguments, work)
        assert result == failure("throttled", "Slow down.", 429, ["Busy"], "00-1")

    def test_leaves_the_messages_of_this_collection_alone(self, with_arguments: WithArguments) -> None:
        users = [{"user_id": "u1", "old_password": "password", "new_password": "old"}]
        failed = failure("unknown", "The old password is wrong.")
        result = with_arguments(lambda: make().conclude(lambda: failed), {"users": users})
        assert result["msg"] == "The old password is wrong."

    def test_refused_input_shows_no_option(self, with_arguments: WithArguments) -> None:
        def work() -> dict[str, Any]:
            raise InvalidInput(["old_password is empty"])

        given = {"users": USERS, "client_id": "a secret in the wrong place"}
        result = with_arguments(lambda: make().conclude(work), given)
        assert result["msg"] == "Invalid input; nothing was changed: old_password is empty."
        shown = {value for value in arguments_in(result).values() if isinstance(value, (str, list, dict)) and value}
        assert shown == {HIDDEN}

    def test_an_interrupt(self, with_arguments: WithArguments) -> None:
        def work() -> dict[str, Any]:
            raise KeyboardInterrupt

        assert self.concluded(with_arguments, work) == failure("interrupted", INTERRUPTED)

    def test_a_defect(self, with_arguments: WithArguments) -> None:
        def work() -> dict[str, Any]:
            raise ZeroDivisionError("hunter2")

        assert self.concluded(with_arguments, work) == defect(ZeroDivisionError())

    def test_a_missing_library(self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_module, "REQUESTS_IMPORT_ERROR", "ImportError: requests")
        result = self.concluded(with_arguments, dict)
        assert result["failed"] is True
        assert "requests" in result["msg"]


class TestSetInternalProperties:
    @pytest.mark.parametrize("value", [["hunter2"], {"hunter2": "x"}, 1234567, True])
    @pytest.mark.parametrize("name", ["old_password", "new_password", "client_secret", "client_id", "user_id"])
    def test_refuses_what_is_no_string(self, with_arguments: WithArguments, name: str, value: Any) -> None:
        result = with_arguments(make, {name: value})
        assert (result["failed"], result["status"]) == (True, "invalid_input")
        assert f"{name} must be a string, but it is a" in result["msg"]
        assert not any(secret in str(result) for secret in ("hunter2", "1234567"))
        assert arguments_in(result)[name] == HIDDEN

    def test_of_many_users_names_the_index(self, with_arguments: WithArguments) -> None:
        users = [*USERS, {"user_id": 83, "old_password": ["hunter2"], "new_password": None}]
        assert with_arguments(make, {"users": users})["msg"] == (
            "Invalid input; nothing was changed: users[2].user_id must be a string, but it is a number: put it in"
            " quotes where it is defined; users[2].old_password must be a string, but it is a list."
        )


class Tracker:
    """The secrets that ansible-core 2.22 and later return for the controller to mask."""

    def __init__(self) -> None:
        self.secrets = ["hunter2"]

    def flush(self) -> None:
        self.secrets = []


class TestReturnFormatted:
    @pytest.mark.parametrize(("variables", "left"), [({}, ["hunter2"]), ({"ANSIBLE_ASYNC_DIR": "~/jobs"}, [])])
    def test_with_async_nothing_is_left_for_the_controller_to_mask(
        self,
        with_arguments: WithArguments,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        left: list[str],
    ) -> None:
        def return_tracked(module: Any, _result: dict[str, Any]) -> None:
            print(json.dumps({"left": module._new_secrets.secrets}))

        def main() -> None:
            module = make()
            vars(module)["_new_secrets"] = Tracker()
            module.exit_json()

        monkeypatch.setattr(AnsibleModule, "_return_formatted", return_tracked)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert with_arguments(main, {}) == {"left": left}


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
        shown = [{name: value for name, value in user.items() if value} for user in arguments_in(result)["users"]]
        assert shown == [{"user_id": "u0", **hidden}, {"user_id": "u1", **hidden}]

    def test_shows_names_as_it_shows_ids(self, with_arguments: WithArguments) -> None:
        given = {"users": [{"user_name": "jane", "old_password": "hunter2"}], "old_password": "hunter2"}
        arguments = arguments_in(with_arguments(lambda: make().exit_json(), {**given, "user_name": "joe"}))
        assert (arguments["user_name"], arguments["users"][0]["user_name"]) == ("joe", "jane")
        assert "hunter2" not in str(arguments)

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
        assert not any(secret in result["msg"] for secret in ("old-0", "new-1", "s3cret"))

    def test_masks_a_secret_that_begins_with_another(self, with_arguments: WithArguments) -> None:
        secrets = ["hunter", *(f"hunter{end}" for end in "23456789")]
        users = [{"user_id": secret, "old_password": secret, "new_password": "new"} for secret in secrets]
        result = with_arguments(make, {"users": users, "retries": " ".join(secrets)})
        assert not any(secret in result["msg"] for secret in secrets)
        assert not any(f"{MASK}{end}" in result["msg"] for end in "23456789")

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
        registered = self.registered(with_arguments, monkeypatch, ['qu"ote', "pass word"])
        assert registered == encoded_forms('qu"ote') | encoded_forms("pass word")

    def registered(
        self,
        with_arguments: WithArguments,
        monkeypatch: pytest.MonkeyPatch,
        secrets: list[str],
        *,
        has_registry: bool = True,
    ) -> set[str]:
        registered: set[str] = set()
        monkeypatch.setattr(_module, "register_secrets", registered.update, raising=False)
        monkeypatch.setattr(_module, "HAS_REGISTRY", has_registry)

        def main() -> None:
            module = make()
            register_forms(secrets)
            module.exit_json()

        with_arguments(main, {})
        return registered

    @pytest.mark.parametrize(("count", "is_registered"), [(MOST_REGISTERED, True), (MOST_REGISTERED + 1, False)])
    def test_registers_no_more_than_the_controller_can_carry(
        self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch, count: int, is_registered: bool
    ) -> None:
        secrets = [f"hunter-{number}" for number in range(count)]
        assert bool(self.registered(with_arguments, monkeypatch, secrets)) == is_registered

    def test_does_nothing_without_a_registry(
        self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def needless(secret: str) -> set[str]:
            raise AssertionError("forms that are not needed")

        monkeypatch.setattr(_module, "encoded_forms", needless)
        assert self.registered(with_arguments, monkeypatch, ["hunter2"], has_registry=False) == set()

    def test_works_on_every_ansible_core(self, with_arguments: WithArguments) -> None:
        def main() -> None:
            module = make()
            register_forms(["hunter2", "\ud800lone", "x"])
            module.exit_json()

        assert "failed" not in with_arguments(main, {})


class TestLogInvocation:
    def test_names_options_and_no_values(self, with_arguments: WithArguments, monkeypatch: pytest.MonkeyPatch) -> None:
        logged: list[Any] = []
        monkeypatch.setattr(AnsibleModule, "log", lambda self, *texts, **more: logged.append((texts, more)))
        given = {"users": USERS, "old_password": 'qu"ote', "client_id": "app", "retries": 7}
        with_arguments(lambda: make().exit_json(), given)
        assert logged == [(("Invoked with options client_id, old_password, retries, users",), {})]


class TestFailure:
    def test_shows_no_control_characters_of_a_name(self) -> None:
        assert failure("not_found", "no user a\x1b[2Jb\u202ec\nd")["msg"] == "no user a [2Jb c d"

    def test_has_every_key_whatever_happened(self) -> None:
        assert failure("interrupted", "Why.") == {
            "failed": True,
            "msg": "Why.",
            "status": "interrupted",
            "http_status": None,
            "error_codes": [],
            "trace_id": None,
        }


class TestFailureOf:
    def test_has_what_the_server_said(self) -> None:
        error = Throttled("Slow down.", http_status=429, codes=["Busy"], trace_id="00-1")
        assert failure_of(error) == failure("throttled", "Slow down.", 429, ["Busy"], "00-1")


class TestDefect:
    def test_names_the_error_and_not_its_text(self) -> None:
        assert defect(ZeroDivisionError("hunter2")) == failure("defect", f"{DEFECT} (ZeroDivisionError)")


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
