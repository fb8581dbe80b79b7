# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to the accounts of a season, as no run knows it: a sequence of events, and what follows from them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.rpaops.uipath.tests.nights.servers import LOCKED


class Pair(NamedTuple):
    """One request: the run that sent it, the user, the old password and the new one."""

    run: int
    user: str
    old: str
    new: str


@dataclass
class Truth:
    """`journal`: a file that gets every event at once, so that none is lost with a process that is killed.

    `in_flight` are requests and copies that may still arrive. `rejected` are the new passwords that the server's policy
    does not accept, whoever sends them again. Since an account's last commit, any one of the `reasons` may close it,
    and so may several `troubles`, of which a single one must not.
    """

    journal: Path | None = None
    events: list[tuple[Any, ...]] = field(default_factory=list)
    in_flight: list[Pair] = field(default_factory=list)
    sent: Counter[tuple[int, str]] = field(default_factory=Counter)
    applied: Counter[tuple[int, str]] = field(default_factory=Counter)
    mismatches: Counter[tuple[int, str]] = field(default_factory=Counter)
    lost: Counter[tuple[int, str]] = field(default_factory=Counter)  # answers that the run did not get
    unproven: Counter[str] = field(default_factory=Counter)  # failed sign-ins since the last commit or reset
    rejected: dict[tuple[str, str], str] = field(default_factory=dict)
    by_administrator: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    claimed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    reasons: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    committed: dict[str, str] = field(default_factory=dict)  # the last password of each that was proven live
    told: dict[str, str] = field(default_factory=dict)  # the password that the consumers of each were given last
    restored: set[str] = field(default_factory=set)  # accounts whose record is older than one that there was
    runs: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    results: list[tuple[int, dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def note(self, event: str, *what: Any) -> None:
        self.events.append((event, *what))
        if self.journal:
            with self.journal.open("ab", buffering=0) as journal:
                journal.write(json.dumps([event, *what]).encode() + b"\n")
        consequence = getattr(self, f"_{event}", None)
        if consequence:
            consequence(*what)

    def replay(self, journal: Path) -> None:
        """Take over the events of another process."""
        for line in journal.read_text().splitlines() if journal.exists() else ():
            event, *what = json.loads(line)
            self.note(event, *what)

    # What follows from an event

    def _sends(self, run: int, user: str, old: str, new: str, fate: str) -> None:
        self.sent[run, user] += 1

    def _judges(self, run: int, user: str, old: str, new: str, verdict: str) -> None:
        self.applied[run, user] += verdict == "applied"
        self.mismatches[run, user] += verdict == "mismatch"
        self.unproven[user] += verdict == "mismatch"
        if verdict == LOCKED:
            self._bars(user)

    def _judges_copy(self, run: int, user: str, old: str, new: str, verdict: str) -> None:
        """Failed sign-ins by copies that the network made are none of the run's."""
        self.applied[run, user] += verdict == "applied"
        self.troubles[user] += 1

    def _delays(self, *pair: Any) -> None:
        self.in_flight.append(Pair(*pair))

    def _arrives(self, *pair: Any) -> None:
        self.in_flight.remove(Pair(*pair))

    _drops = _arrives

    def _rejects(self, user: str, new: str, code: str) -> None:
        self.rejected[user, new] = code

    def _bars(self, user: str) -> None:
        self.reasons[user].add("the server barred the user")

    def _loses(self, run: int, user: str) -> None:
        self.lost[run, user] += 1
        self.troubles[user] += 1

    def _refuses(self, user: str) -> None:
        self.troubles[user] += 1

    def _is_killed(self, run: int) -> None:
        self.troubles.update(user for number, user in self.sent if number == run)

    def _resets(self, user: str, password: str) -> None:
        self.by_administrator[user].append(password)
        self.unproven[user] = 0
        self.reasons[user].add("an administrator changed the password")

    def _introduces(self, user: str, password: str) -> None:
        self.unproven[user] = 0

    def _claims(self, user: str, password: str) -> None:
        self.claimed[user].add(password)
        self.reasons[user].add("an operator gave a password that was not live")

    def _reopens(self, user: str) -> None:
        self.reasons[user].add("an operator reopened the account")

    def _restores(self, user: str, current: str) -> None:
        """An older record knows nothing of the requests that were sent after it."""
        self.unproven[user] = 0
        self.committed[user] = current
        self.restored.add(user)
        self.reasons[user].add("an operator restored an older record")

    def _begins(self, run: int, *_what: Any) -> None:
        self.runs = run

    def _commits(self, user: str, password: str) -> None:
        self.committed[user] = password
        self.restored.discard(user)
        self.unproven[user] = 0
        self.reasons[user].clear()
        self.troubles[user] = 0

    def _tells(self, user: str, password: str) -> None:
        self.told[user] = password

    def _ends(self, run: int, asked: dict[str, Any], result: dict[str, Any]) -> None:
        self.results.append((run, asked, result))

    def may_arrive(self, run: int, user: str) -> bool:
        """Tell whether a request of the run is in flight that the server may accept."""
        ours = (pair for pair in self.in_flight if (pair.run, pair.user) == (run, user))
        return any((user, pair.new) not in self.rejected for pair in ours)

    def explains(self, user: str) -> bool:
        """Tell whether the account may be closed. In a new store, the first failed sign-in closes it."""
        return bool(self.reasons[user]) or self.troubles[user] > (user in self.committed)

    # For people

    def protocol(self) -> Iterator[str]:
        """All events as lines, each password under a short name."""
        names: dict[str, str] = {}
        for event, *what in self.events:
            if event in ("sends", "judges", "judges_copy"):
                for password in what[2:4]:
                    names.setdefault(password, f"P{len(names)}")
            yield " ".join([event, *(shown(each, names) for each in what)])


def shown(value: Any, names: dict[str, str]) -> str:
    if isinstance(value, dict) and "accounts" in value:
        return "".join(f"\n    {brief(account)}" for account in value["accounts"]) or str(value.get("msg"))
    if isinstance(value, (list, tuple)):
        return f"({', '.join(shown(each, names) for each in value)})"
    return names.get(value, str(value)) if isinstance(value, str) else str(value)


def brief(account: dict[str, Any]) -> str:
    changed = "changed" if account["changed"] else "unchanged"
    unproven = f"{account['unproven_sends']} unproven"
    return f"{account['user_id']}: {account['status']}, {changed}, {unproven}: {account['msg']}"
