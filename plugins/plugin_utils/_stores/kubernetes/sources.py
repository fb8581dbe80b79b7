# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the configuration of a connection comes from, in the order of kubernetes.core.

No text of the library is shown: it may contain a token.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Union

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

# Fills in the library's configuration, and returns the namespace that belongs to it, if there is one.
Source = Callable[[Any], Union[str, None]]
KUBECONFIG = "~/.kube/config"
# Releases of the library name the token differently.
TOKEN_KEYS = ("BearerToken", "authorization")
UNUSABLE = "Check that it exists, is a valid kubeconfig file, and has the context and the user that are used."


def load(source: Source, configuration: Any) -> str | None:
    """Read a configuration. What the library would do to it at each request is done when a token is refused."""
    namespace = source(configuration)
    configuration.refresh_api_key_hook = None
    for key, value in configuration.api_key.items():
        configuration.api_key[key] = value.strip()
    return namespace


def token_of(configuration: Any) -> str:
    """Return the value of the header Authorization, or an empty string."""
    values = (str(configuration.api_key.get(key) or "") for key in TOKEN_KEYS)
    return next(filter(None, values), "")


def delete_temporary_files() -> None:
    """Delete the files in which the library keeps the certificates and keys of a kubeconfig until the process ends."""
    from kubernetes.config import kube_config

    getattr(kube_config, "_cleanup_temp_files", lambda: None)()


def source_of(options: Options, directory: str, environ: Mapping[str, str]) -> Source:
    if options["host"]:
        return partial(from_options, options["host"], options["api_key"])
    given = options["kubeconfig"]
    if isinstance(given, Mapping):
        return partial(from_mapping, given, options["context"])
    if given or options["context"]:
        named = os.path.join(directory, os.path.expanduser(given)) if given else None
        return partial(from_file, named or environ.get("KUBECONFIG") or KUBECONFIG, options["context"])
    if environ.get("KUBECONFIG"):
        return partial(from_file, environ["KUBECONFIG"], None)
    if environ.get("KUBERNETES_SERVICE_HOST") and token_file().exists():
        return from_pod
    if os.path.exists(os.path.expanduser(KUBECONFIG)):
        return partial(from_file, KUBECONFIG, None)
    raise StoreError(
        "It is not known which cluster to use. Give store.host and store.api_key, or store.kubeconfig, or run in a pod"
        " with a service account."
    )


def from_options(host: str, api_key: str, configuration: Any) -> None:
    configuration.host = host.rstrip("/")
    configuration.api_key = dict.fromkeys(TOKEN_KEYS, f"Bearer {api_key.strip()}")


def from_file(path: str, context: str | None, configuration: Any) -> str | None:
    from kubernetes import config

    try:
        config.load_kube_config(path, context, configuration, persist_config=False)
        contexts, current = config.list_kube_config_contexts(path)
    except Exception:  # whatever a file can contain, and a program that it names can do
        raise StoreError(f"The kubeconfig file {path} cannot be used. {UNUSABLE}") from None
    return namespace_of(contexts, context or current["name"])


def from_mapping(kubeconfig: Mapping[str, Any], context: str | None, configuration: Any) -> str | None:
    from kubernetes import config

    try:
        config.load_kube_config_from_dict(dict(kubeconfig), context, configuration, persist_config=False)
        return namespace_of(kubeconfig["contexts"], context or kubeconfig["current-context"])
    except Exception:  # as above
        raise StoreError(f"The mapping store.kubeconfig cannot be used. {UNUSABLE}") from None


def namespace_of(contexts: Any, name: str) -> str | None:
    [context] = [each["context"] for each in contexts if each["name"] == name]
    namespace: str | None = context.get("namespace")
    return namespace


def from_pod(configuration: Any) -> str | None:
    """Use the service account of the pod that this runs in."""
    from kubernetes import config

    try:
        config.load_incluster_config(configuration, try_refresh_token=False)
        namespace = token_file().with_name("namespace")
        return namespace.read_text(encoding="utf-8").strip() if namespace.exists() else None
    except Exception:  # as above
        raise StoreError(
            f"The service account of this pod cannot be used. Check the files in {token_file().parent}."
        ) from None


def token_file() -> Path:
    from kubernetes.config import incluster_config

    return Path(incluster_config.SERVICE_TOKEN_FILENAME)
