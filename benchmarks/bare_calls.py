# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the calls of a run with the library of a store only, and print the seconds that they took, as JSON.

This is the alternative with which network_stores.py compares. It reads from standard input what to do. It keeps no rule
of a rotation: it reads each secret, and for a rotation it reads it again, writes it, changes the password, and writes
the secret again. As in a play, the time includes the import of the library.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter

CONCURRENCY = 16
JSON = dict[str, Any]
# Reads a secret by its name, and writes what was read in its place. A write returns what the next one replaces.
Calls = tuple[Callable[[str], Any], Callable[[str, Any], Any]]


def hashi_vault(options: JSON) -> Calls:
    import hvac

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONCURRENCY))
    client = hvac.Client(options["url"], token=options["token"], session=session)
    engine = client.secrets.kv.v2

    def read(name: str) -> Any:
        found = engine.read_secret_version(name, raise_on_deleted_version=True)["data"]
        return found["metadata"]["version"], found["data"]

    def write(name: str, found: Any) -> Any:
        version, content = found
        return engine.create_or_update_secret(name, content, cas=version)["data"]["version"], content

    return read, write


def kubernetes(options: JSON) -> Calls:
    from kubernetes import client

    configuration = client.Configuration(host=options["host"])
    configuration.api_key = dict.fromkeys(("BearerToken", "authorization"), f"Bearer {options['api_key']}")
    configuration.connection_pool_maxsize = CONCURRENCY
    api, namespace = client.CoreV1Api(client.ApiClient(configuration)), options["namespace"]

    def read(name: str) -> Any:  # without the library's objects, which cost more than the rest of a call
        return json.loads(api.read_namespaced_secret(name, namespace, _preload_content=False).data)

    def write(name: str, found: Any) -> Any:
        answer = api.replace_namespaced_secret(name, namespace, found, _preload_content=False)
        return json.loads(answer.data)

    return read, write


def aws_secrets_manager(options: JSON) -> Calls:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "secretsmanager",
        region_name=options["region"],
        endpoint_url=options["endpoint_url"],
        aws_access_key_id=options["access_key"],
        aws_secret_access_key=options["secret_key"],
        config=Config(max_pool_connections=CONCURRENCY, retries={"total_max_attempts": 1}),
    )

    def read(name: str) -> Any:
        return client.get_secret_value(SecretId=name)["SecretString"]

    def write(name: str, found: Any) -> Any:
        client.put_secret_value(SecretId=name, SecretString=found, ClientRequestToken=str(uuid.uuid4()))
        return found

    return read, write


def password_change(url: str, form: JSON) -> Callable[[JSON], None]:
    """Return the change of one user's password, over a connection per thread."""
    local = threading.local()
    token = requests.post(f"{url}/connect/token", data=form, timeout=30).json()["access_token"]

    def change(user: JSON) -> None:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.post(
            f"{url}/api/User/{user['user_id']}/changepassword",
            json={"oldPassword": user["old_password"], "newPassword": user["new_password"]},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        if not answer.json()["succeeded"]:
            raise SystemExit("a password was not changed")

    return change


def run(given: JSON) -> None:
    read, write = globals()[given["store"]["type"]](given["store"])
    prefix, users = given["store"]["prefix"], given["users"]
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        list(pool.map(lambda user: read(prefix + user["user_id"]), users))
        if not given["rotates"]:
            return
        change = password_change(given["identity_url"], given["form"])

        def rotate(user: JSON) -> None:
            name = prefix + user["user_id"]
            written = write(name, read(name))
            change(user)
            write(name, written)

        list(pool.map(rotate, users))


def main() -> None:
    given = json.load(sys.stdin)
    started = time.perf_counter()
    run(given)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
