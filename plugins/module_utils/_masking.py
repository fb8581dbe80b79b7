# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hide secrets in text that comes from elsewhere.

Ansible masks the exact value of a `no_log` option. A server may quote a password as it received it: JSON-escaped,
percent-encoded, in HTML, in base64, or changed in case. `mask` covers those forms of a whole secret, `mask_pieces` its
pieces in any mixture of those. `mask_fragments` is for messages that are known to quote pieces of a request.
"""

from __future__ import annotations

import base64
import html
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from urllib.parse import quote, quote_plus

from ansible_collections.rpaops.uipath.plugins.module_utils._text import is_invisible

MASK = "********"
# The shortest piece of a secret that is masked: in messages that quote pieces of a request, and in any other.
SHORTEST_FRAGMENT = 4
SHORTEST_PIECE = 6
# A server's usual word. As a piece of a secret it tells nothing, and masked it would hide every message and code.
ORDINARY = "passwords"
# How often encodings may be nested: JSON in JSON in HTML.
MOST_DECODINGS = 3
# One encoded character, or several encoded octets: of Python, JavaScript, JSON, URLs and HTML.
ENCODED = re.compile(
    r"\\U[0-9a-fA-F]{8}|\\u\{[0-9a-fA-F]{1,8}\}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[\\%]u[0-9a-fA-F]{4}|(?:\\x[0-9a-fA-F]{2})+"
    r"|(?:%[0-9a-fA-F]{2})+|&(?:#[xX][0-9a-fA-F]{1,8}|#[0-9]{1,8}|[a-zA-Z]{2,8});|\\[\"'/\\bfnrt]"
)
ESCAPES = dict(zip("bfnrt", "\b\f\n\r\t"))
# What may be base64 of a piece of a secret, or its hexadecimal digits, also one octet at a time: `4E-33`, `0x4e, 0x33`.
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}")
HEXADECIMAL = re.compile(r"[0-9a-fA-F]{2}(?:[-+:,;. ]{0,2}(?:0[xX])?[0-9a-fA-F]{2}){5,}[0-9a-fA-F]?")
# How often these may be nested: base64 of base64.
MOST_RUNS = 2


@lru_cache(maxsize=256)
def encoded_forms(secret: str) -> frozenset[str]:
    """Return every spelling under which a secret is recognized, also without blanks around it."""
    forms = {form for spelling in (secret, secret.strip()) for form in forms_of(spelling)}
    # An encoded form of a character or two would hide pieces of ordinary text.
    plain = {secret, secret.strip(), secret.upper(), secret.lower()}
    return frozenset(form for form in forms if form and (len(form) >= SHORTEST_FRAGMENT or form in plain))


def forms_of(secret: str) -> set[str]:
    octets = secret.encode("utf-8", "surrogatepass")
    forms = {secret, secret.upper(), secret.lower(), repr(secret)[1:-1], repr(octets)[2:-1], octets.hex()}
    forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], dotnet_json(secret)}
    forms |= {json.dumps(form)[1:-1] for form in tuple(forms)}
    forms |= {form.replace("/", "\\/") for form in tuple(forms)}
    forms |= {html.escape(secret), *(html_encoded(secret, numeric) for numeric in ("&#{};", "&#x{:X};"))}
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


def html_encoded(secret: str, numeric: str) -> str:
    """Encode the way .NET does: markup, quotes, plus and all but ASCII. `numeric` is how it writes a code point."""
    named = {char: html.escape(char, quote=False) for char in "&<>"} | {'"': "&quot;"}
    plain = {char for char in map(chr, range(128)) if char not in "'+"}
    return "".join(named.get(char) or (char if char in plain else numeric.format(ord(char))) for char in secret)


def percent_encoded(octets: bytes) -> str:
    return "".join(f"%{octet:02X}" for octet in octets)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Replace every form of every secret in `text`, in either case."""
    hidden, lowered = [False] * len(text), lower(text)
    for form in chain.from_iterable(lowered_forms(secret) for secret in secrets if secret and text):
        at = lowered.find(form)
        while at >= 0:
            hidden[at : at + len(form)] = [True] * len(form)
            at = lowered.find(form, at + 1)
    return masked_where(hidden, text)


@lru_cache(maxsize=256)
def lowered_forms(secret: str) -> frozenset[str]:
    return frozenset(map(lower, encoded_forms(secret)))


def masked_where(hidden: Sequence[bool], text: str) -> str:
    """Put one MASK in place of each row of hidden characters."""
    if not any(hidden):
        return text
    rows = groupby(zip(hidden, text), key=itemgetter(0))
    return "".join(MASK if hide else "".join(char for _hide, char in row) for hide, row in rows)


def mask_fragments(text: str, secrets: Iterable[str]) -> str:
    """Replace also what is quoted, every lone character, and every piece of a secret that is long enough to help.

    A JSON parser quotes a body it cannot read character by character: `Unexpected character ... value: h.`
    """
    if not text:
        return text
    secrets = tuple(secrets)
    masked = re.sub(r"'[^']*'|\"[^\"]*\"", f"'{MASK}'", mask(text, secrets))
    masked = re.sub(r"(?<!\S)\S(?=[.,;:]?(?:\s|$))", MASK, masked)
    return mask_pieces(masked, secrets, SHORTEST_FRAGMENT)


def mask_pieces(text: str, secrets: Iterable[str], size: int = SHORTEST_PIECE) -> str:
    """Replace every piece of a secret that has `size` characters or more, however its characters are encoded."""
    secrets = tuple(secrets)
    if not text or not secrets:
        return text
    hidden = [False] * len(text)
    for start, end in places(text, secrets, size, MOST_RUNS):
        hidden[start:end] = [True] * (end - start)
    return masked_where(hidden, text)


def places(text: str, secrets: tuple[str, ...], size: int, nesting: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces of the secrets begin and end, and where digits of a text that contains one."""
    pieces = all_pieces(secrets, size)
    for view in views(text):
        compared = comparable(view.text)
        for at in [at for at in range(len(compared) - size + 1) if compared[at : at + size] in pieces]:
            yield view.starts[at], view.ends[at + size - 1]
        for run, texts in decoded_runs(view.text) if nesting else ():
            if any(True for inner in texts for _place in places(inner, secrets, SHORTEST_PIECE, nesting - 1)):
                yield view.starts[run.start()], view.ends[run.end() - 1]


def views(text: str) -> Iterator[Characters]:
    """Yield the text as it is and as its readers decode it, each also without what cannot be seen."""
    characters = Characters.of(text)
    for _nesting in range(MOST_DECODINGS + 1):
        yield characters
        if not characters.text.isprintable():
            yield characters.visible()
        decoded = characters.decoded()
        if decoded.text == characters.text:
            return
        characters = decoded


def decoded_runs(text: str) -> Iterator[tuple[re.Match[str], Iterator[str]]]:
    """Yield each run of base64 or hexadecimal digits, and what it may stand for, wherever it was cut."""
    for run in BASE64.finditer(text):
        yield run, chain.from_iterable(map(read_octets, base64_octets(run[0])))
    for run in HEXADECIMAL.finditer(text):
        yield run, chain.from_iterable(map(read_octets, hexadecimal_octets(run[0])))


def base64_octets(run: str) -> Iterator[bytes]:
    for start in range(4):
        digits = run[start:].replace("-", "+").replace("_", "/")
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        yield base64.b64decode(digits + "=" * (-len(digits) % 4))


def hexadecimal_octets(run: str) -> Iterator[bytes]:
    for start in range(2):
        digits = re.sub("0[xX]|[^0-9a-fA-F]", "", run)[start:]
        yield bytes.fromhex(digits[: len(digits) // 2 * 2])


def read_octets(octets: bytes) -> Iterator[str]:
    yield octets.decode("utf-8", "ignore")
    if len(octets) >= 2 * SHORTEST_PIECE:
        for start in range(2):
            yield octets[start:].decode("utf-16-le", "ignore")


@lru_cache(maxsize=8)
def all_pieces(secrets: tuple[str, ...], size: int) -> frozenset[str]:
    return frozenset().union(*(pieces_of(secret, size) for secret in secrets))


@lru_cache(maxsize=256)
def pieces_of(secret: str, size: int) -> frozenset[str]:
    """Return the pieces of a secret. One that looks like encoded text is also cut as a reader would decode it."""
    spellings = {secret}
    for _nesting in range(MOST_DECODINGS):
        spellings |= {Characters.of(spelling).decoded().text for spelling in spellings}
    spellings |= {Characters.of(spelling).visible().text for spelling in spellings}
    found = {text[at : at + size] for text in map(comparable, spellings) for at in range(len(text) - size + 1)}
    return frozenset(piece for piece in found if size < SHORTEST_PIECE or piece not in ORDINARY)


@dataclass(frozen=True)
class Characters:
    """The characters that a text stands for, and where in the text each of them begins and ends."""

    text: str = field(repr=False)
    starts: Sequence[int]
    ends: Sequence[int]

    @staticmethod
    def of(text: str) -> Characters:
        return Characters(text, range(len(text)), range(1, len(text) + 1))

    def decoded(self) -> Characters:
        """Decode once what is encoded."""
        if not ENCODED.search(self.text):
            return self
        text, starts, ends, at = [], [], [], 0
        for match in ENCODED.finditer(self.text):
            characters = decode(match[0])
            text += [self.text[at : match.start()], characters]
            starts += [*self.starts[at : match.start()], *[self.starts[match.start()]] * len(characters)]
            ends += [*self.ends[at : match.start()], *[self.ends[match.end() - 1]] * len(characters)]
            at = match.end()
        text.append(self.text[at:])
        return Characters("".join(text), [*starts, *self.starts[at:]], [*ends, *self.ends[at:]])

    def visible(self) -> Characters:
        """Leave out what cannot be seen."""
        kept = [at for at, char in enumerate(self.text) if not is_invisible(char)]
        text = "".join(self.text[at] for at in kept)
        return Characters(text, [self.starts[at] for at in kept], [self.ends[at] for at in kept])


def decode(encoded: str) -> str:
    """Return what a match of ENCODED stands for."""
    if encoded[:2] in ("&#", "\\U") or encoded[:3] == "\\u{":
        number = encoded[2:].strip("{};").lower()
        code = int(number) if encoded[0] == "&" and number[0] != "x" else int(number.lstrip("x"), 16)
        return chr(code) if code <= sys.maxunicode else encoded
    if encoded[0] == "&":
        return html.unescape(encoded)
    if encoded[1] == "u":
        return bytes.fromhex(re.sub(r"[\\%]u", "", encoded)).decode("utf-16-be", "surrogatepass")
    if encoded[0] == "%" or encoded[1] == "x":
        octets = bytes.fromhex(re.sub(r"%|\\x", "", encoded))
        try:
            return octets.decode()
        except UnicodeDecodeError:
            return octets.decode("latin-1")
    return ESCAPES.get(encoded[1], encoded[1])


def comparable(text: str) -> str:
    """Remove the differences of case, and those of blanks in URLs."""
    return lower(text).replace("+", " ")


def lower(text: str) -> str:
    """Lower the case of every character that stays one character."""
    lowered = text.lower()
    if text.isascii() or (len(lowered) == len(text) and "Σ" not in text):  # which depends on what is next to it
        return lowered
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
