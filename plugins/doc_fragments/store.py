# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `store`, merged from the documentation of every type of store. `PAIR` are two such options."""

from __future__ import annotations

from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import store_documentation


class ModuleDocFragment:
    DOCUMENTATION: str = store_documentation()  # annotated: ansible-test takes a plain assignment for a literal

    # The fragment rpaops.uipath.store.pair
    PAIR: str = store_documentation(
        source="The store that the accounts are moved from.",
        target="The store that the accounts are moved to.",
    )
