# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.findings import RENAMED, RESTORE
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.overview import OUTDATED
from ansible_collections.rpaops.uipath.plugins.plugin_utils._inspection.task import inspected
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import Account, Current, Record, redacted
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    RecordLost,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    FULL,
    NEW,
    OLD,
    SECRETS,
    MemoryStore,
    damage_of,
    pending_record,
    record_of,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.transcript import BASE

NOW = datetime.now(timezone.utc)
DEFAULTS: dict[str, Any] = {"accounts": None, "max_age_days": 90.0, "fail_on": [], "verify": False}


@dataclass
class CachingStore(MemoryStore):
    """A store whose cache has what a test puts there."""

    cache_entries: dict[str, Record] = field(default_factory=dict)

    def cached(self, user_id: str) -> Record | None:
        return self.cache_entries.get(user_id)


def caching(*records: Record) -> CachingStore:
    return CachingStore({record.account.user_id: record for record in records})


def inspect(store: MemoryStore, warnings: list[str] | None = None, **options: Any) -> dict[str, Any]:
    warn = (warnings if warnings is not None else []).append
    return inspected({**DEFAULTS, **options}, store, now=lambda: NOW, warn=warn)


def entry(**names: str) -> dict[str, str | None]:
    return {"user_id": None, "user_name": None, "name": None, **names}


def fresh(user_id: str = "u1", **changes: Any) -> Record:
    return record_of(user_id, days=1, **changes)


class TestInspected:
    def test_shows_every_account_by_its_label(self) -> None:
        store = MemoryStore.holding(fresh("u2"), replace(fresh("u9"), account=Account(BASE, "u9", "Abe")), fresh("u1"))
        result = inspect(store)
        assert [account["label"] for account in result["accounts"]] == ["Abe", "label-u1", "label-u2"]
        assert (result["changed"], result["failed"], result["missing"]) == (False, False, [])
        assert result["msg"] == "3 accounts, nothing to look at."
        assert (result["time"], result["max_age_days"]) == (NOW.isoformat(timespec="seconds"), 90.0)

    def test_knows_the_age_of_an_account_that_was_rotated_during_the_reading(self) -> None:
        times = iter([NOW - timedelta(seconds=2), NOW])
        rotated = replace(fresh(), current=Current(NEW, (NOW - timedelta(seconds=1)).isoformat(), "rotated"))
        result = inspected(DEFAULTS, MemoryStore.holding(rotated), now=lambda: next(times))
        assert (result["counts"]["overdue"], result["problems"]) == (0, [])
        assert result["time"] == NOW.isoformat(timespec="seconds")

    def test_says_which_store_and_which_server(self) -> None:
        store = MemoryStore.holding(fresh())
        assert (inspect(store)["store"], inspect(store)["identity_url"]) == (store.place, BASE)
        assert inspect(MemoryStore())["identity_url"] is None

    def test_writes_nothing(self) -> None:
        store = MemoryStore.holding(pending_record())
        inspect(store)
        assert (store.steps, store.may_write, store.is_open) == ([], False, False)

    def test_shows_no_password(self) -> None:
        store = MemoryStore.holding(FULL, pending_record(), record_of("u2", status="out_of_sync"))
        shown = json.dumps(inspect(store, accounts=[entry(user_id="u2")], fail_on=["closed"]))
        assert not any(secret in shown for secret in (*SECRETS, OLD, NEW))

    def test_an_empty_store_has_nothing(self) -> None:
        result = inspect(MemoryStore())
        assert (result["accounts"], result["msg"]) == ([], "0 accounts, nothing to look at.")

    def test_warns_of_what_the_store_warns_of(self) -> None:
        store = MemoryStore.holding(fresh())
        store.warnings = ("The token expires soon.",)
        store.failures["close"] = StoreError("503.")
        warnings: list[str] = []
        assert inspect(store, warnings)["counts"]["ok"] == 1
        assert warnings == ["The token expires soon.", "The store was not closed properly. 503."]

    def test_a_store_that_cannot_be_listed_fails_the_task(self) -> None:
        store = MemoryStore.holding(fresh())
        store.failures["list"] = StoreError("403.")
        with pytest.raises(StoreError, match="403"):
            inspect(store)


class TestCache:
    def test_is_believed_of_an_account_with_nothing_to_do(self) -> None:
        store = caching(fresh("u1"), fresh("u2"))
        store.cache_entries["u1"] = redacted(fresh("u1", generation=7))
        result = inspect(store)
        assert [account["generation"] for account in result["accounts"]] == [7, 1]
        assert store.decrypted == ["u2"]

    @pytest.mark.parametrize(
        "cached",
        [
            record_of(days=100),
            pending_record(),
            fresh(status="in_doubt"),
            fresh(status="quarantined"),
            fresh(delivered=False),
            fresh(current=Current("", None, "rotated")),
            fresh(current=Current("", NOW.isoformat(), "adopted")),
        ],
    )
    def test_is_not_believed_of_others(self, cached: Record) -> None:
        store = caching(fresh())
        store.cache_entries["u1"] = redacted(cached)
        result = inspect(store)
        assert store.decrypted == ["u1"]
        assert result["problems"] == []

    def test_is_not_asked_to_verify(self) -> None:
        store = caching(fresh())
        store.cache_entries["u1"] = redacted(fresh(generation=7))
        assert inspect(store, verify=True)["accounts"][0]["generation"] == 1


class TestUnreadable:
    def test_does_not_fail_the_task(self) -> None:
        store = MemoryStore.holding(fresh())
        store.damaged = {"u2"}
        result = inspect(store)
        [readable, unreadable] = result["accounts"]
        assert (readable["status"], unreadable["status"]) == ("ok", "unreadable")
        assert (unreadable["msg"], unreadable["label"], unreadable["due"]) == (damage_of("u2").message, "u2", None)
        assert result["counts"]["unreadable"] == 1
        assert result["problems"] == ["The record cannot be read: u2; see its remark for why and what to do."]
        assert (result["failed"], list(readable)) == (False, list(unreadable))

    def test_fails_a_task_that_monitors(self) -> None:
        store = MemoryStore.holding(fresh())
        store.damaged = {"u2"}
        result = inspect(store, fail_on=["overdue"])
        assert (result["failed"], result["msg"]) == (True, result["problems"][0])
        assert result["failures"] == result["problems"][:1]

    def test_in_every_account_fails_the_task(self) -> None:
        store = MemoryStore(damaged={"u1", "u2"})
        with pytest.raises(StoreError, match=r"None of the 2 records can be read. The first one: The record of u1"):
            inspect(store)

    def test_in_every_reading_fails_the_task(self) -> None:
        store = MemoryStore.holding(fresh())
        store.failures["plan u1"] = damage_of("u1")
        with pytest.raises(StoreError, match=r"^The record of u1 cannot be used"):
            inspect(store)

    def test_lets_no_lost_record_hide_a_wrong_vault_password(self) -> None:
        store = MemoryStore.holding(fresh())
        store.damaged = {"u2"}
        store.failures["plan u1"] = RecordLost("It is gone.")
        with pytest.raises(StoreError, match=r"^The record of u2 cannot be used"):
            inspect(store)

    def test_shows_a_lost_record(self) -> None:
        store = MemoryStore.holding(fresh())
        store.failures["plan u1"] = RecordLost("It is gone.")
        result = inspect(store, accounts=[entry(user_id="u1", name="robot")], fail_on=["closed"])
        assert [(account["status"], account["listed"]) for account in result["accounts"]] == [("unreadable", True)]
        assert (result["failed"], result["missing"], result["problems"]) == (True, [], ["u1: It is gone."])

    def test_does_not_include_records_that_went_backwards(self) -> None:
        store = MemoryStore.holding(fresh())
        store.failures["plan u1"] = WentBackwards("It is older.")
        result = inspect(store)
        assert [(account["status"], account["msg"]) for account in result["accounts"]] == [
            ("unreadable", f"It is older. {OUTDATED}")
        ]
        assert result["problems"][0].startswith(
            "The record is older than the last one written, as after a restore: u1; "
        )
        assert len(result["problems"]) == 1

    def test_a_record_that_went_backwards_is_found_by_its_names(self) -> None:
        store = MemoryStore.holding(fresh(), fresh("u2"))
        store.failures["plan u1"] = WentBackwards("It is older.", account=fresh().account)
        for given in (entry(user_name="U1@example.com"), entry(name="label-u1"), entry(user_id="u1")):
            result = inspect(store, accounts=[given, entry(user_id="u2")])
            older = result["accounts"][0]
            assert (older["status"], older["label"], older["listed"]) == ("unreadable", "label-u1", True)
            assert (older["user_name"], result["missing"]) == ("u1@example.com", [])

    def test_an_account_under_way_is_shown_as_it_was(self) -> None:
        store = MemoryStore.holding(fresh(), fresh("u2"))
        store.failures["plan u1"] = Busy("Another run works on it.", record=pending_record())
        store.failures["plan u2"] = Busy("Another run works on it.")
        assert [account["status"] for account in inspect(store)["accounts"]] == ["in_doubt", "unreadable"]

    def test_a_record_deleted_meanwhile_is_left_out(self) -> None:
        store = MemoryStore(listed={"u1": fresh()})
        assert inspect(store)["accounts"] == []


class TestListed:
    def test_compares_the_store_with_the_list(self) -> None:
        store = MemoryStore.holding(fresh("u1"), fresh("u2"), fresh("u3"))
        given = [entry(user_id="u1"), entry(user_name="U2@example.com"), entry(name="new one"), entry(user_id="u8")]
        result = inspect(store, accounts=given)
        assert [account["listed"] for account in result["accounts"]] == [True, True, False]
        assert result["missing"] == ["new one", "u8"]
        assert (result["counts"]["unlisted"], result["counts"]["missing"]) == (1, 2)
        assert [problem.partition(";")[0].rstrip(".") for problem in result["problems"]] == [
            "Recorded, but not in accounts: label-u3",
            "Listed, but without a record: new one, u8",
            RENAMED.rstrip("."),
        ]
        assert result["accounts"][2]["msg"].startswith("The account is not in the list")

    def test_without_a_list_nothing_is_said(self) -> None:
        assert inspect(MemoryStore.holding(fresh()))["accounts"][0]["listed"] is None

    def test_an_empty_list_lists_none(self) -> None:
        assert inspect(MemoryStore.holding(fresh()), accounts=[])["counts"]["unlisted"] == 1

    def test_an_account_whose_record_is_gone_is_named(self) -> None:
        store = MemoryStore.holding(fresh())
        store.failures["plan gone"] = StoreError("The record is missing, although an earlier run wrote it.")
        result = inspect(store, accounts=[entry(user_id="u1"), entry(user_id="gone", name="robot")], fail_on=["closed"])
        sentence = "robot: The record is missing, although an earlier run wrote it."
        assert (result["missing"], result["problems"], result["msg"]) == (["robot"], [sentence], sentence)
        assert result["failed"]

    def test_a_record_that_the_listing_lacks_is_found_by_its_id(self) -> None:
        store = MemoryStore.holding(fresh())
        store.listed = {}
        assert inspect(store, accounts=[entry(user_id="u1")])["accounts"][0]["listed"] is True

    def test_of_an_unreadable_record_only_the_id_is_known(self) -> None:
        store = MemoryStore.holding(fresh())
        store.damaged = {"u2", "u3"}
        result = inspect(store, accounts=[entry(user_id="u1"), entry(user_id="u2"), entry(name="label-u3")])
        assert [account["listed"] for account in result["accounts"]] == [True, True, None]
        assert (result["missing"], result["counts"]["missing"]) == ([], 0)
        assert result["problems"][-1].startswith("Listed, but in no record that can be read: label-u3; ")

    def test_more_entries_than_unreadable_records_are_missing(self) -> None:
        store = MemoryStore.holding(fresh())
        store.damaged = {"u2", "u3"}
        given = [entry(user_id="u1"), entry(user_id="u2"), entry(name="label-u3"), entry(name="new")]
        result = inspect(store, accounts=given)
        assert result["missing"] == ["label-u3", "new"]
        assert result["problems"][-1] == RESTORE


class TestFailOn:
    STORE = MemoryStore.holding(
        record_of("late", days=92),
        record_of("barred", status="quarantined", reason="barred", days=1),
        pending_record("doubt", days=1),
        fresh("waiting", delivered=False),
    )

    @pytest.mark.parametrize(
        ("kind", "label"),
        [
            ("overdue", "label-late"),
            ("closed", "label-barred"),
            ("in_doubt", "label-doubt"),
            ("undelivered", "label-waiting"),
        ],
    )
    def test_fails_with_the_names(self, kind: str, label: str) -> None:
        result = inspect(self.STORE, fail_on=[kind])
        assert (result["failed"], len(result["accounts"]), len(result["problems"])) == (True, 4, 4)
        assert f": {label};" in result["msg"]

    def test_has_one_sentence_for_each_kind(self) -> None:
        result = inspect(self.STORE, fail_on=["overdue", "closed", "in_doubt", "undelivered"])
        assert result["msg"] == " ".join(result["problems"])

    def test_leaves_other_kinds_alone(self) -> None:
        result = inspect(MemoryStore.holding(record_of(days=92)), fail_on=["closed"])
        assert (result["failed"], result["msg"][:32]) == (False, "1 account, 1 problem. The first ")

    def test_not_listed(self) -> None:
        assert "label-u1" in inspect(MemoryStore.holding(fresh()), accounts=[], fail_on=["unlisted"])["msg"]
