# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to a cluster, over which threads send requests."""

from __future__ import annotations

import json
import os
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.answers import is_listing, is_secret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.kubernetes.sources import (
    Source,
    delete_temporary_files,
    load,
    source_of,
    token_of,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.store_type import Options

# Seconds to connect, and to wait for an answer. An API server ends a request itself after 34 to 60 seconds.
TIMEOUT = (10.0, 65.0)
# More than a run has threads: beyond it, the library opens connections only to close them again.
MOST_CONNECTIONS = 100


@dataclass
class Connection:
    """A cluster that a run is signed in to. Threads may share it."""

    api: Any = field(repr=False)
    source: Source = field(repr=False)
    namespace: str
    timeout: tuple[float, float] = TIMEOUT
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def host(self) -> str:
        """The API server's URL, without a user name."""
        parts = urlsplit(self._configuration.host)
        return str(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())

    @property
    def is_verified(self) -> bool:
        """Tell whether the API server proves who it is."""
        return self.host.startswith("https:") and bool(self._configuration.verify_ssl)

    @property
    def _configuration(self) -> Any:
        return self.api.api_client.configuration

    def token(self) -> str:
        """Return the value of the header Authorization, or an empty string."""
        return token_of(self._configuration)

    def call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the API, and return the JSON of the answer.

        The token file of a pod is replaced from time to time, and others expire: a token that is refused is read anew.
        """
        from kubernetes.client import ApiException

        token = self.token()
        try:
            return self._call(method, *arguments, **options)
        except ApiException as error:
            if error.status != 401 or not self._has_another_token(token):
                raise
        return self._call(method, *arguments, **options)

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        call = getattr(self.api, method)
        answer = call(*arguments, **options, _preload_content=False, _request_timeout=self.timeout)
        document = json.loads(answer.data)
        is_valid = is_listing if method.startswith("list_") else is_secret
        if not is_valid(document):
            raise ValueError
        return document

    def _has_another_token(self, refused: str) -> bool:
        with self.lock:
            if self.token() == refused:
                load(self.source, self._configuration)
                delete_temporary_files()
            return self.token() != refused

    def close(self) -> None:
        self.api.api_client.close()
        self.api.api_client.rest_client.pool_manager.clear()  # older releases keep the connections


def connect(options: Options, directory: str) -> Connection:
    from kubernetes import client

    configuration = client.Configuration()
    source = source_of(options, directory, os.environ)
    default = load(source, configuration)
    namespace = options["namespace"] or default
    if not namespace:
        raise StoreError("The kubeconfig's context has no namespace. Set store.namespace.")
    apply_options(options, directory, configuration)
    return Connection(client.CoreV1Api(secured_client(configuration)), source, namespace)


def apply_options(options: Options, directory: str, configuration: Any) -> None:
    if options["ca_cert"]:
        configuration.ssl_ca_cert = os.path.join(directory, options["ca_cert"])
    if options["validate_certs"] is not None:
        configuration.verify_ssl = options["validate_certs"]
    configuration.retries = False  # whether a write was done is found out by reading, before it is repeated
    configuration.connection_pool_maxsize = MOST_CONNECTIONS


def secured_client(configuration: Any) -> Any:
    """Return the library's client, with the certificates and keys in memory instead of temporary files."""
    import urllib3
    from kubernetes import client

    try:
        context = tls_context(configuration) if configuration.host.startswith("https:") else None
    except (OSError, ValueError):
        raise StoreError(
            "A certificate or key cannot be read. Check store.ca_cert, or the files that the kubeconfig names."
        ) from None
    finally:
        delete_temporary_files()
    api_client = client.ApiClient(configuration)
    files = dict.fromkeys(("ca_certs", "cert_file", "key_file"))
    api_client.rest_client.pool_manager.connection_pool_kw.update(files, ssl_context=context)
    if not configuration.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return api_client


def tls_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # From Python 3.13 on, this refuses the certificates of clusters that kubectl accepts.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
