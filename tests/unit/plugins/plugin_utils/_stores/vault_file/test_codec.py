# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    FIRST,
    HAND_WRITTEN,
    STAGED,
    USER,
    a_record,
    a_store,
    fill,
    read,
    record_file,
    replace_file,
    under_lock,
)


class TestEncode:
    @pytest.mark.parametrize(
        "password",
        [
            "yes",
            "1e3",
            "2026-01-01",
            "~",
            "- a",
            "a: b #c",
            "'\"\\",
            " x ",
            "%@`",
            "\x7f\x01\t",
            "\u2028\u00e9\U0001f600",
            "x" * 300,
        ],
    )
    def test_keeps_every_character(self, directory: Path, password: str) -> None:
        fill(directory, a_record(1, password))
        assert read(directory).current.password == password

    def test_refuses_an_unpaired_surrogate(self, directory: Path) -> None:
        a_store(directory)
        with pytest.raises(StoreError, match="unpaired surrogate"):
            under_lock(directory, lambda locked_record: locked_record.write(a_record(1, "\ud83d")))

    def test_takes_the_tagged_strings_of_new_versions(self, directory: Path) -> None:
        class Tagged(str):
            __slots__ = ()

        fill(directory, a_record(1, Tagged(FIRST)))
        assert read(directory) == a_record(1, FIRST)


class TestDecode:
    def test_a_record_of_another_user(self, directory: Path) -> None:
        fill(directory, a_record(1, user_id="somebody"))
        Layout(directory).record("somebody").replace(record_file(directory))
        with pytest.raises(StoreError, match="belongs to another user, somebody"):
            read(directory)

    @pytest.mark.parametrize(
        ("plain", "message"),
        [
            (f"password: [{CLEAR}", "it is neither JSON nor YAML"),
            ("[" * 10_000, "it is neither JSON nor YAML"),
            (f"- {CLEAR}", "it is not a mapping"),
            (f"schema: 1\npassword: {CLEAR}", "its schema is not 2"),
            (HAND_WRITTEN % (USER, "2026-01-01"), "quote times"),
        ],
    )
    def test_a_record_that_is_none(self, directory: Path, plain: str, message: str) -> None:
        fill(directory, STAGED)
        replace_file(directory, plain)
        with pytest.raises(StoreError, match=message) as caught:
            read(directory)
        assert CLEAR not in caught.value.message

    def test_one_written_by_hand_is_read(self, directory: Path) -> None:
        a_store(directory)
        replace_file(directory, HAND_WRITTEN % (USER.upper(), "'2026-01-01'"))
        assert read(directory).current.password == "by hand"
