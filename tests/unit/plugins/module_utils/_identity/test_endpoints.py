# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    change_password_url,
    default_token_url,
    is_cloud,
    is_loopback,
    is_path_segment,
    likely_identity_urls,
    likely_mistake,
    list_users_url,
    login_attempts_url,
    normalize_identity_url,
    organization_path,
    settings_url,
    url_problems,
    user_url,
)


class TestNormalizeIdentityUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://host/identity",
            "https://host/identity/",
            "https://host/identity//",
            "https://host/identity/api",
            "https://host/identity/api/",
            "https://host/identity/API",
            "  https://host/identity\n",
            "https://host/identity/api/User",
            "https://host/identity/api/user/",
            "https://host/identity/api/User/u1/changepassword",
            "https://host/identity/api/UserPartition/users/acme",
            "https://host/identity/api/Setting",
            "https://host/identity/connect/token",
            "https://host/identity/Connect/Token/",
            "https://host/identity/.well-known/openid-configuration",
        ],
    )
    def test_removes_a_trailing_slash_and_the_path_of_an_operation(self, url: str) -> None:
        assert normalize_identity_url(url) == "https://host/identity"

    @pytest.mark.parametrize(
        "url",
        [
            "https://host/identity_",
            "https://host/acme/identity_",
            "https://host/acme/main/identity_",
            "https://api",
            "https://host/api/identity_",
            "https://host/api/User_/identity_",
            "api/User",
        ],
    )
    def test_leaves_every_other_form_alone(self, url: str) -> None:
        assert normalize_identity_url(url) == url


class TestDefaultTokenUrl:
    def test_is_below_the_base(self) -> None:
        assert default_token_url("https://host/identity") == "https://host/identity/connect/token"


class TestChangePasswordUrl:
    @pytest.mark.parametrize(
        ("user_id", "segment"),
        [
            ("har-3107", "har-3107"),
            ("a/b", "a%2Fb"),
            ("a?b#c", "a%3Fb%23c"),
            ("%2e%2e", "%252e%252e"),
            ("../x", "..%2Fx"),
            ("jörg müller", "j%C3%B6rg%20m%C3%BCller"),
        ],
    )
    def test_the_id_is_one_encoded_segment(self, user_id: str, segment: str) -> None:
        assert change_password_url("https://host/identity", user_id) == (
            f"https://host/identity/api/User/{segment}/changepassword"
        )


class TestUserUrl:
    def test_the_id_is_one_encoded_segment(self) -> None:
        assert user_url("https://host/identity", "a/b") == "https://host/identity/api/User/a%2Fb"


class TestListUsersUrl:
    def test_encodes_organization_and_query(self) -> None:
        query: dict[str, str | int] = {"top": 1000, "searchTerm": "jörg+1@host & co"}
        assert list_users_url("https://host/identity", "User/users", "a/b", query) == (
            "https://host/identity/api/User/users/a%2Fb?top=1000&searchTerm=j%C3%B6rg%2B1%40host+%26+co"
        )

    def test_a_name_that_cannot_be_encoded_fits_no_user(self) -> None:
        url = list_users_url("https://host/identity", "User/users", "1", {"searchTerm": "a\ud800"})
        assert url.endswith("?searchTerm=a%3F")


class TestLoginAttemptsUrl:
    def test_encodes_the_id(self) -> None:
        assert login_attempts_url("https://host/identity", "a/b", 5) == (
            "https://host/identity/api/User/a%2Fb/loginAttempts?top=5"
        )


class TestSettingUrl:
    def test_encodes_key_and_organization(self) -> None:
        assert settings_url("https://host/identity", ["Auth.Password Rule"], "a/b") == (
            "https://host/identity/api/Setting?key=Auth.Password+Rule&partitionGlobalId=a%2Fb"
        )


class TestIsPathSegment:
    @pytest.mark.parametrize("user_id", ["1", "...", "a/..", "%2e", "jörg", "😀", " "])
    def test_any_text_is_one(self, user_id: str) -> None:
        assert is_path_segment(user_id)

    @pytest.mark.parametrize("user_id", ["", ".", "..", "a\ud800"])
    def test_except_what_a_url_cannot_carry(self, user_id: str) -> None:
        assert not is_path_segment(user_id)


class TestUrlProblems:
    @pytest.mark.parametrize(
        "url", ["https://host/identity", "HTTPS://host/identity", "https://host:8443", "https://[2001:db8::1]/identity"]
    )
    def test_none_with_a_good_url(self, url: str) -> None:
        assert url_problems("identity_url", url, allow_http=False) == []

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "host/identity",
            "ftp://host/identity",
            "https://",
            "https://host:0/",
            "https://ho st/",
            "https://host/a\tb",
        ],
    )
    def test_not_a_server(self, url: str) -> None:
        assert url_problems("token_url", url, allow_http=False) == ["token_url must look like https://host/identity"]

    @pytest.mark.parametrize("url", ["https://host:port/", "https://host:99999/", "https://[::1/"])
    def test_not_a_url(self, url: str) -> None:
        assert url_problems("identity_url", url, allow_http=True) == ["identity_url is not a URL"]

    @pytest.mark.parametrize("url", ["https://me:hunter2@host/identity", "https://@host/identity"])
    def test_credentials_are_refused_and_not_quoted(self, url: str) -> None:
        (problem,) = url_problems("identity_url", url, allow_http=False)
        assert "must not contain credentials" in problem
        assert "hunter2" not in problem

    @pytest.mark.parametrize("end", ["?a=b", "#top", "?", "#"])
    def test_query_and_fragment_would_swallow_the_path(self, end: str) -> None:
        (problem,) = url_problems("identity_url", f"https://host/identity{end}", allow_http=False)
        assert "without a query or fragment" in problem

    def test_clear_text_only_to_a_loopback_address(self) -> None:
        assert url_problems("identity_url", "http://127.0.0.1:8080/identity", allow_http=False) == []
        (problem,) = url_problems("identity_url", "http://host/identity", allow_http=False)
        assert "allow_http" in problem

    def test_clear_text_where_allowed(self) -> None:
        assert url_problems("identity_url", "http://host/identity", allow_http=True) == []

    def test_all_problems_of_one_url_together(self) -> None:
        assert len(url_problems("identity_url", "http://me@host/identity?a", allow_http=False)) == 3


class TestIsLoopback:
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
    def test_this_machine(self, host: str) -> None:
        assert is_loopback(host)

    @pytest.mark.parametrize("host", ["", "host", "localhost.example.com", "127.0.0.1.example.com", "10.0.0.1", "::2"])
    def test_any_other(self, host: str) -> None:
        assert not is_loopback(host)


class TestLikelyIdentityUrls:
    @pytest.mark.parametrize(
        ("given", "codes", "likely"),
        [
            ("https://host", [], ["/identity", "/identity_"]),
            ("https://host/", [], ["/identity", "/identity_"]),
            ("https://host/identity", [], ["/ORGANIZATION/identity_", "/identity_"]),
            ("https://host/identity_", [], ["/ORGANIZATION/identity_", "/identity"]),
            ("https://host/identity_", ["UnsupportedApiVersion"], ["/identity"]),
            ("https://host/identity_", ["InvalidPartition"], ["/ORGANIZATION/identity_"]),
            ("https://host/acme", [], ["/acme/identity_", "/identity"]),
            ("https://host/acme/identity", [], ["/acme/identity_", "/identity"]),
            ("https://host/api/Account/Authenticate", [], ["/identity", "/identity_"]),
            ("https://host/acme/identity_", [], ["/identity", "/identity_"]),
            ("https://host/acme/identity_", ["UnsupportedApiVersion"], ["/identity"]),
            ("https://host/acme/identity_", ["InvalidPartition"], []),
            ("https://host/acme/main/identity_", [], ["/acme/identity_", "/identity"]),
            ("https://host/acme/portal_", [], ["/acme/identity_", "/identity"]),
            ("https://host/acme/main/orchestrator_", [], ["/acme/identity_", "/identity"]),
            ("https://host/acme/main/identity_", ["InvalidPartition"], ["/acme/identity_"]),
            ("https://cloud.uipath.com", [], ["/ORGANIZATION/identity_"]),
            ("https://cloud.uipath.com/identity_", [], ["/ORGANIZATION/identity_"]),
            ("https://cloud.uipath.com/acme/main", [], ["/acme/identity_"]),
            ("https://cloud.uipath.com/acme/identity_", [], []),
            ("https://x.dedicated.uipath.com/acme", [], ["/acme/identity_"]),
            ("https://host:8443/identity_", [], ["/ORGANIZATION/identity_", "/identity"]),
        ],
    )
    def test_guesses_from_form_and_codes(self, given: str, codes: list[str], likely: list[str]) -> None:
        host = "/".join(given.split("/")[:3])
        assert likely_identity_urls(given, tuple(codes)) == [f"{host}{path}" for path in likely]

    @pytest.mark.parametrize("host", ["https://host", "https://cloud.uipath.com"])
    @pytest.mark.parametrize("codes", [(), ("InvalidPartition",), ("UnsupportedApiVersion",), ("Odd",)])
    @pytest.mark.parametrize(
        "path",
        ["", "/identity", "/identity_", "/acme", "/acme/identity_", "/acme/main/identity_", "/acme/main/portal_/x"],
    )
    def test_are_at_most_two_and_never_the_one_that_was_asked(
        self, host: str, path: str, codes: tuple[str, ...]
    ) -> None:
        likely = likely_identity_urls(host + path, codes)
        assert len(likely) == len(set(likely)) <= 2
        assert host + path not in likely


class TestLikelyMistake:
    def test_the_form_of_the_url(self) -> None:
        mistake = likely_mistake("https://host/identity_", ("UnsupportedApiVersion",))
        assert mistake == "identity_url is probably https://host/identity"

    def test_either_of_two_forms(self) -> None:
        mistake = likely_mistake("https://host/acme/main/identity_", ())
        assert mistake == "identity_url is probably https://host/acme/identity_ or https://host/identity"

    def test_the_organization_where_the_form_is_right(self) -> None:
        assert "name of the organization" in likely_mistake("https://cloud.uipath.com/acme/identity_", ())

    def test_the_organization_where_the_api_is_there(self) -> None:
        assert "name of the organization" in likely_mistake("https://host/acme/identity_", (), api_is_there=True)


class TestIsCloud:
    @pytest.mark.parametrize("host", ["cloud.uipath.com", "govcloud.uipath.us", "acme.dedicated.uipath.com"])
    def test_hosts_of_the_vendor(self, host: str) -> None:
        assert is_cloud(host)

    @pytest.mark.parametrize("host", ["", "uipath.example.com", "cloud.uipath.com.example.com"])
    def test_other_hosts(self, host: str) -> None:
        assert not is_cloud(host)


class TestOrganizationPath:
    def test_keeps_the_name_where_there_is_one(self) -> None:
        assert organization_path(["acme", "main", "identity_"]) == "/acme/identity_"

    @pytest.mark.parametrize("segments", [[], ["identity"], ["identity_"], ["api"]])
    def test_else_a_placeholder(self, segments: list[str]) -> None:
        assert organization_path(segments) == "/ORGANIZATION/identity_"
