# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `store`, merged from the documentation of every type of store."""

from __future__ import annotations

from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.registry import store_documentation


class ModuleDocFragment:
    DOCUMENTATION: str = store_documentation()  # annotated: ansible-test takes a plain assignment for a literal
