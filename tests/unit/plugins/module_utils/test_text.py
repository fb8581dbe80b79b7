# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable


class TestDisplayable:
    @pytest.mark.parametrize(
        "char",
        ["\x1b", "\n", "\r", "\t", "\0", "\x7f", "\x9b", "\u200b", "\u202e", "\u2028", "\u2029", "\ufeff", "\ud800"],
    )
    def test_replaces_what_rewrites_a_terminal_or_a_log(self, char: str) -> None:
        assert displayable(f"a{char}b") == "a b"

    @pytest.mark.parametrize("text", ["", "Grüße, 漢字 😀", "a\u00a0b\u3000c", "e\u0301"])
    def test_keeps_the_rest(self, text: str) -> None:
        assert displayable(text) == text
