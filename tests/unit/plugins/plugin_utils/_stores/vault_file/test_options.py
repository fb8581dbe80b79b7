# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import InvalidInput
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.options import store_path


class TestStorePath:
    def test_a_relative_one_is_below_the_playbook(self) -> None:
        assert store_path("store/uipath", "/plays") == Path("/plays/store/uipath")

    def test_an_absolute_one_stays(self) -> None:
        assert store_path("/var/store", "/plays") == Path("/var/store")

    def test_the_tilde_is_the_home_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        assert store_path("~/store", "/plays") == Path("/home/me/store")

    @pytest.mark.parametrize("path", ["~nobody-of-this-name/store", "~nobody-of-this-name"])
    def test_of_an_unknown_user_is_refused(self, path: str) -> None:
        with pytest.raises(InvalidInput, match=r"store\.path begins with ~nobody-of-this-name"):
            store_path(path, "/plays")
