# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authentication methods: what each needs, and the request by which it signs in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import with_variable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

# What each method cannot do without. A role of approle may do without a secret id.
METHODS = {
    "token": ("token",),
    "approle": ("role_id",),
    "userpass": ("username", "password"),
    "kubernetes": ("role_id", "jwt"),
    "jwt": ("role_id", "jwt"),
}
SECRETS = ("token", "password", "secret_id", "jwt")
# What becomes a header as it is.
HEADERS = ("token", "namespace")
# Kubernetes replaces this file before the token in it expires.
SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def auth_problems(options: Options, specification: Mapping[str, Any]) -> list[str]:
    method = options["auth_method"]
    missing = [name for name in METHODS[method] if not options[name]]
    if method == "kubernetes" and os.path.isfile(SERVICE_ACCOUNT_TOKEN):
        missing = [name for name in missing if name != "jwt"]
    found = [
        f"store.{name} has characters that no header may have"
        for name in HEADERS
        if options[name] and not (options[name].isascii() and options[name].isprintable() and " " not in options[name])
    ]
    if missing:
        named = " and ".join(with_variable(name, specification) for name in missing)
        found.append(f"store.auth_method {method} requires {named}")
    return found


def mount_point(options: Options) -> str:
    return str(options["mount_point"] or options["auth_method"]).strip("/")


def login(options: Options) -> tuple[str, dict[str, str]]:
    """Return the path of the sign-in, and what it takes."""
    method, path = options["auth_method"], f"auth/{mount_point(options)}/login"
    if method == "userpass":
        user = quote(str(options["username"]), safe="")
        return f"{path}/{user}", {"password": options["password"]}
    if method == "approle":
        secret = {"secret_id": options["secret_id"]} if options["secret_id"] else {}
        return path, {"role_id": options["role_id"], **secret}
    return path, {"role": options["role_id"], "jwt": options["jwt"] or service_account_token()}


def service_account_token() -> str:
    try:
        return Path(SERVICE_ACCOUNT_TOKEN).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise StoreError(f"The pod's service account has no readable token in {SERVICE_ACCOUNT_TOKEN}.") from None
