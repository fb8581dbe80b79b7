# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of secrets: a prefix and the user id, in characters that secret servers and their URLs accept."""

from __future__ import annotations

import re

# The user id is the whole name below a prefix. Each octet of any other character is written as "=" and two digits.
UNSAFE = re.compile(rb"[^A-Za-z0-9_-]")
ENCODED = re.compile(rb"=([0-9A-F]{2})")


def secret_name(user_id: str) -> str:
    """Return the user id with all but letters, digits, `-` and `_` encoded."""
    octets = UNSAFE.sub(lambda match: b"=%02X" % match[0][0], user_id.encode("utf-8", "surrogatepass"))
    return octets.decode("ascii")


def user_id_in(name: str) -> str | None:
    """Return the user id that a secret is named for, or None if it is named otherwise."""
    octets = ENCODED.sub(lambda match: bytes([int(match[1], 16)]), name.encode("utf-8", "surrogatepass"))
    user_id = octets.decode("utf-8", "replace")
    return user_id if user_id and secret_name(user_id) == name else None
