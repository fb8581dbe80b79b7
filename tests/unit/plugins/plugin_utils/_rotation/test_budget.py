# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import reopened, unproven_total
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import FULL


class TestReopened:
    @pytest.mark.parametrize(("sends", "limit"), [(0, 4), (3, 7), (4, 8), (7, 8), (8, 8)])
    def test_may_send_four_more_up_to_eight(self, sends: int, limit: int) -> None:
        expected = replace(FULL, unproven_sends=sends, unproven_limit=limit, reason=None, error_codes=())
        assert reopened(FULL, sends) == expected


class TestUnprovenTotal:
    @pytest.mark.parametrize(
        ("lockout_limit", "expected"), [(None, 8), (100, 8), (10, 8), (9, 7), (5, 3), (3, 1), (2, 1), (1, 1), (0, 1)]
    )
    def test_stays_two_below_the_server_s_limit(self, lockout_limit: int | None, expected: int) -> None:
        assert unproven_total(lockout_limit) == expected
