# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the store in HashiCorp Vault or OpenBao, and the store that they describe."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import LONGEST_OPTION, set_variable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.auth import METHODS, auth_problems
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.options import (
    argument_spec,
    documentation,
    option_problems,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import network_store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options, StoreContext, StoreType

# What UiPath Orchestrator's credential store for HashiCorp Vault reads.
CONSUMER_KEYS = {"Username": "user_name", "Password": "password"}
SEGMENTS = re.compile(r"(?!.*(^|/)\.{1,2}(/|$))[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
OWN = r"""
url:
  description:
    - The URL of the server.
    - Taken from E(ANSIBLE_HASHI_VAULT_ADDR) or E(VAULT_ADDR) if not set.
  type: str
  required: true
namespace:
  description:
    - The namespace of Vault Enterprise, HCP Vault or OpenBao.
    - Taken from E(ANSIBLE_HASHI_VAULT_NAMESPACE) or E(VAULT_NAMESPACE) if not set.
  type: str
auth_method:
  description:
    - How to sign in. V(token) takes C(token). V(approle) takes C(role_id) and C(secret_id), unless the role needs none.
    - V(userpass) takes C(username) and C(password). V(jwt) and V(kubernetes) take C(role_id) and C(jwt).
    - Taken from E(ANSIBLE_HASHI_VAULT_AUTH_METHOD) if not set.
  type: str
  choices: [token, approle, userpass, kubernetes, jwt]
  default: token
mount_point:
  description:
    - Where the authentication method is mounted. The default is its name.
    - Taken from E(ANSIBLE_HASHI_VAULT_MOUNT_POINT) if not set.
  type: str
token:
  description:
    - The token of the authentication method V(token). It is not renewed, so it has to outlive the run.
    - Taken from E(ANSIBLE_HASHI_VAULT_TOKEN) or E(VAULT_TOKEN) if not set.
  type: str
username:
  description:
    - The user name of the authentication method V(userpass).
    - Taken from E(ANSIBLE_HASHI_VAULT_USERNAME) if not set.
  type: str
password:
  description:
    - The password of that user.
    - Taken from E(ANSIBLE_HASHI_VAULT_PASSWORD) if not set.
  type: str
role_id:
  description:
    - The role id of the authentication method V(approle), or the role of V(jwt) and V(kubernetes).
    - Taken from E(ANSIBLE_HASHI_VAULT_ROLE_ID) if not set.
  type: str
secret_id:
  description:
    - The secret id of the authentication method V(approle).
    - Taken from E(ANSIBLE_HASHI_VAULT_SECRET_ID) if not set.
  type: str
jwt:
  description:
    - The token that the authentication methods V(jwt) and V(kubernetes) present.
    - Taken from E(ANSIBLE_HASHI_VAULT_JWT) if not set. In a pod, the default for V(kubernetes) is the token of its
      service account.
  type: str
ca_cert:
  description:
    - A file of trusted certificates in PEM form, or a directory of them prepared by C(openssl rehash).
    - The default is what E(REQUESTS_CA_BUNDLE) names, else the trust store of the operating system.
    - Taken from E(ANSIBLE_HASHI_VAULT_CA_CERT) or E(VAULT_CACERT) if not set.
  type: path
validate_certs:
  description:
    - Whether to verify the server's TLS certificate. V(false) causes a warning.
    - If not set, the opposite of E(VAULT_SKIP_VERIFY).
  type: bool
  default: true
proxies:
  description:
    - The URL of a proxy for all requests, or a mapping of V(http) and V(https) to such URLs, which may be JSON.
    - Taken from E(ANSIBLE_HASHI_VAULT_PROXIES) if not set. The default is what E(HTTPS_PROXY), E(HTTP_PROXY) and
      E(NO_PROXY) say.
  type: raw
timeout:
  description:
    - How many seconds to wait for a connection, and for each piece of an answer.
    - Taken from E(ANSIBLE_HASHI_VAULT_TIMEOUT) or E(VAULT_CLIENT_TIMEOUT) if not set.
  type: float
  default: 30.0
engine_mount_point:
  description:
    - Where the secrets engine is mounted. It has to be KV version 2.
  type: str
  default: secret
prefix:
  description:
    - What the path of each secret begins with, below the mount. The user id follows. Most prefixes end with V(/).
    - The secret whose path is the prefix and C(.names) lists the accounts' names, so that a name is found without
      reading every secret.
  type: str
  default: uipath/
"""


def skip_variable(*names: str) -> bool:
    """Return the opposite of an environment variable that switches verification off."""
    return not boolean(set_variable(*names), strict=False)


def from_environment(*names: str) -> dict[str, Any]:
    return {"fallback": (set_variable, list(names))}


ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "url": {"type": "str", "required": True, **from_environment("ANSIBLE_HASHI_VAULT_ADDR", "VAULT_ADDR")},
    "namespace": {"type": "str", **from_environment("ANSIBLE_HASHI_VAULT_NAMESPACE", "VAULT_NAMESPACE")},
    "auth_method": {
        "type": "str",
        "choices": list(METHODS),
        "default": "token",
        **from_environment("ANSIBLE_HASHI_VAULT_AUTH_METHOD"),
    },
    "mount_point": {"type": "str", **from_environment("ANSIBLE_HASHI_VAULT_MOUNT_POINT")},
    "token": {"type": "str", "no_log": True, **from_environment("ANSIBLE_HASHI_VAULT_TOKEN", "VAULT_TOKEN")},
    "username": {"type": "str", **from_environment("ANSIBLE_HASHI_VAULT_USERNAME")},
    "password": {"type": "str", "no_log": True, **from_environment("ANSIBLE_HASHI_VAULT_PASSWORD")},
    "role_id": {"type": "str", **from_environment("ANSIBLE_HASHI_VAULT_ROLE_ID")},
    "secret_id": {"type": "str", "no_log": True, **from_environment("ANSIBLE_HASHI_VAULT_SECRET_ID")},
    "jwt": {"type": "str", "no_log": True, **from_environment("ANSIBLE_HASHI_VAULT_JWT")},
    "ca_cert": {"type": "path", **from_environment("ANSIBLE_HASHI_VAULT_CA_CERT", "VAULT_CACERT")},
    "validate_certs": {"type": "bool", "default": True, "fallback": (skip_variable, ["VAULT_SKIP_VERIFY"])},
    "proxies": {"type": "raw", "no_log": True, **from_environment("ANSIBLE_HASHI_VAULT_PROXIES")},
    "timeout": {
        "type": "float",
        "default": 30.0,
        **from_environment("ANSIBLE_HASHI_VAULT_TIMEOUT", "VAULT_CLIENT_TIMEOUT"),
    },
    "engine_mount_point": {"type": "str", "default": "secret"},
    **argument_spec(prefix="uipath/", consumer_keys=CONSUMER_KEYS),
}


def problems(options: Options) -> list[str]:
    found = [*url_problems(options["url"]), *auth_problems(options, ARGUMENT_SPEC), *option_problems(options)]
    if not SEGMENTS.fullmatch(options["engine_mount_point"].strip("/")):
        found.append("store.engine_mount_point is not the path of a secrets engine")
    if not SEGMENTS.fullmatch(options["prefix"].rstrip("/") or "_") or options["prefix"].endswith("//"):
        found.append("store.prefix has to consist of letters, digits, -, _, . and single / inside or at the end")
    if not 0.001 <= options["timeout"] <= LONGEST_OPTION:
        found.append(f"store.timeout must be from 0.001 to {LONGEST_OPTION}")
    if options["ca_cert"] and not os.path.exists(options["ca_cert"]):
        found.append("store.ca_cert does not name an existing file or directory")
    return [*found, *proxy_problems(options["proxies"])]


def url_problems(url: str) -> list[str]:
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or re.search(r"[?#@\s]", url.strip()):
        return ["store.url must look like https://host:8200, without credentials, query and fragment"]
    return []


def proxy_problems(proxies: Any) -> list[str]:
    try:
        given = check_type_dict(proxies) if isinstance(proxies, str) and proxies.startswith("{") else proxies
    except TypeError:
        given = None
    urls = given.values() if isinstance(given, Mapping) else [given if proxies else ""]
    if all(isinstance(url, str) for url in urls):
        return []
    return ["store.proxies must be a URL, or a mapping of http and https to URLs"]


def create(options: Options, context: StoreContext) -> Store:
    from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.hashi_vault.server import hashi_vault

    return network_store(hashi_vault(options, context.connections), options, context)


STORE = StoreType(documentation(OWN, consumer_keys=CONSUMER_KEYS), ARGUMENT_SPEC, problems, create)
