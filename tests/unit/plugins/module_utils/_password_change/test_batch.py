# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import (
    PasswordChange,
    Verdict,
    set_password,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.batch import Batch
from ansible_collections.rpaops.uipath.plugins.module_utils._workers import Stop

MISMATCH = PasswordAnswer("mismatch", 400, ("PasswordMismatch",), is_identity_result=True)
STOP = PasswordAnswer("unauthorized", 401, stops_task=True)


def refused(*codes: str) -> PasswordAnswer:
    return PasswordAnswer("refused", 400, codes, is_identity_result=True)


REUSE = refused("PasswordReuse")


class Server:
    """Its users have the new password, or what `lives` says, and a history; `controls` answers random passwords."""

    def __init__(self, controls: PasswordAnswer = MISMATCH, **lives: str) -> None:
        self.controls = controls
        self.lives = lives
        self.probes: dict[str, PasswordAnswer] = {}
        self.lock = threading.Lock()
        self.asked: list[str] = []
        self.carriers: list[str] = []

    def send(self, change: PasswordChange, old: str, new: str) -> PasswordAnswer:
        with self.lock:
            self.asked.append(change.user_id)
        live = self.lives.get(change.user_id, "new")
        if old not in ("old", "new"):
            self.carriers.append(change.user_id)
            return self.controls
        if old != live:
            return MISMATCH
        return PasswordAnswer("applied", 200) if new != live else self.probes.get(change.user_id, REUSE)


def worked(
    server: Server,
    *users: str,
    judge: Callable[[Verdict], Stop | None] = lambda verdict: None,
    cancelled: Callable[[], bool] = lambda: False,
    concurrency: int = 1,
) -> Batch:
    def attempt(change: PasswordChange) -> Verdict:
        return set_password(change, lambda old, new: server.send(change, old, new), lambda: None, probe=True)

    changes = [PasswordChange(user, "old", "new") for user in users]
    batch = Batch(changes, attempt, server.send, judge, cancelled, concurrency)
    batch.run()
    return batch


def statuses(batch: Batch) -> list[str]:
    return [verdict.status if verdict else "-" for verdict in batch.verdicts]


USERS = tuple(f"u{number}" for number in range(20))


class TestBatch:
    def test_without_users(self) -> None:
        assert statuses(worked(Server())) == []

    def test_a_clean_run_sends_no_control_request(self) -> None:
        server = Server(MISMATCH, **dict.fromkeys(USERS, "old"))
        assert statuses(worked(server, *USERS)) == ["changed"] * 20
        assert server.asked == list(USERS)

    def test_one_user_carries_its_own(self) -> None:
        server = Server()
        batch = worked(server, "u1")
        assert statuses(batch) == ["already_set"]
        assert server.asked == ["u1"] * 3
        assert batch.verdicts[0]
        assert batch.verdicts[0].answers == (MISMATCH, REUSE, MISMATCH)

    @pytest.mark.parametrize("concurrency", [1, 8, 32])
    def test_one_user_carries_it_for_all(self, concurrency: int) -> None:
        server = Server()
        assert statuses(worked(server, *USERS, concurrency=concurrency)) == ["already_set"] * 20
        assert len(server.carriers) == 1
        assert Counter(server.asked) == {user: 2 + (user in server.carriers) for user in USERS}

    def test_the_one_is_chosen_among_all(self) -> None:
        carriers = set()
        for _night in range(200):
            server = Server()
            worked(server, *USERS[:5])
            carriers.update(server.carriers)
        assert carriers == set(USERS[:5])

    def test_another_user_is_only_asked_first_where_a_control_request_is_needed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(secrets, "choice", lambda choices: choices[-1])
        server = Server(u0="old", u2="old")
        assert statuses(worked(server, "u0", "u1", "u2", "u3", "u4")) == [
            *("changed", "already_set", "changed", "already_set", "already_set")
        ]
        assert list(dict.fromkeys(server.asked)) == ["u0", "u1", "u4", "u2", "u3"]
        assert server.carriers == ["u4"]

    def test_a_chosen_user_that_needs_none_carries_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(secrets, "choice", lambda choices: choices[-1])
        server = Server(u2="old")
        assert statuses(worked(server, "u0", "u1", "u2")) == ["already_set", "already_set", "changed"]
        assert server.carriers == ["u0"]

    def test_other_codes_need_another_one(self) -> None:
        server = Server()
        server.probes = {"u1": refused("Other"), "u3": refused("PasswordReuse", "Other")}
        assert statuses(worked(server, "u0", "u1", "u2", "u3")) == ["already_set"] * 4
        assert len(server.carriers) == 3

    @pytest.mark.parametrize("controls", [REUSE, PasswordAnswer("unknown"), PasswordAnswer("applied", 200)])
    def test_any_other_answer_leaves_all_unknown(self, controls: PasswordAnswer) -> None:
        server = Server(controls)
        assert statuses(worked(server, "u0", "u1", "u2")) == ["unknown"] * 3
        assert len(server.carriers) == 1

    def test_a_code_that_may_pass_needs_none(self) -> None:
        server = Server()
        server.probes = {"u0": replace(refused("UserLockedOut"), is_passing=True)}
        assert (statuses(worked(server, "u0")), server.carriers) == (["unknown"], [])

    def test_every_user_is_judged_once_and_by_the_final_verdict(self) -> None:
        judged: list[str] = []
        batch = worked(Server(u1="old"), "u0", "u1", "u2", judge=lambda verdict: judged.append(verdict.status))
        assert sorted(judged) == sorted(statuses(batch)) == ["already_set", "already_set", "changed"]

    def test_unknown_users_count_towards_the_limit(self) -> None:
        stop = Stop("enough")
        server = Server(REUSE)
        batch = worked(server, *USERS, judge=lambda verdict: stop if verdict.status == "unknown" else None)
        assert batch.stop == stop
        assert len(set(server.asked)) <= 2  # the first user, and the one chosen at random
        assert statuses(batch).count("unknown") == len(set(server.asked))

    def test_a_caller_who_is_refused_stops_the_task(self) -> None:
        server = Server(STOP)
        batch = worked(server, *USERS, judge=lambda verdict: Stop("refused") if verdict.stopped_by else None)
        assert batch.stop == Stop("refused")
        assert len(server.carriers) == 1
        assert batch.started.count(True) <= 2

    def test_no_control_request_after_a_stop(self) -> None:
        server = Server(u0="old")
        batch = worked(server, "u0", "u1", "u2", judge=lambda verdict: Stop("enough"), concurrency=3)
        assert server.carriers == []
        assert "changed" in statuses(batch)

    def test_no_control_request_without_a_reader(self) -> None:
        server = Server()
        batch = worked(server, "u0", cancelled=lambda: len(server.asked) >= 2)
        assert (statuses(batch), server.carriers) == (["unknown"], [])
        assert batch.stop
