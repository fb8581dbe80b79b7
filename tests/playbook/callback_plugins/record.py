# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every task's result to a file, one JSON document a line."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record
type: notification
short_description: Write results to a file
description: Writes every task's result, and every loop item's, to the file that E(RECORD_FILE) names.
"""


class CallbackModule(CallbackBase):
    """Appends `task`, `event` and `result`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, event: str, result: Any) -> None:
        values = result.result if hasattr(result, "result") else result._result
        document = {"task": result.task_name, "event": event, "result": values}
        with open(os.environ["RECORD_FILE"], "a", encoding="utf-8") as record:
            record.write(json.dumps(document, default=repr) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record("failed", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._record("item", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._record("item", result)
