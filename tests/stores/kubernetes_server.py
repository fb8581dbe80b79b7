# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stub of the Kubernetes API for Secrets, with faults on request. Standard library only.

It answers as a genuine API server did (`test_kubernetes_server.py` compares them), and refuses what it does not know.

Command line
============

``python kubernetes_server.py [--host ADDRESS] [--port PORT] [--certfile F --keyfile F]`` prints its URL when it
listens.

Control API
===========

JSON below ``/control/``, without authentication, never subject to faults and never counted.

GET|PATCH /control/config      ``tokens`` {token: user}, ``roles`` {user: [verbs], or null for all of them},
                               ``namespaces`` [names], ``quota`` (of Secrets in a namespace, or null), ``latency``
                               (seconds before every answer). A PATCH replaces the keys that it has; in ``tokens`` and
                               ``roles`` only the entries that it has
GET|POST|DELETE /control/faults
                               list; add one; forget all
GET /control/report            ``requests`` {verb: n}, ``applied`` {verb: n}, ``connections``, ``in_flight_peak``
POST /control/reset            forget faults and counts; Secrets stay
POST /control/compact          forget former revisions: a listing that is continued begins again (410)

Faults
======

``{"verb": get|list|create|update|patch|delete|*, "name": of the Secret or null, "kind": KIND, "times": n or null for
always (1), "skip": n (0), "apply": whether the request is carried out (false), ...parameters}``

=========  ==========================  ================================================================
kind       parameters (defaults)       what the client gets
=========  ==========================  ================================================================
drop       -                           no answer: the connection is closed
late       seconds (1)                 the answer, later; with ``apply`` the request is carried out at once
status     status (500), body, text    that status, with that document, that text, or the usual one
throttle   retry_after (1)             429, as by API priority and fairness
quote      status (500)                an error that quotes the request in several spellings
cut        -                           half of an answer that is announced in full
=========  ==========================  ================================================================
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import ssl
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlsplit

ADMIN_TOKEN = "ADMIN-TOKEN"
VERBS = ("get", "list", "create", "update", "patch", "delete")
SECRETS = re.compile(r"/api/v1/namespaces/([^/]+)/secrets(?:/([^/]+))?")
# What clients set of an object's metadata, apart from its name.
OF_CLIENTS = ("labels", "annotations", "finalizers", "ownerReferences")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
MOST_BYTES, MOST_ANNOTATION_BYTES, MOST_REQUEST_BYTES = 1 << 20, 256 << 10, 3 << 20

SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
LABEL = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
CONFIG_KEY = r"[-._a-zA-Z0-9]+"
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    f" end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    f" '{LABEL}')"
)
CONFIG_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or"
    f" 'key-name', regex used for validation is '{CONFIG_KEY}')"
)
TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without"
    " the continue parameter, or use the continue token in this response to retrieve the remainder of the results."
    " Continuing with the provided token results in an inconsistent list - objects that were created, modified, or"
    " deleted between the time the first chunk was returned and now may show up in the list."
)
MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
IMMUTABLE = "Forbidden: field is immutable when `immutable` is set"

Object = dict[str, Any]
Key = tuple[str, str]


class Answer(NamedTuple):
    """A `body` that is a string is sent as plain text."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}


class Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Cause(NamedTuple):
    """What is invalid about an object."""

    field: str
    reason: str
    message: str


def refusal(status: int, reason: str, message: str, /, *, metadata: Object | None = None, **details: Any) -> Refused:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": metadata or {}, "status": "Failure", "message": message}
    more = {"reason": reason, "details": details}
    return Refused(Answer(status, {**body, **{key: value for key, value in more.items() if value}, "code": status}))


def not_found(name: str, kind: str = "secrets") -> Refused:
    return refusal(404, "NotFound", f'{kind} "{name}" not found', name=name, kind=kind)


def conflict(name: str, text: str, kind: str = "secrets") -> Refused:
    return refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind} "{name}": {text}', name=name, kind=kind)


def uid_conflict(namespace: str, name: str, given: str, actual: str) -> Refused:
    text = f"Precondition failed: UID in precondition: {given}, UID in object meta: {actual}"
    key = f"/registry/secrets/{namespace}/{name}"
    return conflict(
        name,
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {text}",
    )


def forbidden(user: str, verb: str, namespace: str, name: str | None) -> Refused:
    name = None if verb == "create" else name
    secret = f'secrets "{name}" is' if name else "secrets is"
    text = f'{secret} forbidden: User "{user}" cannot {verb} resource "secrets" in API group "" in the namespace'
    named: Object = {"name": name} if name else {}
    return refusal(403, "Forbidden", f'{text} "{namespace}"', **named, kind="secrets")


def invalid(name: str, causes: list[Cause]) -> Refused:
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return refusal(422, "Invalid", f'Secret "{name}" is invalid: {text}', name=name, kind="Secret", causes=listed)


def invalid_value(field_name: str, value: str, rule: str) -> Cause:
    return Cause(field_name, "FieldValueInvalid", f'Invalid value: "{value}": {rule}')


def too_long(field_name: str, most: int) -> Cause:
    return Cause(field_name, "FieldValueTooLong", f"Too long: must have at most {most} bytes")


def problems(secret: Object) -> Iterator[Cause]:
    """What is invalid about a Secret by itself."""
    metadata = secret["metadata"]
    name, labels, annotations = metadata["name"], metadata.get("labels", {}), metadata.get("annotations", {})
    if len(name) > 253:
        yield invalid_value("metadata.name", name, "must be no more than 253 characters")
    elif not re.fullmatch(SUBDOMAIN, name):
        yield invalid_value("metadata.name", name, SUBDOMAIN_RULE)
    for value in labels.values():
        if len(value) > 63:
            yield invalid_value("metadata.labels", value, "must be no more than 63 characters")
        elif not re.fullmatch(LABEL, value):
            yield invalid_value("metadata.labels", value, LABEL_RULE)
    for kind, keys in (("labels", labels), ("annotations", annotations)):
        for key in keys:
            prefix, _slash, last = key.rpartition("/")
            if (prefix and not re.fullmatch(SUBDOMAIN, prefix)) or not last or not re.fullmatch(LABEL, last):
                yield invalid_value(f"metadata.{kind}", key, "a qualified name must consist of alphanumeric characters")
    if sum(len(f"{key}{value}".encode()) for key, value in annotations.items()) > MOST_ANNOTATION_BYTES:
        yield too_long("metadata.annotations", MOST_ANNOTATION_BYTES)
    for key in secret.get("data", {}):
        if not re.fullmatch(CONFIG_KEY, key) or len(key) > 253:
            yield invalid_value(f"data[{key}]", key, CONFIG_KEY_RULE)
    if sum(len(base64.b64decode(value)) for value in secret.get("data", {}).values()) > MOST_BYTES:
        yield too_long("data", MOST_BYTES)


def changes_of_what_is_fixed(old: Object, new: Object) -> Iterator[Cause]:
    if new["type"] != old["type"]:
        yield invalid_value("type", new["type"], "field is immutable")
    if old.get("immutable"):
        if not new.get("immutable"):
            yield Cause("immutable", "FieldValueForbidden", IMMUTABLE)
        if new.get("data") != old.get("data"):
            yield Cause("data", "FieldValueForbidden", IMMUTABLE)


def parsed(raw: bytes) -> Object:
    """Return the object in a request, with `stringData` as `data`."""
    try:
        document = json.loads(raw)
        metadata = {key: value for key, value in document.get("metadata", {}).items() if value is not None}
    except (ValueError, AttributeError):
        raise refusal(400, "BadRequest", "the object provided is unrecognized") from None
    values = document.get("data") or {}
    for value in values.values():
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            raise refusal(400, "BadRequest", undecodable(raw.decode(), json.dumps(value))) from None
    texts = document.get("stringData") or {}
    values = {**values, **{key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}}
    kept = {"immutable": document.get("immutable"), "data": values, "type": document.get("type") or "Opaque"}
    return {"metadata": metadata, **{key: value for key, value in kept.items() if value}}


def undecodable(text: str, value: str) -> str:
    """The message about data that is no base64. It quotes the request."""
    at = text.index(value) + len(value)
    near, far = text[max(0, at - 10) : at + 10], text[max(0, at - 50) : at + 50]
    return (
        'Secret in version "v1" cannot be handled as a Secret: v1.Secret.ObjectMeta: v1.ObjectMeta.Data: decode base64:'
        f" illegal base64 data at input byte 0, error found in #10 byte of ...|{near}|..., bigger context ...|{far}|..."
    )


def managed_fields(secret: Object, user_agent: str) -> list[Object]:
    """Who set which field. The stub says of all of them that the last client set them."""
    metadata = secret["metadata"]
    parts = {key: fields_of(metadata[key]) for key in ("annotations", "labels") if metadata.get(key)}
    fields: Object = {"f:data": fields_of(secret["data"])} if secret.get("data") else {}
    fields |= {"f:metadata": {f"f:{key}": value for key, value in parts.items()}} if parts else {}
    fields |= {"f:immutable": {}} if secret.get("immutable") else {}
    return [managed(user_agent, "v1", {**fields, "f:type": {}})]


def managed(user_agent: str, version: str, fields: Object) -> Object:
    who = {"manager": user_agent.partition("/")[0], "operation": "Update", "apiVersion": version}
    return {**who, "time": now(), "fieldsType": "FieldsV1", "fieldsV1": fields}


def fields_of(mapping: Object) -> Object:
    return {".": {}, **{f"f:{key}": {} for key in mapping}}


def now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    changed = {key: merged(old.get(key, {}), value) for key, value in patch.items()}
    return {key: value for key, value in {**old, **changed}.items() if value is not None}


def selected(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether the labels are those of a selector such as `app=a,tier=b`. Other selectors are refused."""
    pairs = [part.split("=") for part in selector.split(",") if part]
    if any(len(pair) > 2 for pair in pairs):
        raise refusal(400, "BadRequest", "found '=', expected: ',' or 'end of string'")
    if any(len(pair) != 2 or not re.fullmatch(LABEL, pair[1]) for pair in pairs):
        raise refusal(400, "BadRequest", f"unable to parse requirement: {selector}")
    return all(labels.get(key) == value for key, value in pairs)


def continuation(revision: int, name: str) -> str:
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": f"{name}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def continued(token: str) -> tuple[int, str]:
    """Return the revision and the name at which a listing goes on. A negative revision is the present one."""
    octets = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    try:
        known = json.loads(octets)
        return known["rv"], known["start"]
    except (ValueError, KeyError):
        text = f"invalid character '{chr(octets[0])}' looking for beginning of value"
    raise refusal(400, "BadRequest", f"invalid continue token: continue key is not valid: {text}")


@dataclass
class Cluster:
    """The Secrets, and who may do what with them. A Secret that is stored is never changed, but replaced."""

    revision: int = 190
    config: Object = field(
        default_factory=lambda: {
            "tokens": {ADMIN_TOKEN: "admin"},
            "roles": {"admin": None},
            "namespaces": ["default"],
            "quota": None,
            "latency": 0,
        }
    )
    secrets: dict[Key, Object] = field(default_factory=dict)
    snapshots: dict[int, dict[Key, Object]] = field(default_factory=dict)

    def user(self, token: str | None) -> str:
        if token is None:
            return "system:anonymous"
        if self.config["tokens"].get(token) is None:
            raise refusal(401, "Unauthorized", "Unauthorized")
        return str(self.config["tokens"][token])

    def may(self, user: str, verb: str) -> bool:
        verbs = self.config["roles"].get(user, ())
        return verbs is None or verb in verbs

    def get(self, namespace: str, name: str) -> Object:
        if (namespace, name) not in self.secrets:
            raise not_found(name)
        return self.secrets[namespace, name]

    def list(self, namespace: str, selector: str, limit: int, token: str) -> Object:
        selected(selector, {})  # refuses a bad selector, also where there is nothing
        revision, start = continued(token) if token else (-1, "")
        if revision >= 0 and revision not in self.snapshots:
            raise refusal(410, "Expired", TOO_OLD, metadata={"continue": continuation(-1, start.rstrip("\0"))})
        everything = self.snapshots[revision] if revision >= 0 else self.secrets
        revision = revision if revision >= 0 else self.revision
        found = [
            everything[key]
            for key in sorted(everything)
            if key[0] == namespace
            and key[1] >= start
            and selected(selector, everything[key]["metadata"].get("labels", {}))
        ]
        metadata = {"resourceVersion": str(revision)}
        if limit and len(found) > limit:
            metadata["continue"] = continuation(revision, found[limit - 1]["metadata"]["name"])
            self.snapshots[revision] = dict(everything)
        items = [
            {key: value for key, value in secret.items() if key not in ("kind", "apiVersion")}
            for secret in found[: limit or None]
        ]
        return {"kind": "SecretList", "apiVersion": "v1", "metadata": metadata, "items": items}

    def create(self, namespace: str, new: Object, user_agent: str) -> Object:
        name = new["metadata"].get("name", "")
        if namespace not in self.config["namespaces"]:
            raise not_found(namespace, "namespaces")
        if new["metadata"].get("resourceVersion"):
            raise refusal(500, "", "resourceVersion should not be set on objects to be created")
        if causes := list(problems(new)):
            raise invalid(name, causes)
        if (namespace, name) in self.secrets:
            text = f'secrets "{name}" already exists'
            raise refusal(409, "AlreadyExists", text, name=name, kind="secrets")
        self._demand_quota(namespace, name)
        fixed = {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
        return self._store((namespace, name), new, fixed, user_agent)

    def _demand_quota(self, namespace: str, name: str) -> None:
        most, used = self.config["quota"], sum(key[0] == namespace for key in self.secrets)
        if most is not None and used >= most:
            counts = f"requested: secrets=1, used: secrets={used}, limited: secrets={most}"
            text = f'secrets "{name}" is forbidden: exceeded quota: secrets, {counts}'
            raise refusal(403, "Forbidden", text, name=name, kind="secrets")

    def update(self, namespace: str, name: str, new: Object, user_agent: str) -> Object:
        metadata = new["metadata"]
        if metadata.get("name") != name:
            text = f"the name of the object ({metadata.get('name')}) does not match the name on the URL ({name})"
            raise refusal(400, "BadRequest", text)
        if metadata.get("namespace", namespace) != namespace:
            text = "the namespace of the provided object does not match the namespace sent on the request"
            raise refusal(400, "BadRequest", text)
        old = self.secrets.get((namespace, name))
        actual = old["metadata"]["uid"] if old else ""
        if metadata.get("uid", actual) != actual:
            raise uid_conflict(namespace, name, metadata["uid"], actual)
        if old is None:
            raise not_found(name)
        return self._replace((namespace, name), old, new, user_agent)

    def patch(self, namespace: str, name: str, patch: Object, user_agent: str) -> Object:
        old = self.get(namespace, name)
        current = {**old, "metadata": {**old["metadata"], "resourceVersion": None}}
        return self._replace((namespace, name), old, parsed(json.dumps(merged(current, patch)).encode()), user_agent)

    def _replace(self, key: Key, old: Object, new: Object, user_agent: str) -> Object:
        """Without a resourceVersion, and with "0", whatever is there is replaced."""
        version = new["metadata"].get("resourceVersion") or "0"
        if not re.fullmatch("[0-9]+", version):
            raise refusal(500, "", f'strconv.ParseUint: parsing "{version}": invalid syntax')
        if int(version) and version != old["metadata"]["resourceVersion"]:
            raise conflict(key[1], MODIFIED)
        if causes := [*problems(new), *changes_of_what_is_fixed(old, new)]:
            raise invalid(key[1], causes)
        if content(new) == content(old):
            return old
        fixed = {name: old["metadata"][name] for name in ("uid", "creationTimestamp")}
        return self._store(key, new, fixed, user_agent)

    def _store(self, key: Key, new: Object, fixed: Object, user_agent: str) -> Object:
        self.revision += 1
        metadata = {"name": key[1], "namespace": key[0], **fixed, "resourceVersion": str(self.revision)}
        metadata |= {part: new["metadata"][part] for part in OF_CLIENTS if new["metadata"].get(part)}
        metadata["managedFields"] = managed_fields(new, user_agent)
        self.secrets[key] = {"kind": "Secret", "apiVersion": "v1", **new, "metadata": metadata}
        return self.secrets[key]

    def delete(self, namespace: str, name: str, preconditions: Object) -> Object:
        metadata = self.get(namespace, name)["metadata"]
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        if uid and uid != metadata["uid"]:
            text = f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']})"
            raise conflict(name, f"{text}. The object might have been deleted and then recreated", "Secret")
        if version and version != metadata["resourceVersion"]:
            actual = f"the ResourceVersion in record ({metadata['resourceVersion']})"
            text = f"the ResourceVersion in the precondition ({version}) does not match {actual}"
            raise conflict(name, f"{text}. The object might have been modified", "Secret")
        self.revision += 1
        del self.secrets[namespace, name]
        details = {"name": name, "kind": "secrets", "uid": metadata["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def review(self, user: str, spec: Object, user_agent: str) -> Object:
        """What a SelfSubjectAccessReview says."""
        asked = spec["resourceAttributes"]
        fields = {"f:spec": {"f:resourceAttributes": fields_of(asked)}}
        version = "authorization.k8s.io/v1"
        metadata = {"creationTimestamp": None, "managedFields": [managed(user_agent, version, fields)]}
        allowed = asked["resource"] == "secrets" and self.may(user, asked["verb"])
        known = {"kind": "SelfSubjectAccessReview", "apiVersion": version, "metadata": metadata}
        return {**known, "spec": spec, "status": {"allowed": allowed}}


def content(secret: Object) -> Object:
    """What makes a difference for a write."""
    metadata = {key: secret["metadata"].get(key) or None for key in OF_CLIENTS}
    return {**metadata, **{key: secret.get(key) for key in ("data", "type", "immutable")}}


@dataclass(frozen=True)
class Request:
    """A request to the API of Secrets. `verb` is None for a SelfSubjectAccessReview."""

    verb: str | None
    namespace: str
    name: str | None
    query: Mapping[str, str]
    raw: bytes
    token: str | None
    user_agent: str


def understood(method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Request:
    path, query = urlsplit(target).path, dict(parse_qsl(urlsplit(target).query))
    named = {name.lower(): value for name, value in headers.items()}
    scheme, _space, token = named.get("authorization", "").partition(" ")
    given = (query, raw, token.strip() if scheme.lower() == "bearer" else None, named.get("user-agent", ""))
    if (method, path) == ("POST", REVIEWS):
        return Request(None, "", None, *given)
    found = SECRETS.fullmatch(path)
    namespace, name = (unquote(found[1]), found[2] and unquote(found[2])) if found else ("", None)
    verbs = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    verb = verbs.get(method) if name else {"GET": "list", "POST": "create"}.get(method)
    if not found or not verb:
        raise refusal(404, "NotFound", "the server could not find the requested resource")
    return Request(verb, namespace, name, *given)


@dataclass
class Stub:
    """A cluster behind its API: rights, faults and counts."""

    cluster: Cluster = field(default_factory=Cluster)
    faults: list[Object] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    in_flight: int = 0
    in_flight_peak: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, request: Request) -> Answer | None:
        """Answer a request, or return None where its connection is closed instead."""
        with self.lock:
            self.requests[request.verb or "review"] += 1
            self.in_flight += 1
            self.in_flight_peak = max(self.in_flight, self.in_flight_peak)
            fault = self._fault_of(request)
        try:
            time.sleep(self.cluster.config["latency"])
            return self._spoiled(request, fault) if fault else self.carried_out(request)
        finally:
            with self.lock:
                self.in_flight -= 1

    def carried_out(self, request: Request) -> Answer:
        try:
            with self.lock:
                answer = self._carry_out(request)
                self.applied[request.verb or "review"] += 1
                return answer
        except Refused as refused:
            return refused.answer

    def _carry_out(self, request: Request) -> Answer:
        cluster, verb, agent = self.cluster, request.verb, request.user_agent
        user = cluster.user(request.token)
        if verb is None:
            return Answer(201, cluster.review(user, json.loads(request.raw)["spec"], agent))
        where, name, query = request.namespace, request.name or "", request.query
        if not cluster.may(user, verb):
            raise forbidden(user, verb, where, name)
        if len(request.raw) > MOST_REQUEST_BYTES:
            text = f"Request entity too large: limit is {MOST_REQUEST_BYTES}"
            raise refusal(413, "RequestEntityTooLarge", text)
        if verb == "get":
            return Answer(200, cluster.get(where, name))
        if verb == "list":
            selector, limit = query.get("labelSelector", ""), int(query.get("limit", 0))
            return Answer(200, cluster.list(where, selector, limit, query.get("continue", "")))
        if verb == "create":
            return Answer(201, cluster.create(where, parsed(request.raw), agent))
        if verb == "update":
            return Answer(200, cluster.update(where, name, parsed(request.raw), agent))
        given = json.loads(request.raw or b"{}")
        if verb == "patch":
            return Answer(200, cluster.patch(where, name, given, agent))
        return Answer(200, cluster.delete(where, name, given.get("preconditions") or {}))

    def _fault_of(self, request: Request) -> Object | None:
        """Return the fault that this request meets. The first one that fits is counted down."""
        for fault in self.faults:
            fits = fault["verb"] in ("*", request.verb) and fault["name"] in (None, request.name)
            if not fits or fault["times"] == 0:
                continue
            if fault["skip"]:
                fault["skip"] -= 1
                continue
            if fault["times"] is not None:
                fault["times"] -= 1
            return fault
        return None

    def _spoiled(self, request: Request, fault: Object) -> Answer | None:
        kind = fault["kind"]
        if kind == "late" and not fault["apply"]:
            time.sleep(fault.get("seconds", 1))
            return self.carried_out(request)
        answer = self.carried_out(request) if fault["apply"] or kind == "cut" else None
        if kind == "late":
            time.sleep(fault.get("seconds", 1))
        elif kind == "status":
            status = fault.get("status", 500)
            usual = refusal(status, "", f"fault {status}").answer.body
            return Answer(status, fault.get("body") or fault.get("text") or usual)
        elif kind == "throttle":  # kubernetes/staging/src/k8s.io/apiserver/pkg/server/filters/maxinflight.go
            again = {"Retry-After": str(fault.get("retry_after", 1))}
            return Answer(429, "Too many requests, please try again later.\n", again)
        elif kind == "quote":
            return refusal(fault.get("status", 500), "InternalError", f"admission webhook: {quoted(request)}").answer
        elif kind == "cut" and answer:
            return answer._replace(headers={"X-Cut": "yes"})
        return None if kind == "drop" else answer


def quoted(request: Request) -> str:
    """What a server may repeat of a request: its text and, of each value, other spellings."""
    values = [base64.b64decode(value).decode() for value in parsed(request.raw).get("data", {}).values()]
    return " ".join([request.raw.decode(), *values, *map(quote, values), *map(repr, values), request.token or ""])


NEW_FAULT = {"verb": "*", "name": None, "times": 1, "skip": 0, "apply": False}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: KubernetesServer

    def setup(self) -> None:
        super().setup()
        with self.server.stub.lock:
            self.server.stub.connections += 1

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self._answer(raw)
        if answer is None:
            self.close_connection = True
            return
        plain = isinstance(answer.body, str)
        body = answer.body.encode() if plain else json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        kind = "text/plain; charset=utf-8" if plain else "application/json"
        headers = {"Cache-Control": "no-cache, private", "Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self._headers_buffer: list[bytes]
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer = []
        if "X-Cut" in answer.headers:
            self.close_connection = True
            body = body[: len(body) // 2]
        self.wfile.write(head + body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 (the names that http.server calls)

    def _answer(self, raw: bytes) -> Answer | None:
        if self.path.startswith("/control/"):
            return self._control(self.path[len("/control/") :], json.loads(raw or b"{}"))
        try:
            request = understood(self.command, self.path, dict(self.headers), raw)
        except Refused as refused:
            return refused.answer
        return self.server.stub.answer(request)

    def _control(self, path: str, given: Object) -> Answer:
        stub, what = self.server.stub, (self.command, path)
        with stub.lock:
            if what == ("PATCH", "config"):
                stub.cluster.config |= {
                    key: {**stub.cluster.config[key], **value} if isinstance(value, dict) else value
                    for key, value in given.items()
                }
            elif what == ("POST", "faults"):
                stub.faults.append({**NEW_FAULT, **given})
            elif what == ("DELETE", "faults"):
                stub.faults.clear()
            elif what == ("POST", "compact"):
                stub.cluster.snapshots.clear()
            elif what == ("POST", "reset"):
                stub.faults.clear()
                stub.requests.clear()
                stub.applied.clear()
                stub.in_flight_peak = 0
            elif self.command != "GET":
                return Answer(404, f"no {path}")
            return Answer(200, self._shown().get(path, {}))

    def _shown(self) -> Object:
        stub = self.server.stub
        counts = {"requests": dict(stub.requests), "applied": dict(stub.applied)}
        report = {**counts, "connections": stub.connections, "in_flight_peak": stub.in_flight_peak}
        return {"config": stub.cluster.config, "faults": stub.faults, "report": report}


class KubernetesServer(ThreadingHTTPServer):
    """The stub at an address. `with` starts it in a thread, and stops it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, stub: Stub | None = None, address: Key | tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.stub = stub or Stub()
        self.scheme = "http"
        super().__init__((str(address[0]), int(address[1])), Handler)

    def use_tls(self, certificate: str, key: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that close their connections, or do not trust the certificate."""

    def __enter__(self) -> KubernetesServer:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stub of the Kubernetes API for Secrets.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certfile")
    parser.add_argument("--keyfile")
    options = parser.parse_args()
    server = KubernetesServer(address=(options.host, options.port))
    if options.certfile:
        server.use_tls(options.certfile, options.keyfile)
    print(server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
