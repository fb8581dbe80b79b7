# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import connection_argument_spec
from ansible_collections.rpaops.uipath.plugins.modules import uipath_user_info, uipath_user_password
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import (
    option_problems,
    password_rules,
    rotation_argument_spec,
    rotation_requests,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import STATES, RotationRequest

UUID = "0C9C1C5E-7D0B-4F52-9A3E-2F6F0A7D1B11"
NAN, INFINITE = float("nan"), float("inf")


def options(**given: Any) -> dict[str, Any]:
    """The options as the action gets them, from what a task says."""
    task = {
        "identity_url": "https://host/identity/",
        "access_token": "t",
        "store": {"path": "store"},
        "accounts": [{"user_id": "u1"}],
        **given,
    }
    validation = ArgumentSpecValidator(rotation_argument_spec()).validate(task)
    assert validation.error_messages == []
    return dict(validation.validated_parameters)


class TestRotationArgumentSpec:
    @pytest.mark.parametrize("module", [uipath_user_info, uipath_user_password])
    def test_has_the_connection_options_of_the_modules(self, module: Any) -> None:
        def comparable(spec: dict[str, Any]) -> dict[str, Any]:
            return {name: spec[name] for name in connection_argument_spec()}

        assert comparable(rotation_argument_spec()) == comparable(module.argument_spec())

    def test_hides_the_secrets(self) -> None:
        spec = rotation_argument_spec()
        hidden = {name for name, option in spec.items() if option.get("no_log")}
        assert hidden == {"access_token", "client_secret", "proxy"}
        assert spec["accounts"]["options"]["initial_password"]["no_log"] is True

    def test_fills_in_every_default(self) -> None:
        found = options(password={})
        assert (found["state"], found["max_age_days"], found["concurrency"], found["settle_seconds"]) == (
            "rotated",
            90.0,
            4,
            90.0,
        )
        assert (found["max_failures"], found["force"], found["consumers"]) == (None, False, None)
        assert password_rules(found) == PasswordRules()


class TestPasswordRules:
    def test_without_the_option_they_are_the_documented_ones(self) -> None:
        assert password_rules(options()) == PasswordRules()

    def test_as_given(self) -> None:
        given = {"length": 40, "lower": 2, "upper": 3, "digits": 4, "special": 5, "exclude": "0O"}
        assert password_rules(options(password=given)) == PasswordRules(**given)  # type: ignore[arg-type]


class TestOptionProblems:
    @pytest.mark.parametrize(
        "given",
        [
            {},
            {"accounts": []},
            {"accounts": [{"user_name": "a@example.com", "name": "a", "initial_password": "x"}]},
            {"accounts": [{"user_id": "u1"}, {"user_id": "U1"}]},
            {"accounts": [{"user_name": "x", "name": "X"}, {"user_name": "y"}]},
            {"concurrency": 1, "max_failures": 0, "max_age_days": 0, "settle_seconds": 0},
            {"concurrency": 64, "settle_seconds": 86400},
        ],
    )
    def test_none(self, given: dict[str, Any]) -> None:
        assert option_problems(options(**given)) == []

    @pytest.mark.parametrize(
        ("given", "problem"),
        [
            ({"concurrency": 0}, "concurrency must be from 1 to 64"),
            ({"concurrency": 65}, "concurrency must be from 1 to 64"),
            ({"max_failures": -1}, "max_failures must be at least 0"),
            ({"max_age_days": -0.1}, "max_age_days must be at least 0"),
            ({"max_age_days": NAN}, "max_age_days must be at least 0"),
            ({"max_age_days": INFINITE}, "max_age_days must be at least 0"),
            ({"settle_seconds": -1}, "settle_seconds must be from 0 to 86400"),
            ({"settle_seconds": 86401}, "settle_seconds must be from 0 to 86400"),
            ({"password": {"length": 7}}, "password.length must be from 8 to 256"),
            ({"password": {"special_characters": ""}}, "password.special is set, but password.exclude"),
            ({"accounts": [{}]}, "accounts[0].user_id or accounts[0].user_name is required"),
            (
                {"accounts": [{"user_id": "u", "user_name": "n"}]},
                "accounts[0].user_id and accounts[0].user_name are mutually exclusive",
            ),
            ({"accounts": [{"user_id": ""}]}, "accounts[0].user_id is empty"),
            ({"accounts": [{"user_name": ""}]}, "accounts[0].user_name is empty"),
            ({"accounts": [{"user_id": "u", "name": ""}]}, "accounts[0].name is empty"),
            ({"accounts": [{"user_id": "u", "initial_password": ""}]}, "accounts[0].initial_password is empty"),
            (
                {"accounts": [{"user_id": "u", "initial_password": "x\udcf6"}]},
                "accounts[0].initial_password contains an unpaired surrogate",
            ),
            ({"accounts": [{"user_id": ".."}]}, "accounts[0].user_id cannot be part of a URL"),
            (
                {"accounts": [{"user_id": UUID}, {"user_id": UUID.lower()}]},
                "accounts[1] is the same user as accounts[0]",
            ),
            ({"accounts": [{"user_name": "a@b"}, {"user_name": "A@B"}]}, "accounts[1] is the same user as accounts[0]"),
            (
                {"accounts": [{"user_id": "a", "name": "x"}, {"user_id": "b", "name": "X"}]},
                "accounts[1] has the same name as accounts[0]",
            ),
            (
                {"accounts": [{"user_id": "a", "name": "X"}, {"user_name": "x"}]},
                "accounts[0].name is also the user_name of accounts[1]",
            ),
            (
                {"accounts": [{"user_name": "x"}, {"user_name": "y", "name": "X"}]},
                "accounts[1].name is also the user_name of accounts[0]",
            ),
            ({"only": []}, "only is empty"),
            ({"only": ["U1", "u2"]}, "only: no account is named 'u2'"),
        ],
    )
    def test_one(self, given: dict[str, Any], problem: str) -> None:
        (found,) = option_problems(options(**given))
        assert found.startswith(problem)

    def test_all_together_and_without_values(self) -> None:
        accounts = [{"user_id": "hunter2", "initial_password": "", "name": "hunter2"}] * 2
        problems = option_problems(options(accounts=accounts, concurrency=0, password={"exclude": "0123456789"}))
        assert len(problems) == 6
        assert "hunter2" not in str(problems)


class TestWishes:
    def test_of_every_account(self) -> None:
        given = options(
            accounts=[{"user_id": "u1", "name": "a", "initial_password": "p"}, {"user_name": "n"}],
            state="adopted",
            max_age_days=30,
            force=True,
            consumers=True,
        )
        url, common = "https://host/identity", {"state": "adopted", "max_age_days": 30.0, "force": True}
        assert rotation_requests(given) == [
            RotationRequest(Account(url, "u1", "a", None), initial_password="p", consumers=True, **common),  # type: ignore[arg-type]
            RotationRequest(Account(url, "", None, "n"), consumers=True, index=1, **common),  # type: ignore[arg-type]
        ]

    @pytest.mark.parametrize("name", ["LABEL", "n@Example.com", UUID])
    def test_of_those_alone_that_are_named(self, name: str) -> None:
        named = {"user_id": UUID.lower(), "name": "label"} if "@" not in name else {"user_name": "N@example.com"}
        given = options(accounts=[{"user_id": "first"}, named, {"user_id": "last"}], only=[name])
        assert [request.index for request in rotation_requests(given)] == [1]

    @pytest.mark.parametrize("state", STATES)
    def test_in_every_state(self, state: str) -> None:
        assert rotation_requests(options(state=state))[0].state == state

    def test_hide_their_passwords(self) -> None:
        assert "hunter2" not in repr(
            rotation_requests(options(accounts=[{"user_id": "u", "initial_password": "hunter2"}]))
        )
