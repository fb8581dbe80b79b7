# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The URLs of the Identity API, and what a mistaken base URL was probably meant to be. Nothing is sent here.

UiPath serves the same API at four base URLs: `/identity` on a standalone Orchestrator, and `/identity_`,
`/ORGANIZATION/identity_` or `/ORGANIZATION/TENANT/identity_` on Automation Suite and Automation Cloud.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

# The listing operation of current versions, and the one of older on-premises versions.
LISTINGS = ("User/users", "UserPartition/users")
CLOUD_HOSTS = ("cloud.uipath.com", "govcloud.uipath.us")
CLOUD_DOMAINS = (".dedicated.uipath.com",)
ORGANIZATION = "ORGANIZATION"
IDENTITY_URL_GUIDE = "https://github.com/rpaops/ansible-collection-uipath/blob/main/docs/identity-url.md"
# What is below a base URL, and may be pasted with it. A host or an organization may be called "api".
OPERATION_PATH = re.compile(
    r"/+(api(/+(User|UserPartition|Setting)(/.*)?)?|connect/token|\.well-known/openid-configuration)$", re.IGNORECASE
)
SURROGATE = re.compile("[\ud800-\udfff]")
UNPAIRED_SURROGATE = "an unpaired surrogate (invalid Unicode)"


def normalize_identity_url(url: str) -> str:
    """Return the base that `/api/...` is appended to, without a trailing slash or the path of an operation."""
    base = url.strip().rstrip("/")
    scheme, separator, rest = base.partition("://")
    return f"{scheme}{separator}{OPERATION_PATH.sub('', rest)}"


def default_token_url(identity_url: str) -> str:
    return f"{identity_url}/connect/token"


def change_password_url(identity_url: str, user_id: str) -> str:
    """Return the URL of a user's change-password operation. Any character of the id is kept."""
    return f"{user_url(identity_url, user_id)}/changepassword"


def user_url(identity_url: str, user_id: str) -> str:
    return f"{identity_url}/api/User/{quote(user_id, safe='')}"


def login_attempts_url(identity_url: str, user_id: str, top: int) -> str:
    return f"{user_url(identity_url, user_id)}/loginAttempts?{urlencode({'top': top})}"


def list_users_url(identity_url: str, listing: str, organization_id: str, query: Mapping[str, str | int]) -> str:
    organization = quote(organization_id, safe="")
    return f"{identity_url}/api/{listing}/{organization}?{urlencode(query, errors='replace')}"


def settings_url(identity_url: str, keys: Sequence[str], organization_id: str) -> str:
    query = urlencode([*(("key", key) for key in keys), ("partitionGlobalId", organization_id)])
    return f"{identity_url}/api/Setting?{query}"


def is_path_segment(user_id: str) -> bool:
    """Tell whether a URL can carry the id: RFC 3986 removes the segments `.` and `..`, even when encoded."""
    return user_id not in ("", ".", "..") and is_text(user_id)


def is_text(value: str) -> bool:
    """Tell whether the value is valid Unicode. Python keeps octets that are not UTF-8 as unpaired surrogates."""
    return not SURROGATE.search(value)


def url_problems(name: str, url: str, *, allow_http: bool) -> list[str]:
    """Return why a URL cannot be used, without quoting it: it may contain credentials."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return [f"{name} is not a URL"]
    if parts.scheme not in ("http", "https") or not host or port == 0 or any(char.isspace() for char in url.strip()):
        return [f"{name} must look like https://host/identity"]
    problems = []
    if parts.username is not None or parts.password is not None:
        problems.append(f"{name} must not contain credentials: use access_token, or client_id and client_secret")
    if "?" in url or "#" in url:
        problems.append(f"{name} must end with its path, without a query or fragment")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        problems.append(f"{name} would send passwords in clear text: use https, or set allow_http to true")
    return problems


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def likely_mistake(identity_url: str, codes: tuple[str, ...], *, api_is_there: bool = False) -> str:
    """Return what is probably wrong with a base: its form or, where the API is there, the organization in it."""
    likely = likely_identity_urls(identity_url, codes)
    if api_is_there or not likely:
        return "check the name of the organization in identity_url"
    return f"identity_url is probably {' or '.join(likely)}"


def likely_identity_urls(identity_url: str, codes: tuple[str, ...] = ()) -> list[str]:
    """Guess what `identity_url` should have been, the likeliest first, from its form and the server's codes."""
    parts = urlsplit(identity_url)
    segments = [segment for segment in parts.path.split("/") if segment]
    organization = organization_path(segments)
    if is_cloud(parts.hostname or "") or "InvalidPartition" in codes:
        paths = [organization]
    elif "UnsupportedApiVersion" in codes:
        paths = ["/identity"]
    elif not segments or segments[0] == "api":
        paths = ["/identity", "/identity_", organization]
    else:
        paths = [organization, "/identity", "/identity_"]
    asked = "/" + "/".join(segments)
    return [urlunsplit((parts.scheme, parts.netloc, path, "", "")) for path in paths if path != asked][:2]


def is_cloud(host: str) -> bool:
    return host in CLOUD_HOSTS or host.endswith(CLOUD_DOMAINS)


def organization_path(segments: list[str]) -> str:
    """Return the organization-level base, with the organization's name where the URL has one."""
    named = segments[0] if segments and segments[0] not in ("identity", "identity_", "api") else ORGANIZATION
    return f"/{named}/identity_"
