# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables of a play are misspelled variables of a role, and which ones it lacks.

A name is a near miss of a known one if, compared without case and without the plural of any word, it has the same words
in any order or leaves out the last one, or if it differs by a letter or two. Two letters are too many for a short name:
`rotate_passwords_date` is not `rotate_passwords_state`. A known name with a number or another word at its end, such as
`rotate_passwords_accounts_b`, is a variable of the user. A variable for tasks that the role ignores costs most, as the
passwords of consumers become outdated. So any name counts that has the words of the role and that for tasks. As long as
the variable itself is not set, so does one with some of these words only, such as `after_tasks`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.rpaops.uipath.plugins.module_utils._text import displayable

# The length up to which the part of a name after the role's may differ by one letter only.
SHORT = 6
MOST_EDITS = 2
# A word stands for another one with the same beginning: `rotation` for `rotate`.
BEGINNING = 5
ABBREVIATIONS = {"pw": "password", "pwd": "password"}
TASK_WORDS = ("task", "after")
# Words that say no more than the role's own, cut as those are.
OF_COLLECTION = "uipath"[:BEGINNING]
# Variables without the role's name that are hardly meant for anything else.
DISTINCTIVE = ("max_age_days", "max_failures", "settle_seconds")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# The least similarity of the first letters of a name and the role's name, so that few names are compared in full.
ALIKE = 0.7
LONGEST_SHOWN = 80


class Findings(NamedTuple):
    """Names that are near misses, each with the known name, and other names that the role does not have.

    `unprefixed` are names without that of the role, each with the known name, which is not set.
    """

    misspelled: dict[str, str]
    unknown: list[str]
    unprefixed: dict[str, str]


def check_names(
    names: Collection[str],
    role: str,
    known: Sequence[str],
    own: Iterable[str] = (),
    defaults: Collection[str] = (),
) -> Findings:
    """Return which of the names are no variables of the role but look like one. The role sets `own` names itself.

    `defaults` are names with the role's own default, which count as not set.
    """
    findings = Findings({}, [], {})
    prefix = f"{role}_"
    expected = {*known, *own}
    unset = [one for one in known if one not in names or one in defaults]
    for name in sorted(name for name in names if not name.startswith("__") and name not in expected):
        nearest = nearest_name(name, prefix, known) or name_for_tasks(name, prefix, unset)
        if nearest:
            findings.misspelled[name] = nearest
        elif name.startswith(prefix):
            findings.unknown.append(name)
        elif name in DISTINCTIVE and prefix + name in unset:
            findings.unprefixed[name] = prefix + name
    return findings


def misspelled_message(misspelled: Mapping[str, str]) -> str:
    found = (f"{shown(name)}: no such variable, did you mean {nearest}?" for name, nearest in misspelled.items())
    return " ".join((*found, "A variable with another name has no effect. Rename it, also if it is one of your own."))


def is_slip(own: str, unset: str) -> bool:
    """Tell whether a name that the role sets itself stands for a variable that is not set."""
    return edits(own, unset) == 1


def missing_names(unset: Iterable[str], misspelled: Mapping[str, str]) -> list[str]:
    """Return the required names that are not set. The message about a misspelled one has said it."""
    return [name for name in unset if name not in misspelled.values()]


def missing_message(names: Sequence[str]) -> str:
    return f"{', '.join(names)}: not set, and the role needs a value."


def null_message(names: Sequence[str]) -> str:
    text = "must not be null, which would remove a limit. Leave it out if you mean that, or give it a value."
    return f"{', '.join(names)}: {text}"


def unknown_message(unknown: Sequence[str], role: str) -> str:
    if len(unknown) == 1:
        return f"The role {role} has no variable {shown(unknown[0])}: it has no effect."
    return f"The role {role} has no variables {', '.join(shown(name) for name in unknown)}: they have no effect."


def unprefixed_message(unprefixed: Mapping[str, str], role: str) -> str:
    found = (
        f"{name} has no effect on the role {role}, whose variable is {known}." for name, known in unprefixed.items()
    )
    return " ".join((*found, "Rename it if it was meant for the role."))


def unreached_message(address: str) -> str:
    return (
        f"Ansible would not run the tasks for the consumers on {address} directly, but connect to it, since the"
        " inventory lists that host. If this fails, the passwords are changed by then. Set ansible_connection: local"
        " for that host."
    )


def forbidden_extras(names: Iterable[Any], role: str, not_extra: Collection[str]) -> list[str]:
    """Return the extra variables that would take precedence over what the role itself sets and uses."""
    return sorted(name for name in map(str, names) if name.startswith(f"__{role}_") or name in not_extra)


def extra_message(names: Sequence[str]) -> str:
    return f"The role sets {', '.join(shown(name) for name in names)} itself: remove them from the extra variables."


def shown(name: str) -> str:
    return displayable(name[:LONGEST_SHOWN])


def nearest_name(name: str, prefix: str, known: Sequence[str]) -> str | None:
    """Return the known name of which this one is a near miss."""
    name = normalized(name)
    if is_for_tasks(name, prefix):
        return next((one for one in known if TASK_WORDS[0] in singular_words(one)), None)
    if any(re.fullmatch(rf"{re.escape(one)}(_\w+|\d+)", name) for one in known):
        return None
    if not resembles(name[: len(prefix)], prefix):
        return None
    by_words = (one for one in known if has_words_of(name, one))
    distances = sorted((edits(name, one), one) for one in known if abs(len(name) - len(one)) <= MOST_EDITS)
    by_letters = (one for distance, one in distances if distance <= allowed_edits(name, one, prefix))
    return next(by_words, None) or next(by_letters, None)


def normalized(name: str) -> str:
    """Return the name in lower case, with underscores between its words."""
    return re.sub(r"\W", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def is_for_tasks(name: str, prefix: str) -> bool:
    """Tell whether a name has the words of the role, and one that only a variable for tasks has."""
    words = singular_words(name)
    rest = TASK_WORDS if name.startswith(prefix) else TASK_WORDS[:1]
    return beginnings(prefix) <= beginnings(name) and any(word in words for word in rest)


def name_for_tasks(name: str, prefix: str, unset: Iterable[str]) -> str | None:
    """Return the variable for tasks, if it is not set, and the name has its words and none but the role's besides."""
    words = beginnings(normalized(name).replace("aftertask", "after_task"))
    if {*TASK_WORDS} <= words <= {*TASK_WORDS, OF_COLLECTION, *beginnings(prefix)}:
        return next((one for one in unset if TASK_WORDS[0] in singular_words(one)), None)
    return None


def beginnings(name: str) -> set[str]:
    return {ABBREVIATIONS.get(word, word)[:BEGINNING] for word in singular_words(name)}


def resembles(start: str, prefix: str) -> bool:
    return start == prefix or difflib.SequenceMatcher(None, start, prefix).quick_ratio() >= ALIKE


def has_words_of(name: str, known: str) -> bool:
    words, of_known = singular_words(name), singular_words(known)
    return sorted(words) == sorted(of_known) or (len(of_known) > 3 and words == of_known[:-1])


def singular_words(name: str) -> list[str]:
    return [word.rstrip("s") for word in name.split("_") if word]


def allowed_edits(name: str, known: str, prefix: str) -> int:
    return 1 if name.startswith(prefix) and len(known) - len(prefix) <= SHORT else MOST_EDITS


def edits(one: str, other: str) -> int:
    """Return how many letters are inserted, deleted, replaced, or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, another in enumerate(other, 1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (letter != another))
            if row > 1 and column > 1 and (letter, one[row - 2]) == (other[column - 2], another):
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]
