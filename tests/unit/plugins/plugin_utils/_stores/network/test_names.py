# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.names import secret_name, user_id_in
from hypothesis import given
from hypothesis import strategies as st

UUID = "0c9c1c5e-7d0b-4f52-9a3e-2f6f0a7d1b11"


@pytest.mark.parametrize(
    ("user_id", "name"), [(UUID, UUID), ("a b/c", "a=20b=2Fc"), ("=", "=3D"), ("\u00e4", "=C3=A4"), ("A_1", "A_1")]
)
def test_a_name_is_that_of_one_user(user_id: str, name: str) -> None:
    assert secret_name(user_id) == name
    assert user_id_in(name) == user_id


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_every_id_has_a_name_that_servers_accept(user_id: str) -> None:
    assert re.fullmatch("[A-Za-z0-9_=-]+", secret_name(user_id))
    assert user_id_in(secret_name(user_id)) == user_id


@pytest.mark.parametrize("name", ["", ".names", "a/", "=41", "a=4", "\u00e4", "=FF"])
def test_another_name_is_no_user(name: str) -> None:
    assert user_id_in(name) is None
