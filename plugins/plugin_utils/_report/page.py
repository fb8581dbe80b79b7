# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: one HTML file without any reference to another, made of the report, a template, a style and a script."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.accounts import (
    CONDITIONS,
    Fields,
    conditions,
    error_codes,
    is_closed,
    last_rotated_by,
    moment,
    number,
    rotations,
    text,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._report.charts import (
    HEIGHT,
    age_chart,
    rotation_chart,
    shown,
)
from jinja2 import Environment, StrictUndefined, Template

TITLE = "UiPath passwords"
FIRST_PROBLEMS = 20  # the others are folded
NO_LIMIT = 1e9  # days
FIRST_ROWS = 500  # a browser takes long to draw thousands; the script shows the others on demand
# Numbers that are always shown, then those that are shown unless they are 0: the counts, the sign, and how bad it is.
NUMBERS = {
    "accounts": (("accounts",), "", ""),
    "overdue": (("overdue",), CONDITIONS["overdue"][1], "bad"),
    "in doubt": (("in_doubt",), CONDITIONS["in_doubt"][1], "bad"),
    "closed": (("out_of_sync", "quarantined"), CONDITIONS["quarantined"][1], "bad"),
    "not delivered": (("undelivered",), CONDITIONS["undelivered"][1], "warn"),
}
RARE_NUMBERS = {
    "unreadable": (("unreadable",), CONDITIONS["unreadable"][1], "bad"),
    "moved": (("moved",), CONDITIONS["moved"][1], "rare"),
    "missing": (("missing",), "○", "warn"),
    "not in list": (("unlisted",), CONDITIONS["unlisted"][1], "warn"),
    "under way": (("pending",), CONDITIONS["pending"][1], "rare"),
}


@dataclass(frozen=True)
class Moment:
    """A time, for machines and for people. If it is none, only its text is there."""

    machine: str
    day: str
    clock: str = ""


@dataclass(frozen=True)
class Row:
    """One account. `rank` sorts by condition, the worst first; `age` is in whole days, `exact_age` sorts.

    A closed account has neither an age nor a time when it is due or was delivered: those that are recorded need not be
    those of the live password.
    """

    name: str
    user_name: str
    user_id: str
    conditions: Sequence[str]
    rank: int
    last_rotated: Moment | None
    is_initial: bool
    age: str
    exact_age: float | None
    next_due: Moment | None
    delivered: Moment | None
    is_undelivered: bool
    by: str
    earlier: Sequence[tuple[Moment | None, str]]
    remark: str
    codes: str


def html_page(report: Fields, title: str | None = None) -> str:
    """Return the page. Every text of the report is escaped by the template."""
    accounts, problems = report["accounts"], [text(problem) for problem in report.get("problems") or ()]
    limit = number(report.get("max_age_days"))
    rows = sorted((row_of(account) for account in accounts), key=lambda row: row.rank)
    style, script = content("page.css"), content("page.js")
    return template().render(
        title=text(title) or TITLE,
        time=moment_of(report.get("time")),
        place=text(report.get("store")),
        server=text(report.get("identity_url")),
        limit=text(report.get("max_age_days")) if limit is None else shown(limit),
        numbers=numbers(report.get("counts") or {}),
        problems=problems[:FIRST_PROBLEMS],
        more_problems=problems[FIRST_PROBLEMS:],
        missing=[text(name) for name in report.get("missing") or ()],
        is_compared=is_compared(report),
        has_closed=any(map(is_closed, accounts)),
        maker=maker(report),
        ages=age_chart(accounts, NO_LIMIT if limit is None else limit),
        rotations=rotation_chart(accounts, report.get("time")),
        height=HEIGHT,
        rows=rows,
        first_rows=FIRST_ROWS,
        filters=filters(rows),
        words=CONDITIONS,
        style=style,
        script=script,
        policy=policy(style, script),
    )


@cache
def template() -> Template:
    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined
    )
    environment.filters["with_commas"] = "{:,}".format
    return environment.from_string(content("page.html.j2"))


def content(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: nothing is loaded, and no style or script runs but those of the page."""
    sources = (f"style-src {fingerprint(style)}", f"script-src {fingerprint(script)}", "img-src data:")
    return "; ".join(("default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'"))


def fingerprint(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def numbers(counts: Mapping[str, Any]) -> list[tuple[str, int, str, str]]:
    """Return the name, the count, the sign and the kind of each number."""
    shown = {**NUMBERS, **RARE_NUMBERS}
    summed = {name: sum(counts.get(key) or 0 for key in keys) for name, (keys, *_look) in shown.items()}
    return [
        (name, summed[name], sign, kind)
        for name, (_keys, sign, kind) in shown.items()
        if name in NUMBERS or summed[name]
    ]


def filters(rows: Iterable[Row]) -> list[tuple[str, str, int]]:
    """Return the condition, the word and the count of each choice of the filter."""
    counts = Counter(condition for row in rows for condition in row.conditions or ("ok",))
    words = {**{condition: word for condition, (word, _sign) in CONDITIONS.items()}, "ok": "OK"}
    return [(condition, word, counts[condition]) for condition, word in words.items() if counts[condition]]


def is_compared(report: Fields) -> bool:
    """Tell whether a list of accounts was given."""
    return bool(report.get("missing")) or any(account.get("listed") is not None for account in report["accounts"])


def maker(report: Fields) -> str:
    """Return who made the report and with what, as far as the report says so."""
    by, version = text(report.get("by")), text(report.get("collection_version"))
    return f"Made {f'by {by} ' if by else ''}with rpaops.uipath{f' {version}' if version else ''}."


def row_of(account: Fields) -> Row:
    name, found, closed = shown_name(account), conditions(account), is_closed(account)
    age = None if closed else number(account.get("age_days"))
    user_name, user_id = text(account.get("user_name")), text(account.get("user_id"))
    is_undelivered, is_delivered = (account.get("delivered") is answer for answer in (False, True))
    return Row(
        name=name,
        user_name="" if user_name == name else user_name,
        user_id="" if user_id == name else user_id,
        conditions=found,
        rank=list(CONDITIONS).index(found[0]) if found else len(CONDITIONS),
        last_rotated=moment_of(account.get("last_rotated")),
        is_initial=account.get("source") == "adopted",
        age="" if age is None else f"{int(age):,}",
        exact_age=age,
        next_due=None if closed else moment_of(account.get("next_due")),
        delivered=moment_of(account.get("delivered_at")) if is_delivered and not closed else None,
        is_undelivered=is_undelivered,
        by=last_rotated_by(account),
        earlier=[(moment_of(one.get("at")), text(one.get("by"))) for one in rotations(account)[1:]],
        remark=text(account.get("msg")),
        codes=error_codes(account),
    )


def shown_name(account: Fields) -> str:
    return next((text(name) for key in ("label", "user_name", "user_id") if (name := account.get(key))), "")


def moment_of(value: object) -> Moment | None:
    if value is None:
        return None
    known = moment(value)
    if not known:
        return Moment("", text(value))
    return Moment(f"{known:%Y-%m-%dT%H:%M:%SZ}", f"{known:%Y-%m-%d}", f"{known:%H:%M}")
