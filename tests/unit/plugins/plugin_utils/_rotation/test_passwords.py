# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import math
import secrets
import string
from collections import Counter
from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.passwords import (
    LONGEST,
    SPECIAL,
    PasswordRules,
    entropy,
    new_password,
    rules_problems,
    with_server_policy,
)

CLASSES = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "digits": string.digits,
    "special": SPECIAL,
}
NONE = dict.fromkeys(CLASSES, 0)


def counted(password: str) -> dict[str, int]:
    return {name: sum(char in chars for char in password) for name, chars in CLASSES.items()}


def setting(**demands: Any) -> str:
    return json.dumps(demands)


class TestPasswordRules:
    def test_leaves_out_what_is_excluded(self) -> None:
        assert PasswordRules(exclude="02468").alphabet("digits") == "13579"

    def test_has_every_special_character_once(self) -> None:
        assert PasswordRules(special_characters="!!?!").alphabet("special") == "!?"

    @pytest.mark.parametrize(
        ("minimums", "used"),
        [
            ({}, [*CLASSES]),
            ({"special": 0, "upper": 0}, ["lower", "digits"]),
            ({**NONE, "special": 3}, ["special"]),
            (NONE, ["lower", "digits"]),
        ],
    )
    def test_uses_the_classes_with_a_minimum(self, minimums: dict[str, int], used: list[str]) -> None:
        assert PasswordRules(**minimums).used() == used  # type: ignore[arg-type]


class TestRulesProblems:
    @pytest.mark.parametrize(
        "rules",
        [
            PasswordRules(),
            PasswordRules(length=12),
            PasswordRules(length=LONGEST),
            PasswordRules(**NONE),  # type: ignore[arg-type]
            PasswordRules(special=0, special_characters=""),
            PasswordRules(exclude="0O1lI|§"),
        ],
    )
    def test_none(self, rules: PasswordRules) -> None:
        assert rules_problems(rules) == []

    @pytest.mark.parametrize(
        ("rules", "problem"),
        [
            (PasswordRules(length=7), "password.length must be from 8 to 256"),
            (PasswordRules(length=257), "password.length must be from 8 to 256"),
            (PasswordRules(length=8, lower=6), "password.length is less than the sum of the minimums"),
            (PasswordRules(upper=-1), "password.upper must not be negative"),
            (PasswordRules(exclude=string.digits), "password.digits is set, but password.exclude"),
            (PasswordRules(special_characters=""), "password.special is set, but password.exclude"),
            (PasswordRules(special_characters="!a"), "password.special_characters must not contain letters"),
            (PasswordRules(special_characters="!7"), "password.special_characters must not contain letters"),
            (PasswordRules(special_characters="! "), "password.special_characters must not contain letters"),
            (PasswordRules(special_characters="!\t"), "password.special_characters must not contain letters"),
            (PasswordRules(special_characters="!", exclude="!"), "password.special is set, but password.exclude"),
            (PasswordRules(**NONE, exclude=string.digits), "password.digits is set, but password.exclude"),  # type: ignore[arg-type]
        ],
    )
    def test_one(self, rules: PasswordRules, problem: str) -> None:
        (found,) = rules_problems(rules)
        assert found.startswith(problem)

    def test_all_together(self) -> None:
        rules = PasswordRules(length=1, lower=-1, digits=-5, special_characters="")
        assert len(rules_problems(rules)) == 4


class TestEntropyProblems:
    @pytest.mark.parametrize(
        ("rules", "bits", "advice"),
        [
            (PasswordRules(length=8), 41, "set it to at least 12, or"),
            (PasswordRules(length=11), 59, "set it to at least 12, or"),
            (PasswordRules(length=8, lower=2, upper=2, digits=2, special=2), 32, "set it to at least 14, or"),
            (PasswordRules(**{**NONE, "digits": 1}, length=19), 63, "set it to at least 20, or"),  # type: ignore[arg-type]
            (PasswordRules(**{**NONE, "digits": 1}, exclude="23456789"), 24, "set it to at least 64, or"),  # type: ignore[arg-type]
            (PasswordRules(**{**NONE, "special": 1}, special_characters="!"), 0, "exclude fewer characters, or"),  # type: ignore[arg-type]
        ],
    )
    def test_are_those_of_fewer_than_64_bits(self, rules: PasswordRules, bits: int, advice: str) -> None:
        (problem,) = rules_problems(rules)
        assert problem.startswith("password.length is too small for so few characters")
        assert f"has {bits} bits of entropy, and 64 are needed: {advice}" in problem

    def test_the_advice_is_enough(self) -> None:
        assert rules_problems(PasswordRules(**{**NONE, "digits": 1}, length=20)) == []  # type: ignore[arg-type]

    def test_are_also_those_of_the_servers_policy(self) -> None:
        """A required digit that can only be 1 takes the place of a letter."""
        rules = PasswordRules(**{**NONE, "lower": 1}, length=14, exclude="023456789")  # type: ignore[arg-type]
        assert rules_problems(rules) == []
        (problem,) = rules_problems(with_server_policy(rules, setting(hasDigit=True)))
        assert "has 61 bits of entropy" in problem


class TestEntropy:
    def test_is_that_of_a_uniform_choice_where_nothing_is_required_of_more_than_one_class(self) -> None:
        rules = PasswordRules(**{**NONE, "lower": 1}, length=20)  # type: ignore[arg-type]
        assert entropy(rules) == pytest.approx(20 * math.log2(26))
        assert entropy(PasswordRules(**NONE, length=20)) == pytest.approx(20 * math.log2(36))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "rules",
        [
            PasswordRules(
                length=3, lower=1, digits=1, upper=0, special=0, exclude=string.ascii_lowercase[3:] + "3456789"
            ),
            PasswordRules(
                length=3, lower=2, digits=1, upper=0, special=0, exclude=string.ascii_lowercase[2:] + "456789"
            ),
        ],
    )
    def test_the_likeliest_password_is_no_likelier_than_that(self, rules: PasswordRules) -> None:
        """Every choice and every order is equally likely, so all of them can be counted."""
        required = [rules.alphabet(name) for name in rules.used() for _count in range(getattr(rules, name))]
        rest = [rules.characters()] * (rules.length - len(required))
        ways = [order for choice in product(*required, *rest) for order in permutations(choice)]
        assert Counter(ways).most_common(1)[0][1] / len(ways) <= 2 ** -entropy(rules) + 1e-12


class TestNewPassword:
    @pytest.mark.parametrize(
        "rules",
        [
            PasswordRules(),
            PasswordRules(length=8, lower=2, upper=2, digits=2, special=2),
            PasswordRules(length=30, lower=1, upper=20, digits=0, special=0),
            PasswordRules(length=LONGEST),
        ],
    )
    def test_has_the_length_and_the_minimums_and_nothing_else(self, rules: PasswordRules) -> None:
        for _try in range(50):
            password = new_password(rules)
            counts = counted(password)
            assert len(password) == rules.length == sum(counts.values())
            assert all(counts[name] >= getattr(rules, name) for name in CLASSES)
            assert not any(counts[name] for name in CLASSES if not getattr(rules, name))

    def test_without_minimums_it_is_lower_case_and_digits(self) -> None:
        counts = counted(new_password(PasswordRules(length=200, **NONE)))  # type: ignore[arg-type]
        assert counts["lower"] + counts["digits"] == 200
        assert counts["lower"]
        assert counts["digits"]

    def test_has_nothing_that_is_excluded(self) -> None:
        excluded = "aeiouAEIOU01!é"
        password = new_password(PasswordRules(length=LONGEST, exclude=excluded))
        assert not set(password) & set(excluded)

    def test_special_characters_need_not_be_ascii(self) -> None:
        password = new_password(PasswordRules(special=5, special_characters="§€ü"))
        assert sum(char in "§€ü" for char in password) >= 5

    def test_every_character_of_every_class_can_come(self) -> None:
        seen = set("".join(new_password(PasswordRules(length=LONGEST)) for _try in range(50)))
        assert seen == set("".join(CLASSES.values()))

    def test_no_class_has_its_place(self) -> None:
        firsts = "".join(new_password(PasswordRules())[0] for _try in range(300))
        assert all(counted(firsts).values())

    def test_is_another_each_time(self) -> None:
        assert len({new_password(PasswordRules(length=8)) for _try in range(100)}) == 100

    def test_every_choice_is_one_of_the_secrets_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        chosen: list[str] = []

        def choice(characters: Sequence[str]) -> str:
            chosen.append(characters[0])
            return characters[0]

        class Order:
            def shuffle(self, characters: list[str]) -> None:
                characters.sort()

        monkeypatch.setattr(secrets, "choice", choice)
        monkeypatch.setattr(secrets, "SystemRandom", Order)
        assert new_password(PasswordRules(length=10)) == "!0Aaaaaaaa"
        assert len(chosen) == 10


class TestWithServerPolicy:
    @pytest.mark.parametrize(
        "unreadable",
        [
            *(None, "", "{", "[]", "3", "null", "[" * 100_000),
            *(setting(Length="many"), setting(Length=[]), '{"Length": 1e999}'),
        ],
        ids=lambda unreadable: str(unreadable)[:20],
    )
    def test_a_setting_that_cannot_be_read_demands_nothing(self, unreadable: Any) -> None:
        rules = PasswordRules(length=9, special=0)
        assert with_server_policy(rules, unreadable) == rules

    def test_raises_the_length_which_is_a_string(self) -> None:
        assert with_server_policy(PasswordRules(length=12), setting(Length="16")).length == 16
        assert with_server_policy(PasswordRules(length=12), setting(Length=16)).length == 16

    def test_raises_what_is_demanded_and_was_not_wanted(self) -> None:
        demands = {"hasLowercase": True, "hasUppercase": True, "hasDigit": True, "hasSpecialCharacter": True}
        raised = with_server_policy(PasswordRules(**NONE), setting(**demands))  # type: ignore[arg-type]
        assert [getattr(raised, name) for name in CLASSES] == [1, 1, 1, 1]
        assert rules_problems(raised) == []

    def test_lowers_nothing(self) -> None:
        rules = PasswordRules(length=30, lower=5, upper=5, digits=5, special=5)
        assert with_server_policy(rules, setting(Length="8", hasDigit=True, hasLowercase=False)) == rules

    @pytest.mark.parametrize("value", [False, None, "true", 1])
    def test_only_true_demands_a_class(self, value: Any) -> None:
        assert with_server_policy(PasswordRules(special=0), setting(hasSpecialCharacter=value)).special == 0

    def test_makes_room_for_what_it_adds(self) -> None:
        rules = PasswordRules(length=18, lower=9, upper=0, digits=9, special=0)
        raised = with_server_policy(rules, setting(hasUppercase=True, hasSpecialCharacter=True))
        assert raised.length == 20
        assert rules_problems(raised) == []

    def test_stays_below_the_longest_password(self) -> None:
        assert with_server_policy(PasswordRules(), setting(Length="5000")).length == LONGEST

    def test_takes_the_setting_as_an_object_too(self) -> None:
        assert with_server_policy(PasswordRules(), {"Length": "40"}).length == 40

    def test_may_demand_what_is_excluded(self) -> None:
        raised = with_server_policy(PasswordRules(digits=0, exclude=string.digits), setting(hasDigit=True))
        assert rules_problems(raised) == ["password.digits is set, but password.exclude excludes all of its characters"]
