# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New passwords: how they are made, and the requirements of the server's policy."""

from __future__ import annotations

import json
import math
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

SPECIAL = "!#+,-.:=?@_~"
CLASSES = ("lower", "upper", "digits", "special")
LONGEST = 256
# In bits. A server may be attacked with all the time there is, once its database was read.
LEAST_ENTROPY = 64
# The fields of the server's setting Auth.Password.PasswordComplexity. Its length is a string.
REQUIRED = {"hasLowercase": "lower", "hasUppercase": "upper", "hasDigit": "digits", "hasSpecialCharacter": "special"}


@dataclass(frozen=True)
class PasswordRules:
    """The length of a password, and the minimum number of characters of each class."""

    length: int = 24
    lower: int = 1
    upper: int = 1
    digits: int = 1
    special: int = 1
    special_characters: str = SPECIAL
    exclude: str = ""

    def alphabet(self, name: str) -> str:
        """Return the characters of a class. Like the server, count only ASCII letters as letters."""
        all_characters = {
            "lower": string.ascii_lowercase,
            "upper": string.ascii_uppercase,
            "digits": string.digits,
            "special": self.special_characters,
        }[name]
        return "".join(char for char in dict.fromkeys(all_characters) if char not in self.exclude)

    def characters(self) -> str:
        """Return the characters of all classes of a password."""
        return "".join(self.alphabet(name) for name in self.used())

    def used(self) -> list[str]:
        """Return the character classes of a password."""
        return [name for name in CLASSES if getattr(self, name) > 0] or ["lower", "digits"]


def rules_problems(rules: PasswordRules) -> list[str]:
    """Return why no password can satisfy these rules."""
    minimums = [getattr(rules, name) for name in CLASSES]
    problems = [f"password.{name} must not be negative" for name in CLASSES if getattr(rules, name) < 0]
    if any(not is_special(char) for char in rules.special_characters):
        problems.append("password.special_characters must not contain letters, digits or spaces")
    problems += [
        f"password.{name} is set, but password.exclude excludes all of its characters"
        for name in rules.used()
        if not rules.alphabet(name)
    ]
    if not 8 <= rules.length <= LONGEST:
        problems.append(f"password.length must be from 8 to {LONGEST}")
    elif sum(minimums) > rules.length:
        problems.append("password.length is less than the sum of the minimums")
    return problems or entropy_problems(rules)


def entropy_problems(rules: PasswordRules) -> list[str]:
    """Return that passwords of otherwise valid rules could be guessed, and the length that would help."""
    bits, for_each = entropy(rules), math.log2(len(rules.characters()))
    if bits >= LEAST_ENTROPY:
        return []
    length = rules.length + math.ceil((LEAST_ENTROPY - bits) / for_each) if for_each else math.inf
    advice = f"set it to at least {length}" if length <= LONGEST else "exclude fewer characters"
    return [
        f"password.length is too small for so few characters: such a password has {math.floor(bits)} bits of entropy,"
        f" and {LEAST_ENTROPY} are needed: {advice}, or allow more characters with password.exclude,"
        " password.special_characters and the minimums"
    ]


def entropy(rules: PasswordRules) -> float:
    """Return a lower bound of the bits of entropy of a password, as if the order of its characters were known."""
    required = {name: getattr(rules, name) for name in rules.used()}
    rest = rules.length - sum(required.values())
    bits = [count * math.log2(len(rules.alphabet(name))) for name, count in required.items()]
    return math.fsum([*bits, rest * math.log2(len(rules.characters()))])


def is_special(char: str) -> bool:
    """Tell whether the server counts it as a special character. White space could be lost on the way to a consumer."""
    return char.isprintable() and not char.isspace() and not (char.isascii() and char.isalnum())


def new_password(rules: PasswordRules) -> str:
    """Return a random password: the minimum of each class, the rest from all classes in use, in random order."""
    used, characters = rules.used(), rules.characters()
    chosen = [secrets.choice(rules.alphabet(name)) for name in used for _count in range(getattr(rules, name))]
    chosen += [secrets.choice(characters) for _count in range(rules.length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def with_server_policy(rules: PasswordRules, setting: Any) -> PasswordRules:
    """Return the rules, raised to the server's requirements. A setting that cannot be parsed requires nothing."""
    try:
        required = json.loads(setting) if isinstance(setting, str) else setting
        length = int(required.get("Length") or 0)
    except (AttributeError, TypeError, ValueError, OverflowError, RecursionError):
        return rules
    least: Mapping[str, int] = {name: 1 for field, name in REQUIRED.items() if required.get(field) is True}
    raised = {name: max(getattr(rules, name), count) for name, count in least.items()}
    wanted = replace(rules, **raised)
    needed = max(rules.length, length, sum(getattr(wanted, name) for name in CLASSES))
    return replace(wanted, length=min(needed, LONGEST))
