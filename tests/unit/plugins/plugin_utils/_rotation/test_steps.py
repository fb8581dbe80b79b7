# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import ModuleType

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils import _errors
from ansible_collections.rpaops.uipath.plugins.module_utils._errors import (
    Ambiguous,
    Forbidden,
    InvalidInput,
    ListChanged,
    NotFound,
    OutcomeUnknown,
    RequestError,
    Throttled,
    UiPathError,
    Unauthorized,
    UnexpectedAnswer,
    Unreachable,
    WriteInCheckMode,
    WrongUrl,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation import store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import (
    ACCOUNT_STATUSES,
    Outcome,
    RotationRequest,
    Send,
    outcome_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    Busy,
    NotDurable,
    RecordDeleted,
    RecordLost,
    StoreError,
    WentBackwards,
    WrongSecret,
)
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import (
    APPLIED,
    FULL,
    MISMATCH,
    NEW,
    OLD,
    UNKNOWN,
)

# Each error, the status of an account that it ends, and whether it stops the task.
ERRORS: dict[UiPathError, tuple[str, bool]] = {
    Unauthorized("no"): ("unauthorized", True),
    WrongUrl("no"): ("wrong_url", True),
    Throttled("no"): ("throttled", False),
    Unreachable("no"): ("unreachable", False),
    NotFound("no"): ("not_found", False),
    Busy("no"): ("busy", False),
    StoreError("no"): ("store_error", False),
    NotDurable("no"): ("store_error", True),
    WentBackwards("no"): ("store_error", False),
    # No account ends with the status of these errors.
    UiPathError("no"): ("in_doubt", False),
    RequestError("no"): ("in_doubt", False),
    OutcomeUnknown("no"): ("in_doubt", False),
    UnexpectedAnswer("no"): ("in_doubt", False),
    WriteInCheckMode("no"): ("in_doubt", False),
    InvalidInput(["no"]): ("in_doubt", False),
    Forbidden("no"): ("unauthorized", False),
    RecordLost("no"): ("store_error", False),
    RecordDeleted("no"): ("store_error", False),
    WrongSecret("no", of_all=str): ("store_error", False),
    ListChanged(2, 1): ("in_doubt", False),
    Ambiguous("no"): ("in_doubt", False),
}
STOP = PasswordAnswer("unauthorized", stops_task=True)
STOP_LATER = PasswordAnswer("wrong_url", stops_task=True)


def errors_of(module: ModuleType) -> set[type[UiPathError]]:
    found = (value for value in vars(module).values() if isinstance(value, type))
    return {value for value in found if issubclass(value, UiPathError)}


class TestOutcomeOf:
    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_the_status_is_that_of_the_error_or_in_doubt(self, error: UiPathError) -> None:
        status, stops_task = ERRORS[error]
        outcome = outcome_of(error, FULL, (UNKNOWN,))
        assert outcome == Outcome(outcome.status, FULL, (UNKNOWN,), error)
        assert outcome.status == status
        assert outcome.status in ACCOUNT_STATUSES
        assert outcome.stopped_by == (status if stops_task else None)

    def test_every_error_is_listed_here(self) -> None:
        assert set(map(type, ERRORS)) == errors_of(_errors) | errors_of(store)

    def test_without_a_record_or_answers(self) -> None:
        error = StoreError("no")
        assert outcome_of(error) == Outcome("store_error", None, (), error)


class TestOutcome:
    @pytest.mark.parametrize("answers", [(APPLIED,), (MISMATCH, APPLIED), (APPLIED, UNKNOWN)])
    def test_changed_if_an_answer_is_applied(self, answers: tuple[PasswordAnswer, ...]) -> None:
        assert Outcome("in_doubt", None, answers).changed

    @pytest.mark.parametrize("answers", [(), (MISMATCH,), (UNKNOWN, UNKNOWN)])
    def test_otherwise_not(self, answers: tuple[PasswordAnswer, ...]) -> None:
        assert not Outcome("rotated", None, answers).changed

    def test_is_stopped_by_its_first_answer_that_stops_the_task(self) -> None:
        assert Outcome("in_doubt", None, (UNKNOWN, STOP, STOP_LATER)).stopped_by == "unauthorized"

    def test_an_answer_takes_precedence_over_the_error(self) -> None:
        assert Outcome("store_error", None, (STOP,), NotDurable("no")).stopped_by == "unauthorized"

    def test_is_stopped_by_its_error_under_its_own_status(self) -> None:
        assert Outcome("in_doubt", None, (UNKNOWN,), NotDurable("no")).stopped_by == "in_doubt"

    def test_other_answers_and_errors_stop_nothing(self) -> None:
        assert Outcome("refused", None, (MISMATCH, UNKNOWN, APPLIED), StoreError("no")).stopped_by is None


def test_no_password_is_shown() -> None:
    shown = repr([Send(OLD, NEW), RotationRequest(FULL.account, initial_password=OLD)])
    assert OLD not in shown
    assert NEW not in shown
