# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways through the worlds: all of them, breadth first, and the one without faults that has to heal the account."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Union

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.budget import UNPROVEN_TOTAL
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import closed_status
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.state_machine import (
    MISMATCH_LIMIT,
)
from ansible_collections.rpaops.uipath.tests.model.rules import THEIRS, Violation
from ansible_collections.rpaops.uipath.tests.model.world import (
    LOCKOUT,
    RESUMED,
    ROTATED,
    Left,
    Setting,
    World,
    adopted,
    moves,
    started,
)

MOST_RUNS = 12
RESET = f"{THEIRS}reset"

Origins = dict[World, Union[tuple[World, str], None]]


def search(start: World, setting: Setting) -> Iterable[World]:
    """Return every world that can come of this one, the nearest first, each with a look at the rules."""
    origins: Origins = {start: None}
    queue = deque([start])
    while queue:
        world = queue.popleft()
        for label, move in moves(world, setting):
            try:
                following = move()
            except Violation as violation:
                raise Violation(violation.rule, [*trace(origins, world), label]) from None
            if following not in origins:
                origins[following] = (world, label)
                queue.append(following)
    return origins


def walk(start: World, setting: Setting, choose: Callable[[int], int]) -> World:
    """Go one way to its end. `choose` is given how many moves there are, and says which one it is to be."""
    world, labels = start, []
    while options := list(moves(world, setting)):
        label, move = options[choose(len(options))]
        labels.append(label)
        try:
            world = move()
        except Violation as violation:
            raise Violation(violation.rule, labels) from None
    return world


def trace(origins: Origins, world: World) -> list[str]:
    labels = []
    while (origin := origins[world]) is not None:
        world, label = origin
        labels.append(label)
    return labels[::-1]


@dataclass(frozen=True)
class Healing:
    """How an account came to be well again: how many runs it took, and the failed sign-ins of the worst of them.

    `is_reset`: the requests without a proof were used up, so an administrator had to reset the password.
    """

    runs: int
    mismatches: int
    is_reset: bool
    world: World


def heal(world: World, setting: Setting) -> Healing:
    """Run without faults until the account is ok: an ordinary run first, then an operator opens a closed account."""
    world = replace(world, running=(), flying=(), writes=(), lease=None, left=Left())
    worst = 0
    for runs in range(1, MOST_RUNS):
        world, mismatches = undisturbed(world, setting, runs)
        worst = max(worst, mismatches)
        if world.is_ok:
            return Healing(runs, worst, RESET in world.server.used, world)
    raise AssertionError(f"not healed: {world.server.live} is live, {world.stored}")


def has_sign_ins_left(world: World) -> bool:
    """Tell whether all that may be live can be tried before the server locks the account."""
    candidates = world.stored.candidates() if world.stored else ()
    return world.server.failures + len(candidates) + MISMATCH_LIMIT < LOCKOUT


def undisturbed(world: World, setting: Setting, runs: int) -> tuple[World, int]:
    request = ROTATED
    if world.stored and closed_status(world.stored) and world.stored.unproven_sends >= UNPROVEN_TOTAL:
        world = replace(world, server=replace(world.server, live=RESET, used=world.server.used | {RESET}))
    if runs > 1 and world.stored and closed_status(world.stored):
        request = adopted(world.server.live) if world.server.live.startswith(THEIRS) else RESUMED
    world = started(world, setting, request)
    mismatches = 0
    while world.running:
        before = world.server.failures
        _label, move = next(moves(world, setting))
        world = move()
        mismatches += world.server.failures > before
    return world, mismatches
