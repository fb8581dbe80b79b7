# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import binascii
import html
import json
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import (
    MASK,
    dotnet_json,
    encoded_forms,
    lower,
    mask,
    mask_fragments,
    mask_pieces,
    percent_encoded,
)

SECRETS = [
    "hunter2-Hunter2",
    "double\"quote'single",
    "back\\slash\\n",
    "a+b&c=d/e?f#g%h i",
    "<script>'`\"&+",
    "grüße-ÄÖÜ-ßtraße",
    "pässwörd漢字😀",
    "line\nbreak\ttab",
    ".*[a-z]+(?i)$^|",
    "%41%42",
    "\\u0041",
    string.printable,
    "\ud800lone",
    "İstanbul-\N{LATIN SMALL LETTER DOTLESS I}",
]


def named_html(char: str, numeric: str) -> str:
    """As .NET's encoders write it: HtmlEncoder in hexadecimal, WebUtility in decimal numbers."""
    named = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;"}
    return named.get(char) or (char if char.isascii() and char not in "'+" else numeric.format(ord(char)))


def spellings(secret: str) -> list[str]:
    """How servers and libraries spell a secret, written down independently of the code under test."""
    octets = secret.encode("utf-8", "surrogatepass")
    return [
        secret,
        secret.upper(),
        secret.lower(),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        repr(secret)[1:-1],
        repr(octets)[2:-1],
        quote(octets),
        quote(octets, safe=""),
        quote(octets, safe="").lower(),
        quote_plus(octets),
        "".join(f"%{octet:02x}" for octet in octets),
        base64.b64encode(octets).decode(),
        base64.b64encode(octets).decode().rstrip("="),
        base64.urlsafe_b64encode(octets).decode(),
        html.escape(secret),
        "".join(named_html(char, "&#x{:X};") for char in secret),
        "".join(named_html(char, "&#{};") for char in secret),
        "".join(f"\\u{ord(char):04X}" if char in "\"'<>&+`" else json.dumps(char)[1:-1] for char in secret),
    ]


class TestEncodedForms:
    def test_of_nothing_is_nothing(self) -> None:
        assert encoded_forms("") == set()

    def test_a_plain_word_has_few(self) -> None:
        assert encoded_forms("abc") == {"abc", "ABC", "%61%62%63", "%41%42%43", "YWJj", "616263"}


class TestDotnetJson:
    def test_escapes_like_system_text_json(self) -> None:
        expected = "\\u0022\\u0027\\u003C\\u003E\\u0026\\u002B\\u0060\\\\\\u00e9"
        assert dotnet_json("\"'<>&+`\\é") == expected


class TestPercentEncoded:
    def test_encodes_every_octet(self) -> None:
        assert percent_encoded(b"a\xff") == "%61%FF"


class TestMask:
    @pytest.mark.parametrize("secret", SECRETS)
    def test_no_spelling_survives(self, secret: str) -> None:
        for spelling in spellings(secret):
            masked = mask(f"The value [{spelling}] is not valid.", [secret])
            assert masked == f"The value [{MASK}] is not valid.", spelling

    @pytest.mark.parametrize("secret", SECRETS)
    def test_no_spelling_survives_among_others(self, secret: str) -> None:
        masked = mask(" ~ ".join(spellings(secret)), SECRETS)
        assert masked == " ~ ".join([MASK] * len(spellings(secret)))

    def test_a_longer_secret_is_hidden_whole(self) -> None:
        assert mask("is abcdef", ["abc", "abcdef"]) == f"is {MASK}"

    def test_every_occurrence(self) -> None:
        assert mask("abc, Abc, aBC", ["abc"]) == f"{MASK}, {MASK}, {MASK}"

    def test_a_secret_of_one_character(self) -> None:
        assert "x" not in mask("x marks the box", ["x"])

    @pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
    def test_without_secrets_words_stay(self, secrets: list[str]) -> None:
        assert mask("Incorrect password.", secrets) == "Incorrect password."

    def test_without_words(self) -> None:
        assert mask("", ["abc"]) == ""


class TestMaskFragments:
    def test_hides_all_that_is_quoted(self) -> None:
        text = "'h' is an invalid start of the value, not \"u\"."
        assert mask_fragments(text, ["hunter2"]) == f"'{MASK}' is an invalid start of the value, not '{MASK}'."

    def test_hides_lone_characters(self) -> None:
        text = "Unexpected character at value: h. Expected x, y; or z"
        expected = f"Unexpected character at value: {MASK}. Expected {MASK}, {MASK}; or {MASK}"
        assert mask_fragments(text, ["hunter2"]) == expected

    @pytest.mark.parametrize("fragment", ["hunt", "nter2", "NTER", "er2-G", "ünde"])
    def test_hides_pieces_long_enough_to_help_a_guess(self, fragment: str) -> None:
        assert mask_fragments(f"near {fragment} found", ["hunter2-Gründe"]) == f"near {MASK} found"

    def test_leaves_shorter_ones(self) -> None:
        assert mask_fragments("near hun found", ["hunter2"]) == "near hun found"

    @pytest.mark.parametrize("secret", SECRETS)
    def test_no_piece_of_a_secret_survives(self, secret: str) -> None:
        for at in range(len(secret) - 3):
            piece = secret[at : at + 4]
            assert piece not in mask_fragments(f"at {piece}.", [secret])

    def test_of_every_secret(self) -> None:
        assert mask_fragments("abcd or wxyz", ("abcde", "vwxyz")) == f"{MASK} or {MASK}"


class TestMaskPieces:
    @pytest.mark.parametrize("secret", [secret for secret in SECRETS if len(secret) > 6])
    def test_no_piece_of_a_secret_survives_in_any_encoding(self, secret: str) -> None:
        encodings: list[Callable[[str], str]] = [
            lambda piece: piece,
            lambda piece: json.dumps(piece)[1:-1],
            lambda piece: json.dumps(json.dumps(piece))[3:-3],
            lambda piece: repr(piece)[1:-1],
            lambda piece: quote(piece.encode("utf-8", "surrogatepass")),
            lambda piece: quote(quote_plus(piece.encode("utf-8", "surrogatepass"))),
            lambda piece: "".join(f"&#x{ord(char):x};" for char in piece),
            lambda piece: html.escape("".join(f"&#{ord(char)};" for char in piece)),
        ]
        for encode in encodings:
            for at in range(len(secret) - 6):
                piece = encode(secret[at : at + 7])
                assert piece not in mask_pieces(f"near <{piece}>", [secret]), piece

    @pytest.mark.parametrize("between", ["\u200b", "\0", "\u202e", "\u00ad", "\u2028"])
    def test_what_cannot_be_seen_hides_no_piece(self, between: str) -> None:
        masked = mask_pieces(f"near {between.join('nter2-H')}.", ["hunter2-Hunter2"])
        assert masked == f"near {MASK}."

    def test_hides_no_more_than_the_piece(self) -> None:
        assert mask_pieces("near unter2&#x2D;ok", ["hunter2-Hunter2"]) == f"near {MASK}ok"

    def test_leaves_shorter_ones(self) -> None:
        assert mask_pieces("near unter found", ["hunter2"]) == "near unter found"

    def test_of_every_secret_but_the_short_ones(self) -> None:
        assert mask_pieces("abcdef or uvwxyz or a", ("abcdefg", "tuvwxyz", "a", "")) == f"{MASK} or {MASK} or a"

    @pytest.mark.parametrize(
        "odd", ["%ff%fe%C3", "&#xFFFFFFFF;&#0;&nosuch;", "\\ud83d\\ud83d\\ude00", "\\", "%", "&;", "\\x", "%u12"]
    )
    def test_what_is_not_encoded_well_stays(self, odd: str) -> None:
        assert mask_pieces(odd, ["hunter2"]) == odd


class TestLower:
    @pytest.mark.parametrize("text", ["ABC", "İ", "ß", "Ω😀"])
    def test_keeps_the_length(self, text: str) -> None:
        assert len(lower(text)) == len(text)

    def test_lowers_the_rest(self) -> None:
        assert lower("AbC-Ä-İ") == "abc-ä-İ"

    def test_does_not_look_at_what_is_next_to_a_character(self) -> None:
        assert lower("ΣΛΣ") == "σλσ"


class TestOrdinary:
    @pytest.mark.parametrize("secret", ["OldPassword1!", "passwords-2"])
    def test_a_usual_word_of_a_server_is_no_piece(self, secret: str) -> None:
        said = "PasswordReuse: The password must differ from the last 1 passwords."
        assert mask_pieces(said, [secret]) == said

    def test_other_pieces_and_the_secret_itself_are_masked(self) -> None:
        assert mask_pieces("dPassword1", ["OldPassword1!"]) == MASK
        assert mask("OldPassword1!", ["OldPassword1!"]) == MASK


class TestRuns:
    """Base64 and hexadecimal digits of a text that contains a secret."""

    SECRET = "Sec-ret-value-é1"

    @pytest.mark.parametrize("prefix", ["", "u:", "id:", "abc:", '{"oldPassword": "'])
    @pytest.mark.parametrize("charset", ["utf-8", "utf-16-le"])
    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, binascii.hexlify])
    def test_are_masked_as_a_whole(self, encode: Callable[[bytes], bytes], prefix: str, charset: str) -> None:
        encoded = encode(f"{prefix}{self.SECRET} and more".encode(charset))
        masked = mask_pieces(f"basic {encoded.decode()} end", [self.SECRET])
        assert masked.replace("=", "") == f"basic {MASK} end"

    # Every character is escaped, so that no six in a row are plain.
    ESCAPED = "".join(f'{char}"' for char in "x9(T%*vQé+&")

    @pytest.mark.parametrize(
        "escape",
        [
            quote_plus,
            lambda text: quote(text, safe="").lower(),
            json.dumps,
            lambda text: json.dumps(json.dumps(text)),
            html.escape,
            dotnet_json,
            repr,
            lambda text: "".join(f"\\U{ord(char):08x}" for char in text),
            lambda text: "".join(f"\\u{{{ord(char):x}}}" for char in text),
        ],
    )
    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, binascii.hexlify])
    def test_of_an_escaped_secret(self, encode: Callable[[bytes], bytes], escape: Callable[[str], str]) -> None:
        encoded = encode(f"client_secret={escape(self.ESCAPED)}&scope=x".encode()).decode()
        assert mask_pieces(f"near {encoded} end", [self.ESCAPED]).replace("=", "") == f"near {MASK} end"

    @pytest.mark.parametrize("separator", ["-", ":", " ", "+", ", ", ",0x", ", 0x", "\n"])
    @pytest.mark.parametrize("spell", [str.upper, str.lower])
    def test_of_single_octets(self, separator: str, spell: Callable[[str], str]) -> None:
        octets = separator.join(spell(f"{octet:02x}") for octet in self.SECRET.encode())
        assert mask_pieces(f"near {octets} the end", [self.SECRET]) == f"near {MASK} the end"

    @pytest.mark.parametrize("inner", [base64.b64encode, binascii.hexlify])
    @pytest.mark.parametrize("outer", [base64.b64encode, binascii.hexlify, lambda octets: octets.hex("-").encode()])
    def test_in_one_another(self, outer: Callable[[bytes], bytes], inner: Callable[[bytes], bytes]) -> None:
        encoded = outer(b"user:" + inner(b"user:" + self.SECRET.encode())).decode()
        assert mask_pieces(f"near {encoded} end", [self.SECRET]).replace("=", "") == f"near {MASK} end"

    @pytest.mark.parametrize(
        "escape",
        [
            quote_plus,
            lambda text: "".join(f"&#x{ord(char):X};" for char in text),
            lambda text: "".join(f"%{ord(char):02X}" for char in text),
            lambda text: text.replace("/", "\\/").replace("+", "\\u002B"),
            lambda text: "\r\n".join([text[:9], text[9:]]),
        ],
    )
    def test_that_are_escaped_themselves(self, escape: Callable[[str], str]) -> None:
        secret = "~?>" * 2 + "ab~?>+/"
        encoded = escape(base64.b64encode(f"{secret} of a users".encode()).decode())
        assert mask_pieces(f"near {encoded} end", [secret]) == f"near {MASK} end"

    def test_that_are_cut(self) -> None:
        encoded = base64.b64encode(self.SECRET.encode()).decode()
        for kept in range(8, len(encoded)):
            assert mask_pieces(f"near {encoded[:kept]}...", [self.SECRET]) == f"near {MASK}..."

    @pytest.mark.parametrize("ahead", ["", "u:", "us:"])
    def test_whose_end_is_not_padded(self, ahead: str) -> None:
        encoded = base64.b64encode(f"{ahead}secret".encode()).decode().rstrip("=")
        assert mask_pieces(f"near {encoded} end", ["secret"]) == f"near {MASK} end"

    @pytest.mark.parametrize(
        "text", ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "UserIsLockedOut", "2026-11-30 14:29:04"]
    )
    def test_of_anything_else_stay(self, text: str) -> None:
        assert mask_pieces(text, [self.SECRET]) == text
