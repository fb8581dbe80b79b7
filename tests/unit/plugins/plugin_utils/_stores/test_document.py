# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Current,
    Move,
    Record,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.document import (
    InvalidRecord,
    from_document,
    to_document,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import FULL, SECRETS, TIME


class TestToDocument:
    def test_every_field_survives(self) -> None:
        assert from_document(json.loads(json.dumps(to_document(FULL)))) == FULL

    def test_a_fresh_record_survives(self) -> None:
        record = Record(Account("https://identity.test", "id-1"), Current("a", None, "adopted"), generation=1)
        assert from_document(json.loads(json.dumps(to_document(record)))) == record

    @pytest.mark.parametrize("is_copy", [False, True])
    def test_a_record_that_is_not_in_charge_survives(self, is_copy: bool) -> None:
        record = replace(
            FULL, status="moved", reason=None, move=Move("1", "there", is_copy, 40, "quarantined", "barred")
        )
        assert from_document(json.loads(json.dumps(to_document(record)))) == record

    def test_the_pair_has_the_documented_names(self) -> None:
        pair = {"from": "S3cret-old", "to": "S3cret-new", "staged_at": TIME, "maybe_live": False}
        assert to_document(FULL)["pending"] == pair
        assert to_document(FULL)["schema"] == 2


def damaged(**fields: Any) -> dict[str, Any]:
    return {**to_document(FULL), **fields}


class TestFromDocument:
    @pytest.mark.parametrize("document", [None, [], "S3cret-old", 7], ids=repr)
    def test_refuses_what_is_no_mapping(self, document: Any) -> None:
        with pytest.raises(InvalidRecord, match="not a mapping"):
            from_document(document)

    @pytest.mark.parametrize(
        "move",
        [
            None,
            {"place": 7},
            {"id": None},
            {"is_copy": "yes"},
            {"generation": "1"},
            {"status": "moved"},
            {"reason": "x"},
        ],
        ids=repr,
    )
    def test_refuses_a_move_that_is_not_valid(self, move: dict[str, Any] | None) -> None:
        document = to_document(replace(FULL, status="moved", move=Move("1", "there", False, 40, "ok")))
        document["move"] = move and {**document["move"], **move}
        with pytest.raises(InvalidRecord, match="a move to another store"):
            from_document(document)

    def test_refuses_a_move_of_a_record_in_charge(self) -> None:
        document = to_document(replace(FULL, status="moved", move=Move("1", "there", False, 40, "ok")))
        with pytest.raises(InvalidRecord, match="a move to another store"):
            from_document({**document, "status": "ok"})

    @pytest.mark.parametrize("schema", [None, 0, 1, 3, "2"], ids=repr)
    def test_refuses_another_schema(self, schema: Any) -> None:
        with pytest.raises(InvalidRecord, match="schema"):
            from_document(damaged(schema=schema))

    @pytest.mark.parametrize("name", sorted(to_document(FULL).keys() - {"schema"}))
    def test_names_a_missing_field(self, name: str) -> None:
        document = to_document(FULL)
        del document[name]
        with pytest.raises(InvalidRecord, match=name):
            from_document(document)

    def test_names_an_unknown_field_and_no_internals(self) -> None:
        account = {**to_document(FULL)["account"], "more": 1}
        with pytest.raises(InvalidRecord, match=r"^a field is missing or unknown: more$"):
            from_document(damaged(account=account))

    @pytest.mark.parametrize(
        "fields",
        [
            {"account": None},
            {"account": {"user_id": "id-1"}},
            {"current": "S3cret-old"},
            {"current": {"password": "S3cret-old", "since": TIME, "source": "rotated", "more": 1}},
            {"current": {"password": "", "since": TIME, "source": "rotated"}},
            {"current": {"password": ["S3cret-old"], "since": TIME, "source": "rotated"}},
            {"pending": {"from": "S3cret-old"}},
            {"pending": "S3cret-new"},
            {"orphans": None},
            {"orphans": ["S3cret-orphan"]},
            {"previous": [{"password": 5, "retired_at": TIME}]},
            {"account": {"identity_url": "u", "user_id": "id-1", "name": 5, "user_name": None}},
            {"account": {"identity_url": "u", "user_id": 1, "name": None, "user_name": None}},
            {"status": "fine"},
            {"generation": 0},
            {"generation": "41"},
            {"generation": None},
            {"unproven_sends": "2"},
            {"unproven_limit": None},
            {"stalled": "1"},
            {"reason": "other"},
            {"error_codes": [5]},
            {"rotations": [{"at": TIME}]},
            {"current": {"password": "S3cret-old", "since": TIME, "source": "rotated", "generation": "41"}},
        ],
        ids=repr,
    )
    def test_refuses_what_it_would_not_have_written(self, fields: dict[str, Any]) -> None:
        with pytest.raises(InvalidRecord) as error:
            from_document(damaged(**fields))
        assert not any(secret in str(error.value) for secret in SECRETS)
