# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options that all modules share: their types, their environment variables, and what they build.

Their documentation is the fragment `rpaops.uipath.connection`.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.common.parameters import env_fallback
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.auth import choose_sign_in, sign_in_problems
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.client import Client
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.endpoints import (
    default_token_url,
    is_loopback,
    is_path_segment,
    normalize_identity_url,
    url_problems,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._identity.transport import (
    Transport,
    TransportOptions,
    proxy_secrets,
)
from ansible_collections.rpaops.uipath.plugins.module_utils._masking import MASK

SIGN_IN_EXCLUSIONS = (("access_token", "client_id"), ("access_token", "client_secret"))
# The longest time an option may give, in seconds. Python's clocks overflow on absurd ones.
LONGEST_OPTION = 86400
# The names in its message about required options. Those of suboptions are followed by "found in" and their option.
MISSING = re.compile(r"(?<=missing required arguments: )\w+(?:, \w+)*\b(?!,| found in)")
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def set_variable(*names: str) -> str:
    """Return the first environment variable that is set, as `env_fallback` does, but treat an empty one as not set."""
    value: str = env_fallback(*(name for name in names if os.environ.get(name)))
    return value


def connection_argument_spec() -> dict[str, dict[str, Any]]:
    """Return the shared options. The sign-in's variables are not fallbacks: they complete one method only."""

    def from_environment(name: str) -> tuple[Any, list[str]]:
        return (set_variable, [name])

    return {
        "identity_url": {"type": "str", "required": True, "fallback": from_environment("UIPATH_IDENTITY_URL")},
        "token_url": {"type": "str", "no_log": False, "fallback": from_environment("UIPATH_TOKEN_URL")},
        "access_token": {"type": "str", "no_log": True},
        "client_id": {"type": "str"},
        "client_secret": {"type": "str", "no_log": True},
        "scopes": {"type": "list", "elements": "str"},
        "partition_id": {"type": "str", "fallback": from_environment("UIPATH_PARTITION_ID")},
        "validate_certs": {"type": "bool", "default": True, "fallback": from_environment("UIPATH_VALIDATE_CERTS")},
        "ca_path": {"type": "path", "fallback": from_environment("UIPATH_CA_PATH")},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path"},
        "proxy": {"type": "str", "no_log": True, "fallback": from_environment("UIPATH_PROXY")},
        "allow_http": {"type": "bool", "default": False},
        "timeout": {"type": "float", "default": 30.0},
        "retries": {"type": "int", "default": 3},
    }


def option_error(message: str, secrets: Iterable[str], specification: Mapping[str, Mapping[str, Any]]) -> str:
    """Complete ansible-core's message about options that it rejects: mask values, name environment variables."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may begin with another
        message = message.replace(secret, MASK)
    return MISSING.sub(
        lambda match: ", ".join(with_variable(name, specification) for name in match[0].split(", ")), message
    )


def with_variable(name: str, specification: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an option's name, with the environment variables of which one can be set in its place."""
    fallback = specification.get(name, {}).get("fallback")
    return f"{name} (or the environment variable {' or '.join(fallback[1])})" if fallback else name


def connection_problems(options: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Return why the connection options cannot be used, without values."""
    allow_http = options["allow_http"]
    problems = url_problems("identity_url", options["identity_url"], allow_http=allow_http)
    if options["token_url"] is not None:
        problems += url_problems("token_url", options["token_url"], allow_http=allow_http)
    problems += sign_in_problems(choose_sign_in(options, environ))
    problems += proxy_problems(options)
    problems += [
        f"{name} does not name an existing file or directory"
        for name in ("ca_path", "client_cert", "client_key")
        if options[name] and not os.path.exists(options[name])
    ]
    bundle = environ.get("REQUESTS_CA_BUNDLE")
    if bundle and options["validate_certs"] and not options["ca_path"] and not os.path.exists(bundle):
        problems.append(
            "the environment variable REQUESTS_CA_BUNDLE does not name an existing file or directory: unset it"
        )
    if options["client_key"] and not options["client_cert"]:
        problems.append("client_key requires client_cert")
    if options["partition_id"] and not is_path_segment(options["partition_id"]):
        problems.append("partition_id cannot be part of a URL")
    problems += range_problems(options, {"timeout": (0.001, LONGEST_OPTION), "retries": (0, 100)})
    return problems


def range_problems(options: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return which numbers are outside their range, both ends included. None is a number that was not given."""
    return [
        f"{name} must be {'at least ' + str(low) if high == math.inf else f'from {low} to {high}'}"
        for name, (low, high) in ranges.items()
        if options[name] is not None and not (low <= options[name] <= high and options[name] < math.inf)
    ]


def proxy_problems(options: Mapping[str, Any]) -> list[str]:
    if not options["proxy"]:
        return []
    try:
        parts = urlsplit(options["proxy"])
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or port == 0 or parts.scheme not in ("http", "https"):
        return ["proxy must look like http://host:port"]
    in_clear = any(str(options[name]).strip().lower().startswith("http:") for name in ("identity_url", "token_url"))
    if in_clear and not options["allow_http"] and not is_loopback(host):
        return ["an http:// URL would send passwords to the proxy in clear text: set allow_http to true to do that"]
    return []


def connection_secrets(options: Mapping[str, Any], environ: Mapping[str, str]) -> set[str]:
    """Return every secret of the connection, including those that come from the environment."""
    proxies = [options["proxy"], *(environ.get(name) for name in PROXY_VARIABLES)]
    return {*choose_sign_in(options, environ).secrets(), *proxy_secrets(proxy for proxy in proxies if proxy)}


def connect(
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    check_mode: bool,
    connections: int = 1,
    other_secrets: Collection[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Client:
    """Return a client for checked options. Nothing is sent yet. `other_secrets` are masked like the connection's."""
    identity_url = normalize_identity_url(options["identity_url"])
    transport = Transport(
        TransportOptions(
            validate_certs=options["validate_certs"],
            ca_path=options["ca_path"],
            client_cert=options["client_cert"],
            client_key=options["client_key"],
            proxy=options["proxy"],
            timeout=options["timeout"],
            connections=connections,
        ),
        environ,
    )
    return Client(
        transport,
        identity_url=identity_url,
        token_url=(options["token_url"] or default_token_url(identity_url)).strip(),
        sign_in=choose_sign_in(options, environ),
        secrets={*connection_secrets(options, environ), *other_secrets},
        retries=options["retries"],
        check_mode=check_mode,
        sleep=sleep,
    )
