# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options that the modules share which use the server, and the action group that these are."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  identity_url:
    description:
      - The base URL of the Identity API, to which V(/api/...) is appended.
      - V(https://HOST/identity) for a standalone Orchestrator.
      - V(https://HOST/ORGANIZATION/identity_) for Automation Cloud and Automation Suite 2024.10.
      - V(https://HOST/identity_) or V(https://HOST/ORGANIZATION/identity_) for Automation Suite up to 2023.10.
      - The form V(https://HOST/ORGANIZATION/TENANT/identity_) of UiPath's samples works too.
      - A trailing slash or V(/api) is removed, and so is the path of an operation below it, such as V(/connect/token).
      - Taken from E(UIPATH_IDENTITY_URL) if not set.
    type: str
    required: true
  token_url:
    description:
      - The URL of the OAuth 2.0 token endpoint.
      - The default is O(identity_url) with V(/connect/token) appended. Automation Suite and Automation Cloud also
        have one at V(https://HOST/identity_/connect/token).
      - Taken from E(UIPATH_TOKEN_URL) if not set.
    type: str
  access_token:
    description:
      - A bearer token to use as it is, for example a personal access token. It is never renewed.
      - Mutually exclusive with O(client_id) and O(client_secret).
      - If neither this nor the other two options are set, E(UIPATH_ACCESS_TOKEN) is used where it is set, else
        E(UIPATH_CLIENT_ID) and E(UIPATH_CLIENT_SECRET).
    type: str
  client_id:
    description:
      - The id of a confidential external application, for the client credentials grant.
      - Taken from E(UIPATH_CLIENT_ID) if only O(client_secret) is set.
    type: str
  client_secret:
    description:
      - The secret of that application.
      - Taken from E(UIPATH_CLIENT_SECRET) if only O(client_id) is set.
    type: str
  scopes:
    description:
      - The application scopes to request. By default the request names none, and the server grants all scopes that the
        application is registered with.
      - Ignored with O(access_token).
    type: list
    elements: str
  partition_id:
    description:
      - The id of the organization. Only modules that list users or read settings need it.
      - The default is the organization that the access token names, where it names one.
      - Taken from E(UIPATH_PARTITION_ID) if not set.
    type: str
  validate_certs:
    description:
      - Whether to verify the server's TLS certificate. V(false) causes a warning, and E(REQUESTS_CA_BUNDLE) is
        ignored then.
      - Taken from E(UIPATH_VALIDATE_CERTS) if not set.
    type: bool
    default: true
  ca_path:
    description:
      - A file of trusted certificates in PEM form, or a directory of them prepared by C(openssl rehash).
      - The default is what E(REQUESTS_CA_BUNDLE) names, else the trust store of the operating system, else the one of
        the Python package C(certifi).
      - Taken from E(UIPATH_CA_PATH) if not set.
    type: path
  client_cert:
    description: A client certificate in PEM form, for servers or gateways that ask for one.
    type: path
  client_key:
    description: The private key of O(client_cert), unless that file contains it.
    type: path
  proxy:
    description:
      - The URL of an HTTP proxy. Credentials in it are treated as secrets.
      - The default follows E(HTTPS_PROXY), E(HTTP_PROXY), E(ALL_PROXY) and E(NO_PROXY), in upper or lower case. These
        never apply to a loopback address.
      - Taken from E(UIPATH_PROXY) if not set.
    type: str
  allow_http:
    description:
      - Whether a URL may begin with V(http://) when its host is not a loopback address. Passwords and tokens then
        travel in clear text.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait for a connection, and for each piece of an answer. At most V(86400).
      - A request may take five times as long in all, from connecting to the end of its answer. A password change that
        takes longer has no known outcome, like after any other lost answer.
    type: float
    default: 30
  retries:
    description:
      - How often a request is sent again that was certainly not applied, because it could not be sent or was answered
        with 429 (Too Many Requests). The waits in between grow, and follow C(Retry-After) where the server sends it.
        One request waits at most 300 seconds in all.
      - Signing in and looking up users change nothing. They are also sent again after a lost answer or a server error.
      - V(0) to V(100).
    type: int
    default: 3
requirements:
  - requests >= 2.25
attributes:
  action_group:
    description: Belongs to an action group, so that C(module_defaults) can set the connection once for a play.
    support: full
    membership:
      - rpaops.uipath.uipath
"""
