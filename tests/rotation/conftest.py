# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures of the playbook tests serve here as well."""

from __future__ import annotations

from ansible_collections.rpaops.uipath.tests.playbook.conftest import authority, scene, server_files

__all__ = ["authority", "scene", "server_files"]
