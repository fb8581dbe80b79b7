# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hide secrets in text that comes from elsewhere.

Ansible masks the exact value of a `no_log` option. A server may quote a password as it received it: JSON-escaped,
percent-encoded, in base64, or changed in case. `mask` covers those forms; `mask_fragments` is for messages that
are known to quote pieces of a request.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST_FRAGMENT = 4


def encoded_forms(secret: str) -> set[str]:
    """Return every spelling under which a secret is recognized, also without blanks around it."""
    forms = {form for spelling in (secret, secret.strip()) for form in forms_of(spelling)}
    # An encoded form of a character or two would hide pieces of ordinary text.
    plain = {secret, secret.strip(), secret.upper(), secret.lower()}
    return {form for form in forms if form and (len(form) >= SHORTEST_FRAGMENT or form in plain)}


def forms_of(secret: str) -> set[str]:
    octets = secret.encode("utf-8", "surrogatepass")
    forms = {secret, secret.upper(), secret.lower(), repr(secret)[1:-1], repr(octets)[2:-1], octets.hex()}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], dotnet_json(secret)}
    forms |= {json.dumps(form)[1:-1] for form in tuple(forms)}
    forms |= {form.replace("/", "\\/") for form in tuple(forms)}
    forms |= {html.escape(secret), html.escape(secret).replace("&#x27;", "&#39;")}
    urls = {url_encoded(variant) for variant in (octets, secret.upper().encode("utf-8", "surrogatepass"))}
    forms |= {url for group in urls for url in group}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms |= {encode(octets).decode(), encode(octets).decode().rstrip("=")}
    return forms


def url_encoded(octets: bytes) -> frozenset[str]:
    """Return the URL encodings of Python, JavaScript and .NET, which leave different characters plain."""
    once = {quote(octets, safe=safe) for safe in ("", "/", "!'()*", "!()*")} | {quote_plus(octets)}
    once |= {form.replace("%20", "+") for form in once}
    once |= {form.replace("~", "%7E") for form in once}
    return frozenset({*once, *map(quote, once), percent_encoded(octets)})


def dotnet_json(secret: str) -> str:
    """Escape the way System.Text.Json does by default: quotes, markup, plus and all but ASCII as \\uXXXX."""
    escaped = json.dumps(secret)[1:-1].replace('\\"', "\\u0022")
    return "".join(f"\\u{ord(char):04X}" if char in "'<>&+`" else char for char in escaped)


def percent_encoded(octets: bytes) -> str:
    return "".join(f"%{octet:02X}" for octet in octets)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace every form of every secret in `text`, in either case."""
    if not text:
        return text
    forms = set().union(*(encoded_forms(secret) for secret in secrets if secret))
    if not forms:
        return text
    longest_first = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), MASK, text, flags=re.IGNORECASE)


def mask_fragments(text: str, secrets: Iterable[str]) -> str:
    """Replace also what is quoted, every lone character, and every piece of a secret that is long enough to help.

    A JSON parser quotes a body it cannot read character by character: `Unexpected character ... value: h.`
    """
    if not text:
        return text
    secrets = tuple(secrets)
    masked = re.sub(r"'[^']*'|\"[^\"]*\"", f"'{MASK}'", mask(text, secrets))
    masked = re.sub(r"(?<!\S)\S(?=[.,;:]?(?:\s|$))", MASK, masked)
    size = SHORTEST_FRAGMENT
    pieces = {secret[at : at + size] for secret in map(lower, secrets) for at in range(len(secret) - size + 1)}
    lowered, hidden = lower(masked), [False] * len(masked)
    for at in range(len(masked) - size + 1):
        if lowered[at : at + size] in pieces:
            hidden[at : at + size] = [True] * size
    return re.sub("\0+", MASK, "".join("\0" if hide else char for char, hide in zip(masked, hidden)))


def lower(text: str) -> str:
    """Lower the case of every character that stays one character."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
