# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control request: the pair `(R, R)` with a random `R`, which shows what a refusal of the probe means.

A server with a password history refuses the probe `(new, new)` while the new password is in effect, with a code that is
not documented. The refusal alone proves nothing: a server that compares the two passwords before it looks at the old
one refuses any such pair, `(R, R)` as well. A server that answers `(R, R)` with a mismatch looks at the old password
first, so it accepted that of the probe. That it does not look at the history first is known already: it answered the
user's own pair with a mismatch. `(R, R)` cannot be applied, because no user has the password `R`.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable

from ansible_collections.rpaops.uipath.plugins.module_utils._identity.users import PasswordAnswer
from ansible_collections.rpaops.uipath.plugins.module_utils._password_change.attempt import Verdict, in_effect

SHORTEST = 64


def refusal(verdict: Verdict) -> frozenset[str] | None:
    """Return the codes with which the probe was refused, if a control request may show what they mean."""
    if verdict.message_key != "probe_refused" or not verdict.answers[-1].is_identity_result:
        return None
    probe = verdict.answers[-1]
    codes = probe.unmasked_codes or frozenset(probe.codes)
    return None if probe.is_passing or not codes else codes


def send_control(send: Callable[[str, str], PasswordAnswer], new_password: str) -> PasswordAnswer:
    """Send `(R, R)`. `R` has every class of characters and at least the length that the server may demand."""
    length = max(SHORTEST, len(new_password))
    value = ("Aa1-" + secrets.token_urlsafe(length))[:length]
    return send(value, value)


def concluded(verdict: Verdict, *, mismatch: bool, answers: tuple[PasswordAnswer, ...] = ()) -> Verdict:
    """Return the verdict after a control request. `answers` is its answer, for the user with whom it was sent."""
    lost = any(answer.kind == "unknown" for answer in verdict.answers)
    status, message_key = in_effect(lost=lost) if mismatch else (verdict.status, "control_refused")
    return dataclasses.replace(verdict, status=status, message_key=message_key, answers=(*verdict.answers, *answers))
