# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a run asks the server of a network store, whatever the names by which the accounts are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import UserNames, identified
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.options import rotation_requests
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import PasswordRules
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import SettledPlans
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.task import BatchLimits, RotationTask
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import NetworkStore
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    OLD,
    PasswordServer,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.contract import put
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.network.memory_server import (
    MemoryServer,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE, GIVEN_TOKEN, Clock, client_of

USERS = [f"u{number}" for number in range(40)]
# How a task may give an account. `listed` is whether its user id has to be found.
NAMES: dict[str, tuple[Callable[[str], dict[str, str]], bool]] = {
    "user_id": (lambda user: {"user_id": user}, False),
    "label": (lambda user: {"user_id": user, "name": f"label-{user}"}, False),
    "user_name": (lambda user: {"user_name": f"{user}@example.com"}, True),
}
MAX_AGE = 30
OPTIONS = {"identity_url": BASE, "state": "rotated", "max_age_days": MAX_AGE, "consumers": None, "verify": False}
NO_NAME = {"user_id": None, "name": None, "user_name": None, "initial_password": None, "generation": None}


def calls_of_run(*, days: float = 1, only: list[str] | None = None, **wanted: Any) -> Counter[str]:
    """Run over accounts whose passwords are so many days old, and return the number of calls of each kind."""
    server, identity, clock = MemoryServer(), PasswordServer(dict.fromkeys(USERS, OLD)), Clock()
    store, client = (
        NetworkStore(server, {"Password": "password"}, identity_url=BASE),
        client_of(identity, clock, GIVEN_TOKEN),
    )
    options = {**OPTIONS, "force": False, "only": only, **wanted}
    with store.open(read_only=False) as opened:
        for user in USERS:
            put(opened, record_of(user, days=days))
        server.calls.clear()
        names, settled = UserNames(client, None), SettledPlans(opened)
        requested = identified(rotation_requests(options), opened, names, settled)
        task = RotationTask(opened, client, PasswordRules(), BatchLimits(16), names=names, settled=settled)
        results = task.run(requested, check_mode=False)
    rotated = wanted.get("force") or days > MAX_AGE
    assert {result["status"] for result in results} == {"rotated" if rotated else "fresh"}
    return Counter(server.calls)


@pytest.mark.parametrize(("named", "is_looked_up"), NAMES.values(), ids=NAMES)
class TestCalls:
    def test_with_nothing_due(self, named: Callable[[str], dict[str, str]], is_looked_up: bool) -> None:
        accounts = [{**NO_NAME, **named(user)} for user in USERS]
        assert calls_of_run(accounts=accounts) == Counter(read=len(USERS), list=int(is_looked_up))

    @pytest.mark.parametrize("how", [{"days": 31}, {"force": True}], ids=str)
    def test_of_rotations(
        self, named: Callable[[str], dict[str, str]], is_looked_up: bool, how: dict[str, Any]
    ) -> None:
        accounts = [{**NO_NAME, **named(user)} for user in USERS]
        expected = Counter(read=2 * len(USERS), write=2 * len(USERS), list=int(is_looked_up))
        assert calls_of_run(accounts=accounts, **how) == expected

    def test_of_a_chosen_account(self, named: Callable[[str], dict[str, str]], is_looked_up: bool) -> None:
        accounts = [{**NO_NAME, **named(user)} for user in USERS]
        only = list(named("u7").values())[-1:]
        assert calls_of_run(accounts=accounts, only=only) == Counter(read=1, list=int(is_looked_up))
