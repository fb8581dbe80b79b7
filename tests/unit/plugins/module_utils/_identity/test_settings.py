# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import SignIn
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.settings import (
    LOCKOUT_IS_ENABLED,
    LOCKOUT_LIMIT,
    PASSWORD_COMPLEXITY,
    lockout_limit,
    read_settings,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.organization import ORGANIZATION, token_of
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import Clock, Transcript, client_of

REQUEST = f"GET /api/Setting?key={PASSWORD_COMPLEXITY}&partitionGlobalId={ORGANIZATION}"
VALUE = '{"Length":"12"}'
SETTING = {"partitionGlobalId": ORGANIZATION, "userId": None, "key": PASSWORD_COMPLEXITY, "value": VALUE}


def read(server: Transcript, clock: Clock, organization: str | None = ORGANIZATION, **options: Any) -> str | None:
    settings = read_settings(client_of(server, clock, **options), [PASSWORD_COMPLEXITY], organization)
    return settings.get(PASSWORD_COMPLEXITY)


class TestReadSettings:
    def test_returns_its_value(self, server: Transcript, clock: Clock) -> None:
        server.expects(REQUEST).answers(200, [SETTING])
        assert read(server, clock) == VALUE

    def test_asks_for_the_organization_that_the_token_names(self, server: Transcript, clock: Clock) -> None:
        server.expects(REQUEST).answers(200, [SETTING])
        assert read(server, clock, None, sign_in=SignIn(access_token=token_of(ORGANIZATION))) == VALUE

    def test_asks_nothing_without_an_organization(self, server: Transcript, clock: Clock) -> None:
        assert read(server, clock, None) is None

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
    def test_is_not_to_be_had(self, server: Transcript, clock: Clock, status: int) -> None:
        server.expects(REQUEST).answers(status, {"errors": []})
        assert read(server, clock, retries=0) is None

    @pytest.mark.parametrize(
        "answer",
        [{}, [], None, "text", ["text"], [{}], [{**SETTING, "key": "Other"}], [{**SETTING, "value": None}], b"<html>"],
    )
    def test_is_not_in_the_answer(self, server: Transcript, clock: Clock, answer: Any) -> None:
        server.expects(REQUEST).answers(200, answer)
        assert read(server, clock) is None

    def test_is_one_of_several(self, server: Transcript, clock: Clock) -> None:
        server.expects(REQUEST).answers(200, [{"key": "Other", "value": "1"}, SETTING])
        assert read(server, clock) == VALUE

    def test_no_connection_is_no_obstacle(self, server: Transcript, clock: Clock) -> None:
        server.expects(REQUEST).fails("refused", sent=False, permanent=True)
        assert read(server, clock) is None

    def test_asks_for_several_at_once(self, server: Transcript, clock: Clock) -> None:
        request = f"GET /api/Setting?key={PASSWORD_COMPLEXITY}&key=Other&partitionGlobalId={ORGANIZATION}"
        server.expects(request).answers(200, [{"key": "Other", "value": "1"}, SETTING])
        settings = read_settings(client_of(server, clock), [PASSWORD_COMPLEXITY, "Other"], ORGANIZATION)
        assert settings == {PASSWORD_COMPLEXITY: VALUE, "Other": "1"}


class TestLockoutLimit:
    @pytest.mark.parametrize(
        ("settings", "limit"),
        [
            ({}, None),
            ({LOCKOUT_LIMIT: "5"}, 5),
            ({LOCKOUT_LIMIT: "5", LOCKOUT_IS_ENABLED: "True"}, 5),
            ({LOCKOUT_LIMIT: "5", LOCKOUT_IS_ENABLED: "False"}, None),
            ({LOCKOUT_IS_ENABLED: "true"}, None),
            ({LOCKOUT_LIMIT: "-1"}, None),
            ({LOCKOUT_LIMIT: "five"}, None),
            ({LOCKOUT_LIMIT: "9" * 5000}, None),
        ],
    )
    def test_of_the_settings_that_could_be_read(self, settings: dict[str, str], limit: int | None) -> None:
        assert lockout_limit(settings) == limit
