# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids and passwords with any character arrive at the server as the user wrote them."""

from __future__ import annotations

import string

import pytest
from ansible_collections.rpaops.uipath.tests.playbook.playbook import CORE, Playbook
from ansible_collections.rpaops.uipath.tests.playbook.scene import OLD, change, task
from ansible_collections.rpaops.uipath.tests.playbook.simulator import SimulatorProcess

IDS = [
    "har-3107",
    "a/b",
    "a?b=c",
    "a#b",
    "100%",
    "%2F",
    "a/../b",
    "...",
    "a b  c",
    " blanks ",
    "jürgen@müller.example",
    "ユーザー",
    "a\\b",
    "a+b&c;d",
    "'\"",
    "x" * 500,
]
PRINTABLE = "".join(map(chr, range(33, 127)))
PASSWORDS = {
    "all printable ASCII": PRINTABLE,
    "the same between blanks": f" {PRINTABLE} ",
    "backwards": PRINTABLE[::-1],
    "umlauts and beyond": "äöüß€ 密码 пароль 🔑 a1",
    "combining": "e\u0301a\u0308 1234",
    "not normal": "\u212b\ufb01\u00a0\u200d1234a",
    "template": "{{ lookup('env', 'HOME') }}a1",
    "statement": "{% if true %}a1{% endif %}",
    "comment": "{# nothing #}abc1",
    "unsafe": "!unsafe abc1",
    "vault": "$ANSIBLE_VAULT;1.1;AES256 1a",
    "number": "12345678901234567890",
    "octal": "0123456a",
    "exponent": "1e100000a",
    "true": "true true 1",
    "null": "~null~ 12",
    "date": "2026-01-01 a",
    "colon": "a: b, c: [1]",
    "tab": "a\tb 12345",
    "very long": "ab1" * 5000,
    "hexadecimal": "0x1F0000ab",
    "percent": "%41%20%%s%(a)s1",
    "at the start": "@file1234a",
    "variable": "$HOME`id`$(id)a1",
}
LITERALS = {
    "list": "[1, 2, 'a']",
    "dictionary": "{'a': 12345}",
    "JSON list": '["a", 1, true]',
    "JSON dictionary": '{"a": 12345}',
    "tuple": "('a', 1234)",
}
pytestmark = pytest.mark.matrix


def test_ids(play: Playbook, simulator: SimulatorProcess) -> None:
    simulator.add_users(dict.fromkeys(IDS, OLD))
    result = play([task("Many", users="{{ users }}")], users=[change(user_id) for user_id in IDS])["Many"]
    assert [user["status"] for user in result["results"]] == ["changed"] * len(IDS)
    assert simulator.report["applied"] == dict.fromkeys(IDS, 1)


def test_passwords(play: Playbook, simulator: SimulatorProcess) -> None:
    """To every password and back again."""
    assert set(PRINTABLE) == set(string.printable) - set(string.whitespace)
    simulator.add_users(dict.fromkeys(PASSWORDS, OLD))
    simulator.configure(policy={"digit": False, "lower": False})
    there = [change(name, new=password) for name, password in PASSWORDS.items()]
    back = [change(name, old=password, new=OLD) for name, password in PASSWORDS.items()]
    run = play([task("There", users="{{ vault_there }}")], vault_there=there)
    assert run.code == 0
    assert simulator.live_count(list(PASSWORDS.items())) == len(PASSWORDS)
    run = play([task("Back", users="{{ vault_back }}")], vault_back=back, succeeds=True)
    assert simulator.live_count([(name, OLD) for name in PASSWORDS]) == len(PASSWORDS)


def test_passwords_of_one_user(play: Playbook, simulator: SimulatorProcess) -> None:
    names = ("all printable ASCII", "template", "umlauts and beyond")
    simulator.add_users(dict.fromkeys(names, OLD))
    tasks = [
        task(name, user_id=name, old_password=OLD, new_password=f"{{{{ vault_new['{name}'] }}}}") for name in names
    ]
    play(tasks, vault_new={name: PASSWORDS[name] for name in names})
    assert simulator.live_count([(name, PASSWORDS[name]) for name in names]) == 3


def test_passwords_that_look_like_literals_in_a_list_of_users(play: Playbook, simulator: SimulatorProcess) -> None:
    simulator.add_users(dict.fromkeys(LITERALS, OLD))
    users = [change(name, new=password) for name, password in LITERALS.items()]
    play([task("Many", users="{{ vault_users }}")], vault_users=users, succeeds=True)
    assert simulator.live_count(list(LITERALS.items())) == len(LITERALS)


def test_passwords_that_look_like_literals_in_an_option(play: Playbook, simulator: SimulatorProcess) -> None:
    """Before 2.19, ansible-core turns a template's result that looks like a literal into that: it is refused."""
    simulator.add_users(dict.fromkeys(LITERALS, OLD))
    tasks = [
        task(name, user_id=name, old_password=OLD, new_password=f"{{{{ vault_literals['{name}'] }}}}")
        for name in LITERALS
    ]
    run = play(tasks, vault_literals=LITERALS)
    arrived = {name for name, password in LITERALS.items() if simulator.is_live(name, password)}
    refused = set(LITERALS) - {"tuple"} if CORE < (2, 19) else set()
    assert arrived == set(LITERALS) - refused
    assert all("new_password must be a string, but it is a" in run[name]["msg"] for name in refused)
