# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run concludes from a record without its passwords is what it concludes from the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation import planning
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import (
    Plan,
    may_be_settled,
    plan,
    plan_all,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    REASONS,
    SOURCES,
    STATUSES,
    Account,
    Current,
    Orphan,
    Pending,
    Record,
    Retired,
    redacted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.results import account_result
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import STATES, RotationRequest
from ansible_collections.rpaops.uipath.tests.sampling import Sample
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._rotation.stand_ins import MemoryStore
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES, ALL_EXAMPLES = 300, 5000
URL = "https://identity.example"
NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
PASSWORDS = st.sampled_from(["one", "two", "three"])
NAMES = st.sampled_from([None, "", "label", "another"])
TIMES = st.one_of(
    st.sampled_from([None, "no time", NOW.isoformat(), (NOW - timedelta(days=90)).isoformat(), "2026-05-01T00:00:00"]),
    st.floats(-2, 200).map(lambda days: (NOW - timedelta(days=days)).isoformat()),
)
RECORDS = st.builds(
    Record,
    account=st.builds(Account, st.just(URL), st.just("u1"), NAMES, NAMES),
    current=st.builds(Current, PASSWORDS, TIMES, st.sampled_from(SOURCES), st.integers(1, 3)),
    generation=st.integers(1, 4),
    pending=st.none() | st.builds(Pending, PASSWORDS, PASSWORDS, TIMES, st.booleans()),
    orphans=st.lists(st.builds(Orphan, PASSWORDS, TIMES, st.just("replaced")), max_size=2).map(tuple),
    previous=st.lists(st.builds(Retired, PASSWORDS, TIMES), max_size=2).map(tuple),
    status=st.sampled_from(STATUSES),
    reason=st.none() | st.sampled_from(REASONS),
    error_codes=st.sampled_from([(), ("Code",)]),
    unproven_sends=st.integers(0, 9),
    unproven_limit=st.integers(4, 8),
    stalled=st.integers(0, 2),
    has_consumers=st.booleans(),
    delivered=st.booleans(),
    delivered_at=TIMES,
)
REQUESTS = st.builds(
    RotationRequest,
    account=st.builds(Account, st.just(URL), st.just("u1"), NAMES, NAMES),
    state=st.sampled_from(STATES),
    initial_password=st.none() | PASSWORDS,
    max_age_days=st.sampled_from([0.0, 0.5, 30.0, 90.0, 1e300]),
    force=st.booleans(),
    consumers=st.none() | st.booleans(),
    generation=st.none() | st.integers(0, 5),
    in_new_store=st.booleans(),
    verify=st.booleans(),
)


def test_they_are_those_of_the_whole_records(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "utc_now", lambda: NOW)
    settled: set[bool] = set()

    @settings(max_examples=sample.size(EXAMPLES, ALL_EXAMPLES, "examples"), deadline=None, derandomize=True)
    @given(RECORDS, REQUESTS)
    def compare(record: Record, request: RotationRequest) -> None:
        whole = plan(request, record)
        (planned,) = plan_all([request], MemoryStore.holding(record))
        settled.add(planned.record is not record)
        if planned.record is not record:
            demand_same_end(planned, whole)
        elif may_be_settled(request):
            assert not whole.outcome or whole.outcome.status != "fresh"

    compare()
    assert settled == {True, False}


def demand_same_end(planned: Plan, whole: Plan) -> None:
    """Only that nothing is due is taken from a cache: everything that works on an account gets the record itself."""
    request, record = whole.request, whole.record
    assert record
    assert whole.outcome
    assert whole.outcome.record
    assert whole.outcome.status == "fresh"
    assert planned == Plan(request, redacted(record), replace(whole.outcome, record=redacted(whole.outcome.record)))
    assert shown(planned) == shown(whole)
    assert request.state in ("rotated", "resumed")
    assert not any((request.force, request.verify))
    assert not record.pending
    assert record.status == "ok"


def shown(planned: Plan) -> dict[str, Any]:
    assert planned.outcome
    return account_result(planned.request, planned.outcome, now=NOW)
