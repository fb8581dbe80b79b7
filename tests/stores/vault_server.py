# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stub of HashiCorp Vault and OpenBao: KV version 2, a mount of version 1, sign-ins, policies, and faults.

`test_vault_server.py` compares its answers with those of a genuine server. As a program it prints its URL and runs
until it is killed. `POST /control/faults` takes a `Fault` as JSON, `POST /control/state` names and values of the
attributes of `Vault`, and `POST /control/expire` makes tokens expire. `GET /control/requests` returns the requests.
"""

from __future__ import annotations

import argparse
import http.server
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

JSON = dict[str, Any]
ROOT = "s.ROOT"
KEPT_VERSIONS = 10
LARGEST_REQUEST = 32 * 1024 * 1024
CAS_LOST = "check-and-set parameter did not match the current version"
DENIED = "1 error occurred:\n\t* permission denied\n\n"
TOO_LARGE = "1 error occurred:\n\t* put failed due to value being too large\n\n"
UPGRADING = (
    "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period and will"
    " resume service shortly."
)
WRONG_PATH = (
    "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API endpoints to use. If"
    " using the Vault CLI, use 'vault kv {}' for this operation."
)
NO_ACCESS = 'preflight capability check returned 403, please ensure client\'s policies grant access to path "{}/"'
FORGED = (
    "error validating token: error verifying token signature: no known key successfully validated the token signature"
)
METADATA_FIELDS = ("max_versions", "cas_required")
# The least rights of a rotation, and of a lookup.
POLICIES = {
    "writer": {"secret/data/*": ["create", "read", "update"], "secret/metadata/*": ["list", "read"]},
    "reader": {"secret/data/*": ["read"], "secret/metadata/*": ["read"]},
    "creator": {"secret/data/*": ["create"]},
}


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


@dataclass
class Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drops: bool = False

    def encoded(self) -> bytes:
        """The body as the server writes it: only a 404 with a body of its own has no newline."""
        if self.body is None:
            return b""
        text = json.dumps(self.body, separators=(",", ":"), ensure_ascii=False)
        for character in "<>&":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return (text + ("" if self.status == 404 and "errors" not in self.body else "\n")).encode()


class Refused(Exception):
    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status)
        self.answer = Answer(status, {"errors": list(errors)})


@dataclass
class Request:
    method: str
    path: str  # below /v1/
    query: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    namespace: str = ""
    body: bytes = b""

    @property
    def fields(self) -> JSON:
        try:
            return dict(json.loads(self.body or b"{}"))
        except (ValueError, TypeError):
            raise Refused(400, "error parsing JSON") from None

    @property
    def lists(self) -> bool:
        return self.method == "LIST" or (self.method == "GET" and self.query.get("list") == "true")


@dataclass
class Fault:
    """What happens to the next `times` requests of this method and path, after `skip` of them."""

    method: str = ""
    path: str = ""
    skip: int = 0
    times: int = 1
    applies: bool = False
    drop: bool = False
    status: int = 0
    errors: list[str] = field(default_factory=list)
    body: Any = None  # in place of the errors
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def strikes(self, request: Request) -> bool:
        if self.method not in ("", request.method) or self.path not in request.path or self.times < 1:
            return False
        self.skip -= 1
        self.times -= 1 if self.skip < 0 else 0
        return self.skip < 0

    def answer(self) -> Answer:
        body = {"errors": self.errors} if self.body is None else self.body
        return Answer(self.status, body, self.headers, drops=self.drop)


@dataclass
class Version:
    data: Any
    created_time: str = field(default_factory=now)
    deletion_time: str = ""
    destroyed: bool = False

    @property
    def is_readable(self) -> bool:
        return not self.destroyed and not self.deletion_time

    def metadata(self) -> JSON:
        return {name: value for name, value in asdict(self).items() if name != "data"}


@dataclass
class Secret:
    versions: dict[int, Version] = field(default_factory=dict)
    current_version: int = 0
    oldest_version: int = 0
    max_versions: int = 0
    cas_required: bool = False
    created_time: str = field(default_factory=now)
    updated_time: str = field(default_factory=now)

    def add(self, content: Any, keep: int) -> JSON:
        self.current_version += 1
        version = self.versions[self.current_version] = Version(content)
        self.updated_time = version.created_time
        if self.current_version == 1:
            self.created_time = version.created_time
        if self.current_version > keep:
            self.oldest_version = self.current_version - keep + 1
            self.versions = {number: kept for number, kept in self.versions.items() if number >= self.oldest_version}
        return {**version.metadata(), "version": self.current_version}

    def metadata(self) -> JSON:
        own = {name: value for name, value in vars(self).items() if name != "versions"}
        versions = {str(number): version.metadata() for number, version in self.versions.items()}
        return {**own, "delete_version_after": "0s", "versions": versions}


@dataclass
class Mount:
    version: int = 2
    max_versions: int = 0
    cas_required: bool = False
    upgrading: bool = False
    secrets: dict[str, Secret] = field(default_factory=dict)
    plain: dict[str, Any] = field(default_factory=dict)  # of version 1


@dataclass
class Token:
    policies: list[str]
    uses: int | None = None
    expired: bool = False
    path: str = "auth/token/create"
    display_name: str = "token-token"


@dataclass
class Vault:
    """The server's state, and its answer to each request."""

    mounts: dict[str, Mount] = field(default_factory=lambda: {"secret": Mount(), "kv1": Mount(version=1)})
    policies: dict[str, dict[str, list[str]]] = field(default_factory=lambda: dict(POLICIES))
    tokens: dict[str, Token] = field(
        default_factory=lambda: {ROOT: Token(["root"], None, False, "auth/token/root", "root")}
    )
    # Of each path of a sign-in, the fields that it takes, and the policies that it gives.
    logins: dict[str, tuple[JSON, list[str]]] = field(default_factory=dict)
    sealed: bool = False
    mounts_hidden: bool = False  # sys/internal/ui/mounts cannot be read
    max_value_size: int = LARGEST_REQUEST
    latency: float = 0.0
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock)

    def serve(self, request: Request) -> Answer:
        """Answer with the fault that is due, or as usual."""
        with self.lock:
            self.requests.append(request)
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        time.sleep(fault.seconds if fault else self.latency)
        if fault and not fault.applies and (fault.status or fault.drop):
            return fault.answer()
        with self.lock:
            answer = self.answer(request)
        return fault.answer() if fault and (fault.status or fault.drop) else answer

    def answer(self, request: Request) -> Answer:
        try:
            if len(request.body) > LARGEST_REQUEST:
                raise Refused(413, "error parsing JSON")
            return self.route(request)
        except Refused as refused:
            return refused.answer

    def route(self, request: Request) -> Answer:
        is_login = request.path.startswith("auth/") and "/login" in request.path
        if self.sealed:
            raise Refused(503, f"{'error performing token check: ' if request.token else ''}Vault is sealed")
        if is_login and any(request.path.startswith(path) for path in self.logins):
            return self.login(request)
        if not request.token:
            raise Refused(400, "missing client token")
        token = self.token(request.token)
        for path, respond in (
            ("auth/token/lookup-self", self.look_up),
            ("auth/token/revoke-self", self.revoke),
            ("sys/internal/ui/mounts/", self.mount_seen),
        ):
            if request.path.startswith(path):
                return respond(request, token)
        return self.kv(request, token)

    # Tokens and sign-ins

    def token(self, name: str) -> Token:
        token = self.tokens.get(name)
        if not token or token.expired or token.uses == 0:
            raise Refused(403, "permission denied")
        if token.uses is not None:
            token.uses -= 1
        return token

    def expire_tokens(self) -> None:
        for token in self.tokens.values():
            token.expired = "root" not in token.policies

    def login(self, request: Request) -> Answer:
        path = max((path for path in self.logins if request.path.startswith(path)), key=len)
        expected, policies = self.logins[path]
        method = path.split("/")[1]
        given = request.fields
        if method == "userpass":
            given["username"] = request.path.rpartition("/")[2]
        LOGIN_CHECKS[method](given, expected)
        name = f"s.{uuid.uuid4().hex}"
        self.tokens[name] = Token(policies, path=request.path, display_name=method)
        return Answer(200, envelope(None, auth=self.auth(name, method, given, policies)))

    def auth(self, name: str, method: str, given: JSON, policies: list[str]) -> JSON:
        of_user = method == "userpass"
        known_as = {"username": given["username"]} if of_user else {LOGIN_METADATA.get(method, "role"): "rot"}
        return {
            **{
                "client_token": name,
                "accessor": uuid.uuid4().hex,
                "entity_id": str(uuid.uuid4()),
                "metadata": known_as,
            },
            **{"policies": ["default", *policies], "token_policies": ["default", *policies], "token_type": "service"},
            **{"lease_duration": 2764800 if of_user else 3600, "renewable": True, "orphan": True},
        }

    def look_up(self, request: Request, token: Token) -> Answer:
        is_root = "root" in token.policies
        found = {
            **{
                "id": request.token,
                "accessor": "ACCESSOR",
                "policies": token.policies if is_root else ["default", *token.policies],
            },
            **{
                "path": token.path,
                "display_name": token.display_name,
                "orphan": is_root,
                "type": "service",
                "meta": None,
            },
            **{"creation_time": int(time.time()), "creation_ttl": 0, "expire_time": None, "explicit_max_ttl": 0},
            **{"num_uses": 0, "ttl": 0, "entity_id": ""},
        }
        limited = {"creation_ttl": 3600, "ttl": 3600, "expire_time": now(), "issue_time": now(), "renewable": True}
        return Answer(200, envelope(found if is_root else {**found, **limited}))

    def revoke(self, request: Request, _token: Token) -> Answer:
        del self.tokens[request.token]
        return Answer(204)

    # Mounts and policies

    def mount_seen(self, request: Request, token: Token) -> Answer:
        if self.mounts_hidden:
            raise Refused(403, DENIED)
        name = request.path.split("/mounts/")[1].strip("/")
        mount = self.mounts.get(name)
        paths = [path for policy in token.policies for path in self.policies.get(policy, {})]
        if not mount or not ("root" in token.policies or any(path.startswith(f"{name}/") for path in paths)):
            raise Refused(403, NO_ACCESS.format(name))
        seen = {
            **{
                "accessor": "kv_00000000",
                "description": "",
                "path": f"{name}/",
                "type": "kv",
                "uuid": str(uuid.uuid4()),
            },
            **{"config": {"default_lease_ttl": 0, "force_no_cache": False, "max_lease_ttl": 0}, "local": False},
            **{"external_entropy_access": False, "options": {"version": str(mount.version)}, "seal_wrap": False},
        }
        return Answer(200, envelope(seen))

    def demand(self, token: Token, path: str, capability: str) -> None:
        """The most exact path of the token's policies decides."""
        if "root" in token.policies:
            return
        rules = [rule for policy in token.policies for rule in self.policies.get(policy, {}).items()]
        fitting = [rule for rule in rules if path in (rule[0], f"{rule[0]}/") or is_below(path, rule[0])]
        if capability not in max(fitting, key=lambda rule: len(rule[0]), default=("", []))[1]:
            raise Refused(403, DENIED)

    def mount_of(self, path: str) -> tuple[str, Mount | None]:
        names = [name for name in self.mounts if path.startswith(f"{name}/")]
        name = max(names, key=len, default="")
        return name, self.mounts.get(name)

    # Secrets

    def kv(self, request: Request, token: Token) -> Answer:
        name, mount = self.mount_of(f"{request.path}/")
        full = f"{request.path}/" if request.lists else request.path
        below = request.path[len(name) + 1 :]
        self.demand(token, full, capability_of(request, mount, below))
        if not mount:
            raise Refused(404, f"no handler for route '{full}'")
        if mount.upgrading:
            raise Refused(400, UPGRADING)
        if mount.version == 1:
            return plain_secret(request, mount, below)
        if below == "config":
            return mount_config(request, mount)
        kind, _slash, path = below.partition("/")
        respond = OPERATIONS.get((kind, "LIST" if request.lists else request.method))
        if not respond:
            return Answer(
                404, envelope(None, warnings=[WRONG_PATH.format("get" if request.method == "GET" else "put")])
            )
        if kind == "data" and len(request.body) > self.max_value_size:
            raise Refused(500, TOO_LARGE)
        return respond(request, mount, path)


def check_approle(given: JSON, expected: JSON) -> None:
    for name, wrong in (("role_id", "invalid role ID"), ("secret_id", "invalid secret id")):
        if not given.get(name):
            raise Refused(400, f"missing {name}")
        if given[name] != expected[name]:
            raise Refused(400, wrong)


def check_userpass(given: JSON, expected: JSON) -> None:
    if (given["username"], given.get("password")) != (expected["username"], expected["password"]):
        raise Refused(400, "invalid username or password")


def check_jwt(given: JSON, expected: JSON) -> None:
    if given.get("role") != expected["role"]:
        raise Refused(400, f'role "{given.get("role")}" could not be found')
    if given.get("jwt") != expected["jwt"]:
        raise Refused(400, FORGED)


def check_kubernetes(given: JSON, expected: JSON) -> None:
    if given.get("role") != expected["role"]:
        raise Refused(400, f'invalid role name "{given.get("role")}"')
    if given.get("jwt") != expected["jwt"]:
        raise Refused(500, "service account name not authorized")


LOGIN_CHECKS = {
    "approle": check_approle,
    "userpass": check_userpass,
    "jwt": check_jwt,
    "kubernetes": check_kubernetes,
}
LOGIN_METADATA = {"approle": "role_name"}


def envelope(content: Any, *, auth: Any = None, warnings: Any = None, lease: int = 0) -> JSON:
    return {
        **{"request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False, "lease_duration": lease},
        **{"data": content, "wrap_info": None, "warnings": warnings, "auth": auth},
    }


def is_below(path: str, rule: str) -> bool:
    return rule.endswith("*") and path.startswith(rule[:-1])


def capability_of(request: Request, mount: Mount | None, below: str) -> str:
    if request.lists:
        return "list"
    if request.method in ("POST", "PUT"):
        known = mount and (below in mount.plain or below.partition("/")[2] in mount.secrets)
        return "update" if known else "create"
    return {"GET": "read", "DELETE": "delete"}.get(request.method, "read")


def plain_secret(request: Request, mount: Mount, path: str) -> Answer:
    """A mount of version 1 takes what is written for version 2 as the secret, and knows no check-and-set."""
    if request.lists:
        return listing(mount.plain, path)
    if request.method == "GET":
        if path not in mount.plain:
            raise Refused(404)
        return Answer(200, envelope(mount.plain[path], lease=2764800))
    if request.method == "DELETE":
        mount.plain.pop(path, None)
    else:
        mount.plain[path] = request.fields
    return Answer(204)


def listing(secrets: Mapping[str, Any], folder: str) -> Answer:
    start = f"{folder}/" if folder else ""
    below = [path[len(start) :] for path in secrets if path.startswith(start)]
    keys = sorted({name + slash for name, slash, _rest in (path.partition("/") for path in below)})
    if not keys:
        raise Refused(404)
    return Answer(200, envelope({"keys": keys}))


def mount_config(request: Request, mount: Mount) -> Answer:
    if request.method == "GET":
        found = {name: getattr(mount, name) for name in METADATA_FIELDS}
        return Answer(200, envelope({**found, "delete_version_after": "0s"}))
    return set_fields(request, mount)


def set_fields(request: Request, place: Mount | Secret) -> Answer:
    for name in METADATA_FIELDS:
        if name in request.fields:
            setattr(place, name, request.fields[name])
    return Answer(204)


def read_secret(request: Request, mount: Mount, path: str) -> Answer:
    secret = mount.secrets.get(path, Secret())
    number = int(request.query.get("version", 0)) or secret.current_version
    version = secret.versions.get(number)
    if not version:
        raise Refused(404)
    status = 200 if version.is_readable else 404
    content = version.data if version.is_readable else None
    return Answer(status, envelope({"data": content, "metadata": {**version.metadata(), "version": number}}))


def write_secret(request: Request, mount: Mount, path: str) -> Answer:
    fields = request.fields
    if "data" not in fields:
        raise Refused(400, "no data provided")
    secret = mount.secrets.get(path, Secret())
    try:
        cas = None if "cas" not in fields.get("options", {}) else int(fields["options"]["cas"])
    except (ValueError, TypeError):
        raise Refused(400, "error parsing check-and-set parameter") from None
    if cas is None and (mount.cas_required or secret.cas_required):
        raise Refused(400, "check-and-set parameter required for this call")
    if cas is not None and cas != secret.current_version:
        raise Refused(400, CAS_LOST)
    written = secret.add(fields["data"], secret.max_versions or mount.max_versions or KEPT_VERSIONS)
    mount.secrets[path] = secret
    return Answer(200, envelope(written))


def delete_newest(_request: Request, mount: Mount, path: str) -> Answer:
    secret = mount.secrets.get(path, Secret())
    return delete_versions(secret, [secret.current_version])


def delete_named(request: Request, mount: Mount, path: str) -> Answer:
    return delete_versions(mount.secrets.get(path, Secret()), request.fields["versions"])


def delete_versions(secret: Secret, numbers: list[int]) -> Answer:
    for number in numbers:
        version = secret.versions.get(number)
        if version and version.is_readable:
            version.deletion_time = now()
    return Answer(204)


def undelete(request: Request, mount: Mount, path: str) -> Answer:
    versions = mount.secrets.get(path, Secret()).versions
    for number in request.fields["versions"]:
        if number in versions:
            versions[number].deletion_time = ""
    return Answer(204)


def destroy(request: Request, mount: Mount, path: str) -> Answer:
    versions = mount.secrets.get(path, Secret()).versions
    for number in request.fields["versions"]:
        if number in versions:
            versions[number].destroyed, versions[number].data = True, None
    return Answer(204)


def read_metadata(_request: Request, mount: Mount, path: str) -> Answer:
    if path not in mount.secrets:
        raise Refused(404)
    return Answer(200, envelope(mount.secrets[path].metadata()))


def write_metadata(request: Request, mount: Mount, path: str) -> Answer:
    return set_fields(request, mount.secrets.setdefault(path, Secret()))


def delete_metadata(_request: Request, mount: Mount, path: str) -> Answer:
    mount.secrets.pop(path, None)
    return Answer(204)


def list_secrets(_request: Request, mount: Mount, path: str) -> Answer:
    return listing(mount.secrets, path.strip("/"))


OPERATIONS = {
    ("data", "GET"): read_secret,
    ("data", "POST"): write_secret,
    ("data", "PUT"): write_secret,
    ("data", "DELETE"): delete_newest,
    ("delete", "POST"): delete_named,
    ("undelete", "POST"): undelete,
    ("destroy", "POST"): destroy,
    ("metadata", "GET"): read_metadata,
    ("metadata", "POST"): write_metadata,
    ("metadata", "DELETE"): delete_metadata,
    ("metadata", "LIST"): list_secrets,
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: VaultServer

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if parts.path.startswith("/control/"):
            return self.send(self.control(parts.path, body))
        if not parts.path.startswith("/v1/"):
            return self.send(Answer(404, {"errors": []}))
        header = self.headers.get
        request = Request(
            self.command,
            unquote(parts.path[len("/v1/") :]).strip("/"),
            dict(parse_qsl(parts.query)),
            header("X-Vault-Token") or "",
            header("X-Vault-Namespace") or "",
            body,
        )
        return self.send(self.server.vault.serve(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = respond  # noqa: N815 - the library's names

    def send(self, answer: Answer) -> None:
        if answer.drops:
            self.close_connection = True
            return
        body = answer.encoded()
        self.send_response(answer.status)
        headers = {"Cache-Control": "no-store", "Content-Type": "application/json", **answer.headers}
        for name, value in {**headers, **({} if answer.status == 204 else {"Content-Length": str(len(body))})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def control(self, path: str, body: bytes) -> Answer:
        vault = self.server.vault
        if path == "/control/requests":
            return Answer(200, [[request.method, request.path, request.namespace] for request in vault.requests])
        given = json.loads(body)
        with vault.lock:
            if path == "/control/faults":
                vault.faults.append(Fault(**given))
            elif path == "/control/expire":
                vault.expire_tokens()
            else:
                vars(vault).update({name: STATE.get(name, lambda value: value)(value) for name, value in given.items()})
        return Answer(204)

    def log_message(self, *_arguments: Any) -> None:
        pass


# How the attributes of a `Vault` are made of JSON, where they are not plain.
STATE = {
    "mounts": lambda given: {name: Mount(**fields) for name, fields in given.items()},
    "tokens": lambda given: {ROOT: Token(["root"]), **{name: Token(**fields) for name, fields in given.items()}},
}


class VaultServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, vault: Vault, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.vault = vault

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_arguments: Any) -> None:
        """A client that has gone away is no event here."""


@contextmanager
def running_vault(vault: Vault | None = None) -> Iterator[VaultServer]:
    server = VaultServer(vault or Vault())
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    given = parser.parse_args()
    server = VaultServer(Vault(latency=given.latency), given.port)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
