# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import tracemalloc
from typing import Any

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.responses import (
    KNOWN_CODES,
    LONGEST_CODE,
    MOST_ERRORS,
    MOST_READ,
    MOST_SHOWN,
    POLICY_CODES,
    ServerError,
    beginning,
    descriptions,
    error_codes,
    is_barred,
    is_passing,
    problem_messages,
    server_error,
    shown,
    trace_id,
    with_server_message,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK

IDENTITY_RESULT = {
    "succeeded": False,
    "errors": [
        {"code": "PasswordTooShort", "description": "Too short."},
        {"code": "PasswordRequiresDigit", "description": "No digit."},
    ],
}
PROBLEM_DETAILS = {
    "errors": {"newPassword": ["Required.", "Too short."], "$": "Not JSON."},
    "title": "One or more validation errors occurred.",
    "status": 400,
    "traceId": "00-84c1-85d1-00",
}
OAUTH_ERROR = {"error": "invalid_client", "error_description": "Unknown client."}
ERROR_OBJECT = {"error": {"code": "UnsupportedApiVersion", "message": "No version."}}
# What Orchestrator's own API and ABP say.
FLAT_ERROR = {"message": "No license.", "errorCode": 1104, "traceId": "00-1"}
UNTITLED = {"title": "Forbidden", "detail": "Not yours.", "status": 403}
NOT_OBJECTS: list[Any] = [None, [], "text", 3, True]
ODD_OBJECTS: list[Any] = [
    {"errors": None, "error": None, "traceId": None},
    {"errors": ["text", None, {"code": True, "description": []}], "error": ["x"], "traceId": 5, "message": ["m"]},
    {"errors": {"field": [1, None]}, "error": {"code": 0, "message": 1}, "traceId": "", "title": 7, "detail": [1]},
]


class TestErrorCodes:
    @pytest.mark.parametrize(
        ("answer", "codes"),
        [
            (IDENTITY_RESULT, ("PasswordTooShort", "PasswordRequiresDigit")),
            (PROBLEM_DETAILS, ()),
            (OAUTH_ERROR, ("invalid_client",)),
            (ERROR_OBJECT, ("UnsupportedApiVersion",)),
            ({"code": "InvalidPartition"}, ("InvalidPartition",)),
            ({"errorCode": "1001"}, ("1001",)),
            (FLAT_ERROR, ("1104",)),
            ({"errors": [{"code": 7}], "error": {"code": 8}, "code": 9}, ("7", "8", "9")),
        ],
    )
    def test_of_every_shape(self, answer: Any, codes: tuple[str, ...]) -> None:
        assert error_codes(answer) == codes

    @pytest.mark.parametrize("answer", NOT_OBJECTS + ODD_OBJECTS)
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert error_codes(answer) == ()

    def test_are_cut(self) -> None:
        long = "x" * 10**6
        codes = error_codes({"errors": [{"code": long}] * 999, "error": {"code": long}, "code": long})
        assert len(codes) < 60
        assert {len(code) for code in codes} == {LONGEST_CODE + 1}
        whole = "x" * LONGEST_CODE
        assert error_codes({"code": whole}) == (whole,)


class TestDescriptions:
    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            (IDENTITY_RESULT, "Too short. No digit."),
            (PROBLEM_DETAILS, ""),
            (OAUTH_ERROR, "Unknown client."),
            (ERROR_OBJECT, "No version."),
            (FLAT_ERROR, "No license."),
            (UNTITLED, ""),
        ],
    )
    def test_of_every_shape(self, answer: Any, message: str) -> None:
        assert descriptions(answer) == message

    @pytest.mark.parametrize("answer", NOT_OBJECTS + ODD_OBJECTS)
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert descriptions(answer) == ""


class TestProblemMessages:
    def test_names_the_field_of_each_message(self) -> None:
        expected = "newPassword: Required.; newPassword: Too short.; $: Not JSON."
        assert problem_messages(PROBLEM_DETAILS) == expected

    def test_without_fields_gives_title_and_detail(self) -> None:
        assert problem_messages(UNTITLED) == "Forbidden Not yours."
        assert problem_messages({"title": "Not Found", "detail": None}) == "Not Found"

    @pytest.mark.parametrize("answer", [*NOT_OBJECTS, *ODD_OBJECTS, IDENTITY_RESULT, OAUTH_ERROR, FLAT_ERROR])
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert problem_messages(answer) == ""


class TestTraceId:
    def test_of_problem_details(self) -> None:
        assert trace_id(PROBLEM_DETAILS) == "00-84c1-85d1-00"

    @pytest.mark.parametrize("answer", [*NOT_OBJECTS, *ODD_OBJECTS, IDENTITY_RESULT])
    def test_none_in_anything_else(self, answer: Any) -> None:
        assert trace_id(answer) == ""


class TestServerWords:
    SECRETS = ("hunter2", 'qu"ote')

    def test_of_an_identity_result(self) -> None:
        expected = ServerError("Too short. No digit.", ("PasswordTooShort", "PasswordRequiresDigit"))
        assert server_error(IDENTITY_RESULT, self.SECRETS) == expected

    def test_of_a_problem(self) -> None:
        said = server_error(UNTITLED, self.SECRETS)
        assert said == ServerError("Forbidden Not yours.")

    @pytest.mark.parametrize("answer", NOT_OBJECTS + ODD_OBJECTS)
    def test_of_anything_else(self, answer: Any) -> None:
        assert server_error(answer, self.SECRETS) == ServerError("", (), None)

    def test_masks_every_part(self) -> None:
        answer = {"error": "xhunter2", "error_description": 'Got HUNTER2 and "qu\\"ote".', "traceId": "hunter2"}
        assert server_error(answer, iter(self.SECRETS)) == ServerError(f'Got {MASK} and "{MASK}".', (f"x{MASK}",), MASK)

    def test_masks_pieces_in_the_messages_of_a_problem(self) -> None:
        said = server_error({"errors": {"$": ["'h' is invalid, near unter2."]}}, (), self.SECRETS)
        assert not any(piece in said.message for piece in ("'h'", "unte", "ter2"))

    @pytest.mark.parametrize("piece", ["unter2-G", "NTER2-", "nter2-Gr&#xFC;nde", "r2-Gr%C3%BCnde", "nte\u200br2-Gr"])
    def test_masks_pieces_in_every_text(self, piece: str) -> None:
        answer = {"errors": [{"code": f"Bad-{piece}", "description": f"Not <{piece}>."}], "traceId": piece}
        said = server_error(answer, ["hunter2-Gründe"])
        assert said == ServerError(f"Not <{MASK}>.", (f"Bad-{MASK}",), MASK)

    def test_cuts_after_masking(self) -> None:
        said = server_error({"message": "x" * (MOST_SHOWN - 3) + "hunter2"}, ["hunter2"])
        assert said.message == "x" * (MOST_SHOWN - 3) + "***"

    def test_replaces_what_rewrites_a_terminal_or_a_log(self) -> None:
        odd = "a\x1b[2J\r\nfatal\u202e\u2028\ud800b"
        said = server_error({"errors": [{"code": odd, "description": odd}], "traceId": odd}, ())
        clean = "a [2J  fatal   b"
        assert said == ServerError(clean, (clean,), clean)
        assert server_error({"errors": {odd: [odd]}}, ()).message == f"{clean}: {clean}"

    def test_looks_at_no_more_than_it_shows(self) -> None:
        why = "Why. " * 9999
        many = {"errors": [{"code": f"Code{number}", "description": why} for number in range(99999)]}
        said = server_error(many, ["hunter2"])
        assert (len(said.codes), len(said.message)) == (MOST_ERRORS, MOST_SHOWN)
        said = server_error({"errors": {str(number): ["Why. "] * 99999 for number in range(999)}}, ["hunter2"])
        assert len(said.message) == MOST_SHOWN

    def test_shows_where_a_code_or_a_trace_id_was_cut(self) -> None:
        words, word = "too long " * 999, "x" * 999
        said = server_error({"errors": [{"code": words}, {"code": word}], "traceId": word}, ["hunter2"])
        begun = words[: LONGEST_CODE // 9 * 9]
        assert said == ServerError("", (f"{begun}...", "..."), "...")

    def test_shows_no_piece_of_a_secret_where_a_code_was_cut(self) -> None:
        secret = "Zo7-verysecret.pw"
        for kept in range(len(secret)):
            code = f"{'x' * (LONGEST_CODE - kept - 1)} {secret} and more"
            said = server_error({"code": code, "traceId": code}, [secret])
            assert "Zo7" not in f"{said.codes}{said.trace_id}"
            assert said.codes[0].startswith("xxx") or kept == 0

    def test_reads_no_more_of_long_texts_than_is_shown(self) -> None:
        long = "A " * 10**6
        for answer in ({"errors": [{"description": long}] * 50}, {"errors": {long: [long] * 50}}, {"title": long}):
            tracemalloc.start()
            said = server_error(answer, ["hunter2"])
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert (len(said.message), peak < 5 * len(long)) == (MOST_SHOWN, True)

    def test_no_password_hides_a_code_that_is_known(self) -> None:
        answer = {"errors": [{"code": "PasswordMismatch", "description": "Password?"}, {"code": "PasswordOdd"}]}
        said = server_error(answer, ["Password"])
        assert (said.codes, said.message) == (("PasswordMismatch", f"{MASK}Odd"), f"{MASK}?")

    def test_rules_are_known_codes(self) -> None:
        assert POLICY_CODES < KNOWN_CODES


class TestShown:
    @pytest.mark.parametrize("encode", [base64.b64encode, bytes.hex])
    def test_drops_an_encoded_secret_that_the_cut_goes_through(self, encode: Any) -> None:
        secret = 'Grün "7"\\ %{{ x }}'
        encoded = encode(secret.encode())
        encoded = encoded if isinstance(encoded, str) else encoded.decode()
        ahead = (secret * MOST_READ)[: MOST_READ - len(encoded) * 3 // 4] + " "
        assert encoded[:10] not in shown(ahead + encoded, [secret])


class TestWithServerMessage:
    @pytest.mark.parametrize(
        ("said", "message"),
        [
            ([], "No."),
            ([""], "No."),
            (["Why."], "No. The server says: Why."),
            (["Why.", "", "How.", "Why."], "No. The server says: Why. / How."),
        ],
    )
    def test_appends_each_message_once(self, said: list[str], message: str) -> None:
        assert with_server_message("No.", said) == message


class TestIsBarred:
    @pytest.mark.parametrize(
        "code", ["UserLockedOut", "LockoutEnabled", "UserNotActive", "UserIsInactive", "USER_LOCKED", "disabled"]
    )
    def test_by_the_words_in_a_code(self, code: str) -> None:
        assert is_barred(["Other", code])

    @pytest.mark.parametrize("code", ["DbDeadlock", "ClockSkew", "Blocklist", "PasswordInBlocklist", "PasswordLocked"])
    def test_not_by_a_part_of_a_word(self, code: str) -> None:
        assert not is_barred([code])

    def test_not_by_other_codes(self) -> None:
        assert not is_barred(["PasswordReuse", "ActiveNot", "DefaultError"])
        assert not is_barred([])


class TestIsPassing:
    @pytest.mark.parametrize(
        "code",
        [
            "UserLockedOut",
            "USER_LOCKED",
            "UserIsNotActive",
            "UserInactive",
            "Disabled",
            "Conflict",
            "RateLimited",
            "TooManyAttempts",
            "ServiceBusy",
            "RequestTimeout",
            "TemporarilyUnavailable",
        ],
    )
    def test_by_a_part_of_a_code(self, code: str) -> None:
        assert is_passing(["Other", code])

    def test_for_a_code_that_was_cut(self) -> None:
        assert is_passing(error_codes({"code": "PasswordReuse" * 99}))

    def test_not_for_what_is_about_passwords(self) -> None:
        assert not is_passing(["PasswordReuse", "PasswordHistory", "PreviousUseLimit", "DefaultError"])


class TestBeginning:
    def test_of_a_text_that_is_read_as_a_whole(self) -> None:
        assert beginning("a b") == "a b"
        assert beginning("x" * MOST_READ) == "x" * MOST_READ

    def test_leaves_out_the_word_that_is_cut(self) -> None:
        assert beginning("x " * MOST_READ).endswith("x ")
        assert beginning("x " + "y" * MOST_READ) == "x "

    def test_shows_nothing_of_an_encoded_secret_that_is_cut(self) -> None:
        secret = "Zo7-verysecret.pw"
        cut = base64.b64encode(secret.encode()).decode()
        for kept in range(8, len(cut)):
            text = secret + " " * (MOST_READ - len(secret) - kept) + cut
            shown_text = shown(text, [secret])
            assert cut[:8] not in shown_text
