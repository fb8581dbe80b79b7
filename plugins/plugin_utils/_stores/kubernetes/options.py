# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the type `kubernetes`, with the names and environment variables of kubernetes.core."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.rpaops.uipath.plugins.module_utils._arguments import set_variable
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import Store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network import options as network
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.network.store import network_store
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import (
    Options,
    StoreContext,
    StoreType,
)

CONSUMER_KEYS = {"username": "user_name", "password": "password"}
PREFIX = "uipath-"
# A Secret's name may have 253 characters, of which a user id may need 71.
LONGEST_PREFIX = 182
VALID_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*\.?[a-z0-9])*[-.]?")
VALID_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
VALID_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
VALID_HOST = re.compile(r"https?://[^/@?#\s]+[^@?#\s]*")
VALID_TOKEN = re.compile(r"[!-~]+")

DOCUMENTATION = r"""
host:
  description:
    - The URL of the Kubernetes API server. It needs C(api_key).
    - Taken from E(K8S_AUTH_HOST) if not set.
    - Without C(host), C(kubeconfig) and C(context), the file of the environment variable E(KUBECONFIG) is used; without
      that, in a pod, the pod's service account; otherwise C(~/.kube/config).
  type: str
api_key:
  description:
    - The bearer token for C(host).
    - Taken from E(K8S_AUTH_API_KEY) if not set.
  type: str
kubeconfig:
  description:
    - The path of a kubeconfig file, or its content as a mapping. With C(host), it has no effect.
    - A relative path is relative to the playbook's directory.
    - Taken from E(K8S_AUTH_KUBECONFIG) if not set.
  type: raw
context:
  description:
    - The context of the kubeconfig file. The default is its current one.
    - Taken from E(K8S_AUTH_CONTEXT) if not set.
  type: str
ca_cert:
  description:
    - The path of a file with the CA certificates that the API server's certificate is verified with.
    - A relative path is relative to the playbook's directory.
    - Taken from E(K8S_AUTH_SSL_CA_CERT) if not set.
    - The default is that of the kubeconfig file or of the service account, otherwise that of the system.
  type: path
validate_certs:
  description:
    - Whether to verify the API server's TLS certificate. V(false) causes a warning.
    - Taken from E(K8S_AUTH_VERIFY_SSL) if not set.
    - The default is what the kubeconfig file says, otherwise V(true).
  type: bool
namespace:
  description:
    - The namespace of the Secrets. It has to exist.
    - Taken from E(K8S_AUTH_NAMESPACE) if not set.
    - The default is the namespace of the kubeconfig file's context, or the pod's own.
  type: str
prefix:
  description:
    - How the names of the Secrets begin. The user id follows or, where it cannot be part of a name, its hash.
    - Two stores in one namespace need different ones.
  type: str
  default: uipath-
"""


def environment(variable: str) -> tuple[Any, list[str]]:
    return (set_variable, [variable])


ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "fallback": environment("K8S_AUTH_HOST")},
    "api_key": {"type": "str", "no_log": True, "fallback": environment("K8S_AUTH_API_KEY")},
    "kubeconfig": {"type": "raw", "no_log": False, "fallback": environment("K8S_AUTH_KUBECONFIG")},
    "context": {"type": "str", "fallback": environment("K8S_AUTH_CONTEXT")},
    "ca_cert": {"type": "path", "fallback": environment("K8S_AUTH_SSL_CA_CERT")},
    "validate_certs": {"type": "bool", "fallback": environment("K8S_AUTH_VERIFY_SSL")},
    "namespace": {"type": "str", "fallback": environment("K8S_AUTH_NAMESPACE")},
    **network.argument_spec(prefix=PREFIX, consumer_keys=CONSUMER_KEYS),
}


def option_problems(options: Options) -> list[str]:
    return [*network.option_problems(options), *connection_problems(options), *name_problems(options)]


def connection_problems(options: Options) -> list[str]:
    problems = []
    if bool(options["host"]) != bool(options["api_key"]):
        problems.append("store.host and store.api_key are used together: give both or none of them")
    elif options["host"] and not options["namespace"]:
        problems.append("store.namespace is required with store.host")
    if options["host"] and not VALID_HOST.fullmatch(options["host"]):
        problems.append("store.host must be an http or https URL without a user name and a query")
    if options["api_key"] and not VALID_TOKEN.fullmatch(options["api_key"].strip()):
        problems.append("store.api_key contains characters that cannot be part of a header")
    if options["kubeconfig"] is not None and not isinstance(options["kubeconfig"], (str, Mapping)):
        problems.append("store: kubeconfig must be a string, which is a path, or a mapping")
    return problems


def name_problems(options: Options) -> list[str]:
    problems = []
    prefix, namespace = options["prefix"], options["namespace"]
    if not VALID_PREFIX.fullmatch(prefix) or len(prefix) > LONGEST_PREFIX:
        problems.append(
            "store.prefix must begin with a lower-case letter or digit, and have at most"
            f" {LONGEST_PREFIX} lower-case letters, digits, - and ."
        )
    if namespace and not VALID_NAMESPACE.fullmatch(namespace):
        problems.append("store.namespace is not a valid name")
    if any(not VALID_KEY.fullmatch(key) for key in options["consumer_keys"]):
        problems.append("store.consumer_keys: a key may have letters, digits, -, _ and . only")
    return problems


def create(options: Options, context: StoreContext) -> Store:
    importlib.import_module("kubernetes")  # the registry explains it if it is missing
    from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.connection import connect
    from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.server import KubernetesServer

    connection = connect(options, context.playbook_directory)
    return network_store(KubernetesServer(connection, options["prefix"]), options, context)


STORE = StoreType(
    network.documentation(DOCUMENTATION, consumer_keys=CONSUMER_KEYS), ARGUMENT_SPEC, option_problems, create
)
