# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Secrets Manager as moto imitates it, mended where moto differs from what AWS documents, with faults on request.

Moto moves staging labels otherwise than AWS, lets versions be overwritten, writes to deleted secrets, has no limit of
size, shows versions without a label and answers 404. `MendedBackend` and `Stub._refuse` mend that. All else is moto's.

Command line
============

``python aws_server.py [--host ADDRESS] [--port PORT]`` prints its URL when it listens.

Control API
===========

JSON below ``/control/``, without authentication, never subject to faults and never counted.

GET|PATCH /control/config      ``latency`` (seconds before every answer). A PATCH replaces the keys that it has
GET|POST|DELETE /control/faults
                               list; add one; forget all
GET /control/report            ``requests`` {action: n}, ``applied`` {action: n}, ``connections``, ``in_flight_peak``
POST /control/reset            forget faults and counts; secrets stay

Faults
======

``{"action": such as GetSecretValue, or *, "secret": its name or null, "kind": KIND, "times": n or null for always (1),
"skip": n (0), "apply": whether the request is carried out (false), ...parameters}``

=========  ============================  ==============================================================
kind       parameters (defaults)         what the client gets
=========  ============================  ==============================================================
error      code, status (400), message   that error
throttle   -                             ThrottlingException
deny       -                             AccessDeniedException
drop       -                             no answer: the connection is closed
late       seconds (1)                   the answer, later; with ``apply`` the request is carried out at once
stale      writes (1)                    what was true that many writes to each secret ago
quote      -                             an error that quotes the request in several spellings
cut        -                             half of an answer that is announced in full
=========  ============================  ==============================================================
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import quote

from moto.core.request import Request
from moto.secretsmanager import models, responses
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
    SecretsManagerClientError,
)
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

JSON = dict[str, Any]
REGION = "eu-central-1"
MOST_BYTES = 65536
NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
WRITES = ("CreateSecret", "PutSecretValue", "UpdateSecret", "UpdateSecretVersionStage", "DeleteSecret", "RestoreSecret")
# What a secret that is scheduled for deletion still answers.
OF_DELETED = ("DescribeSecret", "DeleteSecret", "RestoreSecret", "ListSecretVersionIds")
DELETED = "You can't perform this operation on the secret because it was marked for deletion."
NO_PERMISSION = (
    "User: arn:aws:iam::123456789012:user/rotation is not authorized to perform: secretsmanager:{action} on resource:"
    " {secret} because no identity-based policy allows the secretsmanager:{action} action"
)


class Answer(NamedTuple):
    status: int
    body: JSON
    cut: bool = False


def error_answer(code: str, message: str, status: int = 400) -> Answer:
    return Answer(status, {"__type": code, "message": message})


class MendedSecret(models.FakeSecret):  # type: ignore[misc]
    """A secret whose labels are each on one version, as AWS documents it."""

    __module__ = models.__name__  # moto files its models under the second part of it

    def reset_default_version(self, secret_version: JSON, version_id: str) -> None:
        self.versions[version_id] = secret_version
        self.place(version_id, secret_version["version_stages"])

    def remove_version_stages_from_old_versions(self, version_stages: list[str]) -> None:
        for version in self.versions.values():
            kept = [label for label in version["version_stages"] if label not in version_stages]
            version["version_stages"] = kept

    def place(self, version_id: str, labels: list[str]) -> None:
        """Move labels to a version. AWSPREVIOUS follows the version that AWSCURRENT was on."""
        labels = list(labels)
        former = self.default_version_id
        if "AWSCURRENT" in labels and former and former != version_id:
            self.remove_version_stages_from_old_versions(["AWSPREVIOUS"])
        self.remove_version_stages_from_old_versions(labels)
        own = self.versions[version_id]["version_stages"]
        self.versions[version_id]["version_stages"] = [*labels, *(label for label in own if label not in labels)]
        if "AWSCURRENT" in labels:
            if former and former != version_id:
                self.versions[former]["version_stages"] = [*self.versions[former]["version_stages"], "AWSPREVIOUS"]
            self.set_default_version_id(version_id)

    def _form_version_ids_to_stages(self) -> dict[str, Any]:
        shown = super()._form_version_ids_to_stages()
        return {version: labels for version, labels in shown.items() if labels}


class QuickStore(models.SecretsStore):  # type: ignore[misc]
    """The secrets by name. Moto compares each name and ARN, for which a thousand secrets are many."""

    def __getitem__(self, key: str) -> Any:
        found = dict.get(self, key)
        return found if found is not None else super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or (str(key).startswith("arn:") and super().__contains__(str(key)))


class MendedBackend(models.SecretsManagerBackend):  # type: ignore[misc]
    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.secrets = QuickStore()

    def _check_with_existing_secrets_and_versions(
        self,
        secret_name: str,
        client_request_token: str | None,
        secret_string: str | None,
        secret_binary: str | None,
        on_create: bool = False,
    ) -> Any:
        """Refuse to overwrite a version also where it is labelled AWSPENDING."""
        secret = dict.get(self.secrets, secret_name)
        version = secret.versions.get(client_request_token or "") if secret else None
        content = (secret_string, secret_binary)
        if version and content != (version.get("secret_string"), version.get("secret_binary")):
            raise ResourceExistsException(
                f"You can't use ClientRequestToken {client_request_token} because that value is already in use for a"
                f" version of secret {secret.arn}."
            )
        if version:
            return secret
        return super()._check_with_existing_secrets_and_versions(
            secret_name, client_request_token, secret_string, secret_binary, on_create
        )

    def update_secret_version_stage(
        self, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> tuple[str, str]:
        secret = self.describe_secret(secret_id)
        for version in (remove_from_version_id, move_to_version_id):
            if version and version not in secret.versions:
                raise InvalidParameterException(f"Not a valid version: {version}")
        holders = [name for name, version in secret.versions.items() if version_stage in version["version_stages"]]
        if holders != ([remove_from_version_id] if remove_from_version_id else []):
            raise InvalidParameterException(
                f"The staging label {version_stage} is currently attached to version {holders}, so you must"
                " explicitly reference that version in RemoveFromVersionId."
            )
        if move_to_version_id:
            secret.place(move_to_version_id, [version_stage])
        elif version_stage == "AWSCURRENT":
            raise InvalidParameterException("You can't remove the staging label AWSCURRENT, only move it.")
        else:
            secret.remove_version_stages_from_old_versions([version_stage])
        return secret.arn, secret.name


class MendedResponse(responses.SecretsManagerResponse):  # type: ignore[misc]
    def list_secret_version_ids(self) -> str:
        answer = json.loads(super().list_secret_version_ids())
        if not self._get_bool_param("IncludeDeprecated", False):
            answer["Versions"] = [version for version in answer["Versions"] if version["VersionStages"]]
        secret = self.backend.secrets[answer["Name"]]
        return json.dumps({**answer, "ARN": secret.arn, "NextToken": None})


def mend() -> None:
    """Let moto use the mended classes. Those of a region that was used before are not replaced."""
    models.FakeSecret = MendedSecret
    models.secretsmanager_backends.backend = MendedBackend


@dataclass
class Stub:
    """The secrets, with faults and counts. One request after another is carried out."""

    config: JSON = field(default_factory=lambda: {"latency": 0})
    faults: list[JSON] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)
    former: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))  # each secret before its writes
    connections: int = 0
    in_flight: int = 0
    in_flight_peak: int = 0
    lock: Any = field(default_factory=threading.RLock)

    @property
    def secrets(self) -> QuickStore:
        store: QuickStore = models.secretsmanager_backends["123456789012"][REGION].secrets
        return store

    def answer(self, action: str, request: JSON) -> Answer | None:
        """Answer a request, or return None where its connection is closed instead."""
        with self.lock:
            self.requests[action] += 1
            self.in_flight += 1
            self.in_flight_peak = max(self.in_flight, self.in_flight_peak)
            fault = self._fault_of(action, request)
        try:
            time.sleep(self.config["latency"])
            return self._spoiled(action, request, fault) if fault else self.carried_out(action, request)
        finally:
            with self.lock:
                self.in_flight -= 1

    def carried_out(self, action: str, request: JSON) -> Answer:
        with self.lock:
            try:
                self._refuse(action, request)
            except SecretsManagerClientError as error:
                return error_answer(error.error_type, error.message)
            name = name_in(request)
            before = copy.deepcopy(dict.get(self.secrets, name)) if action in WRITES else None
            answer = dispatched(action, request)
            if answer.status == 200:
                self.applied[action] += 1
                if action in WRITES:
                    self.former[name] = [*self.former[name], before][-8:]
            return answer

    def _refuse(self, action: str, request: JSON) -> None:
        """Refuse what AWS refuses, and moto does not."""
        if len(request.get("SecretString", "").encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise InvalidParameterException(f"SecretString has more than {MOST_BYTES} bytes.")
        if action == "CreateSecret" and not NAME.fullmatch(request["Name"]):
            raise InvalidParameterException("Invalid name. Must be a valid name containing alphanumeric characters.")
        if not re.fullmatch(r"\d+", request.get("NextToken") or "0"):
            raise NextTokenRefused
        secret = dict.get(self.secrets, name_in(request))
        if secret is not None and secret.is_deleted() and action not in OF_DELETED:
            raise InvalidRequestException(DELETED)

    def _fault_of(self, action: str, request: JSON) -> JSON | None:
        """Return the fault that this request meets. The first one that fits is counted down."""
        for fault in self.faults:
            fits = fault["action"] in ("*", action) and fault["secret"] in (None, name_in(request))
            if not fits or fault["times"] == 0:
                continue
            if fault["skip"]:
                fault["skip"] -= 1
                continue
            if fault["times"] is not None:
                fault["times"] -= 1
            return fault
        return None

    def _spoiled(self, action: str, request: JSON, fault: JSON) -> Answer | None:
        kind = fault["kind"]
        if kind == "stale":
            with self.lock, self._as_before(fault.get("writes", 1)):
                return dispatched(action, request)
        if kind == "late" and not fault["apply"]:
            time.sleep(fault.get("seconds", 1))
            return self.carried_out(action, request)
        answer = self.carried_out(action, request) if fault["apply"] or kind == "cut" else None
        if kind == "late":
            time.sleep(fault.get("seconds", 1))
            return answer
        if kind == "cut" and answer:
            return answer._replace(cut=True)
        return None if kind == "drop" else self._error(action, request, fault)

    def _error(self, action: str, request: JSON, fault: JSON) -> Answer:
        kind = fault["kind"]
        if kind == "throttle":
            return error_answer("ThrottlingException", "Rate exceeded")
        if kind == "deny":
            message = NO_PERMISSION.format(action=action, secret=name_in(request))
            return error_answer("AccessDeniedException", message)
        if kind == "quote":
            return error_answer("InvalidParameterException", quoted(request))
        return error_answer(fault["code"], fault.get("message", "a fault"), fault.get("status", 400))

    @contextmanager
    def _as_before(self, writes: int) -> Iterator[None]:
        """Show each secret as it was before its last writes."""
        now = dict(self.secrets)
        try:
            for name, former in self.former.items():
                before = former[-writes] if len(former) >= writes else None
                if before is None:
                    dict.pop(self.secrets, name, None)
                else:
                    self.secrets[name] = before
            yield
        finally:
            dict.clear(self.secrets)
            dict.update(self.secrets, now)

    def clear(self) -> None:
        """Forget everything."""
        dict.clear(self.secrets)
        for part in (self.faults, self.requests, self.applied, self.former):
            part.clear()
        self.config["latency"], self.in_flight_peak = 0, 0


class NextTokenRefused(SecretsManagerClientError):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("InvalidNextTokenException", "The NextToken value is invalid.")


def name_in(request: JSON) -> str:
    """Return the name of the secret that a request is for. The tests use no partial ARNs."""
    given = str(request.get("SecretId") or request.get("Name") or "")
    found = re.fullmatch(r"arn:aws:secretsmanager:[^:]*:\d*:secret:(.*)-\w{6}", given)
    return found[1] if found else given


def dispatched(action: str, request: JSON) -> Answer:
    """Return moto's answer. An error of a caller has the status 400, as AWS documents it."""
    kind = "application/x-amz-json-1.1"
    headers = Headers({"X-Amz-Target": f"secretsmanager.{action}", "Content-Type": kind})
    url = f"https://secretsmanager.{REGION}.amazonaws.com/"
    given = Request(EnvironBuilder("/", url, method="POST", data=json.dumps(request), headers=headers).get_environ())
    status, _headers, body = MendedResponse.dispatch(given, given.url, given.headers)
    return Answer(400 if 400 <= status < 500 else status, json.loads(body))


def quoted(request: JSON) -> str:
    """What a server may repeat of a request: its text and other spellings of the secret."""
    text = request.get("SecretString", "")
    return " ".join([json.dumps(request), text, quote(text), repr(text), base64.b64encode(text.encode()).decode()])


NEW_FAULT: JSON = {"action": "*", "secret": None, "times": 1, "skip": 0, "apply": False}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: AwsServer

    def setup(self) -> None:
        super().setup()
        with self.server.stub.lock:
            self.server.stub.connections += 1

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = json.loads(raw or b"{}")
        if self.path.startswith("/control/"):
            answer: Answer | None = self._control(self.path[len("/control/") :], given)
        elif not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            answer = error_answer("MissingAuthenticationTokenException", "Missing Authentication Token")
        else:
            answer = self.server.stub.answer(self.headers["X-Amz-Target"].partition(".")[2], given)
        if answer is None:
            self.close_connection = True
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "REQUEST-ID"}
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self._headers_buffer: list[bytes]
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer = []
        self.close_connection = self.close_connection or answer.cut
        self.wfile.write(head + (body[: len(body) // 2] if answer.cut else body))

    do_GET = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815 (the names that http.server calls)

    def _control(self, path: str, given: JSON) -> Answer:
        stub, what = self.server.stub, (self.command, path)
        with stub.lock:
            if what == ("PATCH", "config"):
                stub.config.update(given)
            elif what == ("POST", "faults"):
                stub.faults.append({**NEW_FAULT, **given})
            elif what == ("DELETE", "faults"):
                stub.faults.clear()
            elif what == ("POST", "reset"):
                stub.faults.clear()
                stub.requests.clear()
                stub.applied.clear()
                stub.in_flight_peak = 0
            elif self.command != "GET":
                return error_answer("NotFound", f"no {path}", 404)
            return Answer(200, self._shown().get(path, {}))

    def _shown(self) -> Mapping[str, JSON]:
        stub = self.server.stub
        counts = {"requests": dict(stub.requests), "applied": dict(stub.applied)}
        report = {**counts, "connections": stub.connections, "in_flight_peak": stub.in_flight_peak}
        return {"config": stub.config, "faults": {"faults": stub.faults}, "report": report}


class AwsServer(ThreadingHTTPServer):
    """The imitation at an address. `with` starts it in a thread, and stops it. A process has one set of secrets."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stub: Stub | None = None, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        mend()
        self.stub = stub or Stub()
        super().__init__(address, Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def fail(self, action: str, kind: str, **parameters: Any) -> JSON:
        """Add a fault, and return it, to be counted down."""
        fault = {**NEW_FAULT, "action": action, "kind": kind, **parameters}
        with self.stub.lock:
            self.stub.faults.append(fault)
        return fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that close their connections."""

    def __enter__(self) -> AwsServer:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description="AWS Secrets Manager as moto imitates it.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    server = AwsServer(address=(options.host, options.port))
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
