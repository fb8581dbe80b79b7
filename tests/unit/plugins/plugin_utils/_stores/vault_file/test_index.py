# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.identification import recorded_ids
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.planning import SettledPlans
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.record import (
    Account,
    Orphan,
    Record,
    Retired,
    redacted,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.steps import RotationRequest
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import (
    RecordFinder,
    RecordLost,
    StoreError,
    WentBackwards,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file import index as index_module
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.codec import encode
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import (
    RememberingCipher,
    Vault,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.index import Entry
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.layout import Layout
from ansible_collections.rpaops.uipath.tests.unit.plugins.plugin_utils._stores.vault_file.workbench import (
    CLEAR,
    SECRETS,
    STAGED,
    TIME,
    URL,
    USER,
    a_record,
    a_store,
    close,
    counting,
    fill,
    found_id,
    refuse_to_open,
    texts,
)

VAULT = Vault(SECRETS)
ANOTHER = VaultSecret(b"another")
Decrypted = list[object]


def a_record_of(number: int, **changes: Any) -> Record:
    account = {"user_id": f"user-{number}", "name": f"label {number}", "user_name": f"Robot{number}"}
    return a_record(**{**account, **changes})


RECORDS = [a_record_of(number) for number in range(3)]
# A record in which every field has a value.
FULL = replace(
    a_record(7, CLEAR, f"{CLEAR}-2", user_id="user-0"),
    orphans=(Orphan(f"{CLEAR}-3", TIME, "rejected"),),
    previous=(Retired(f"{CLEAR}-4", TIME),),
    status="in_doubt",
    error_codes=("Code",),
    unproven_sends=3,
    delivered=False,
)


@pytest.fixture
def decrypted(monkeypatch: pytest.MonkeyPatch) -> Decrypted:
    calls: Decrypted = []
    monkeypatch.setattr(RememberingCipher, "decrypt", counting(RememberingCipher.decrypt, calls))
    return calls


def index_of(directory: Path) -> Path:
    return directory / "index.vault"


def index_entries(directory: Path) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads(zlib.decompress(VAULT.decrypt(index_of(directory).read_bytes())))
    return entries


def write_index(directory: Path, entries: Any, vault: Vault = VAULT) -> None:
    index_of(directory).write_bytes(vault.encrypt(zlib.compress(json.dumps(entries).encode())))


def give_away(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 0)


def cached(directory: Path, user_id: str = "user-0", **options: Any) -> Record | None:
    """Return what a run that begins now knows about the account without decrypting its record."""
    (record,) = a_store(directory, **options).read_cached([user_id])
    return record


def reading(directory: Path, user_id: str = "user-0", **options: Any) -> Record | None:
    return a_store(directory, **options).read(user_id)


@pytest.fixture
def filled(directory: Path) -> Path:
    """A store with an index of three records."""
    close(fill(directory, *RECORDS))
    return directory


class TestFind:
    def test_by_user_id_label_and_user_name(self, directory: Path) -> None:
        store = fill(directory, *RECORDS, STAGED)
        names = [USER.upper(), "user-2", "label 1", "robot0", "unknown"]
        assert [found_id(store, name) for name in names] == [USER, "user-2", "user-1", "user-0", None]

    def test_decrypts_the_index_alone(self, filled: Path, decrypted: Decrypted) -> None:
        assert found_id(a_store(filled), "label 2") == "user-2"
        assert len(decrypted) == 1

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"garbage",
            b"[]",
            b'{"user-1": {}}',
            b'{"user-1": 3}',
            b'{"user-1": {"name": 5, "user_name": null, "stamp": []}}',
            b"[" * 100_000,
        ],
        ids=lambda content: str(content)[:30],
    )
    @pytest.mark.parametrize("pack", [zlib.compress, bytes], ids=["compressed", "as it is"])
    def test_does_without_a_valid_index(self, filled: Path, content: bytes, pack: Callable[[bytes], bytes]) -> None:
        index_of(filled).write_bytes(VAULT.encrypt(pack(content)))
        assert found_id(a_store(filled, read_only=True), "label 1") == "user-1"

    @pytest.mark.parametrize("content", [None, b"", b"garbage"])
    def test_does_without_an_index(self, filled: Path, content: bytes | None) -> None:
        if content is None:
            index_of(filled).unlink()
        else:
            index_of(filled).write_bytes(content)
        assert found_id(a_store(filled, read_only=True), "label 1") == "user-1"

    def test_notices_what_changed_since_the_index_was_written(self, filled: Path, decrypted: Decrypted) -> None:
        fill(filled, a_record_of(1, generation=2, name="label 2"))  # and killed before the index was written
        Layout(filled).record("user-2").unlink()
        store = a_store(filled)
        decrypted.clear()
        assert found_id(store, "label 2") == "user-1"
        with pytest.raises(RecordLost):  # its names are not known any more
            found_id(store, "label 1")
        assert len(decrypted) == 2  # the index and the renamed record

    def test_by_a_name_while_a_record_has_gone_backwards(self, directory: Path) -> None:
        """Whose names are as good as ever. The account itself is stopped under its lock."""
        fill(directory, *RECORDS)
        old = Layout(directory).record("user-1").read_bytes()
        fill(directory, a_record_of(1, generation=2))
        Layout(directory).record("user-1").write_bytes(old)
        store = a_store(directory)
        assert [found_id(store, name) for name in ("label 2", "label 1")] == ["user-2", "user-1"]
        with pytest.raises(WentBackwards) as caught:
            store.read("user-1")
        assert caught.value.account == RECORDS[1].account

    @pytest.mark.parametrize("name", ["Ж" * 200, "x" * 5000])
    def test_a_name_may_be_too_long_for_a_file(self, directory: Path, name: str) -> None:
        assert found_id(fill(directory, a_record(1, user_id="a", name=name)), name) == "a"
        assert found_id(fill(directory, STAGED), f"{name}!") is None

    def test_refuses_a_name_of_two_accounts(self, directory: Path) -> None:
        store = fill(directory, a_record(1, user_id="a"), a_record(1, user_id="b"))
        with pytest.raises(StoreError, match="several accounts: a, b"):
            RecordFinder(store).find("svc-robot")

    def test_says_what_it_could_not_read(self, directory: Path) -> None:
        store = fill(directory, *RECORDS)
        Layout(directory).record("user-1").write_bytes(b"garbage")
        with pytest.raises(StoreError, match=r"user-1\.yml cannot be used"):
            found_id(store, "label 1")


class TestOtherThanOwnFile:
    """What has the name of the index costs time only."""

    @pytest.fixture(params=["link", "pipe", "directory", "another user's", "unreadable", "huge"])
    def filled(self, directory: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
        close(fill(directory, *RECORDS))
        path = index_of(directory)
        if request.param == "unreadable":
            refuse_to_open(monkeypatch, path)
        elif request.param == "another user's":
            give_away(path)
        elif request.param == "huge":
            os.truncate(path, 1 << 40)
        else:
            path.unlink()
            make: dict[str, Callable[[], object]] = {
                "link": lambda: path.symlink_to("/etc/passwd"),
                "pipe": lambda: os.mkfifo(path),
                "directory": path.mkdir,
            }
            make[request.param]()
        return directory

    @pytest.mark.parametrize("read_only", [True, False])
    def test_is_not_used(self, filled: Path, read_only: bool) -> None:
        store = a_store(filled, read_only=read_only)
        assert [found_id(store, name) for name in ("label 1", "robot0")] == ["user-1", "user-0"]
        assert not any(account.error for account in store.accounts())
        close(store)

    def test_is_replaced_except_for_a_directory(self, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        is_directory = index_of(filled).is_dir()
        store = a_store(filled)
        assert list(store.read_many(["user-0", "user-1", "user-2"])) == RECORDS
        close(store)
        monkeypatch.undo()
        assert index_of(filled).is_dir() is is_directory
        assert is_directory or set(index_entries(filled)) == {"user-0", "user-1", "user-2"}
        assert not list((filled / ".tmp").iterdir())


class TestCached:
    @pytest.mark.parametrize("record", [RECORDS[0], FULL], ids=["new", "full"])
    def test_is_the_record_without_its_passwords(self, directory: Path, record: Record, decrypted: Decrypted) -> None:
        close(fill(directory, record))
        decrypted.clear()
        for read_only in (True, False):
            assert cached(directory, read_only=read_only) == redacted(record)
        assert len(decrypted) == 2  # the index, twice

    def test_is_what_this_run_has_written(self, directory: Path) -> None:
        renamed = a_record_of(0, generation=2, name="another")
        store = fill(directory, *RECORDS, STAGED, renamed)
        known = [redacted(record) for record in (renamed, STAGED, RECORDS[1])]
        assert list(store.read_cached(["user-0", USER.upper(), "user-1", "x" * 300, "", "user-9"])) == [
            *known,
            *(None, None, None),
        ]

    def test_needs_no_time_of_the_file(self, filled: Path) -> None:
        """A file that was copied is the same version."""
        path = Layout(filled).record("user-0")
        shutil.copyfile(path, f"{path}.copy")
        os.replace(f"{path}.copy", path)
        os.utime(path, (1, 1))
        assert reading(filled) == RECORDS[0]
        assert cached(filled) == redacted(RECORDS[0])

    def test_is_not_that_of_an_older_file_with_the_same_time_and_size(self, filled: Path) -> None:
        path = Layout(filled).record("user-0")
        older = path.read_bytes()
        close(fill(filled, a_record_of(0, generation=2)))
        times, size = os.stat(path), os.stat(path).st_size
        path.write_bytes(older)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert os.stat(path).st_size == size
        assert cached(filled) is None
        with pytest.raises(WentBackwards):
            reading(filled)

    def test_is_not_that_of_a_restored_file_and_index(self, filled: Path) -> None:
        """The lock file tells that the record is older than the last one."""
        saved = {path: path.read_bytes() for path in (Layout(filled).record("user-0"), index_of(filled))}
        close(fill(filled, a_record_of(0, generation=2)))
        for path, content in saved.items():
            path.write_bytes(content)
        assert cached(filled) is None
        with pytest.raises(WentBackwards):
            reading(filled)

    @pytest.mark.parametrize("content", [b"", b"damaged", b"%019d\n" % 2])
    def test_needs_the_generation_that_the_lock_file_has(self, filled: Path, content: bytes) -> None:
        Layout(filled).lock("user-0").write_bytes(content)
        assert cached(filled) is None
        assert cached(filled, "user-1") == redacted(RECORDS[1])

    def test_is_not_that_of_a_file_that_somebody_else_has_written(self, filled: Path) -> None:
        Layout(filled).record("user-0").write_bytes(encode(VAULT, RECORDS[0]))
        assert cached(filled) is None
        Layout(filled).record("user-1").write_bytes(Layout(filled).record("user-2").read_bytes())
        assert cached(filled, "user-1") is None

    @pytest.mark.parametrize("kind", ["missing", "link", "pipe", "damaged", "empty"])
    def test_is_nothing_if_the_file_is_no_record(self, filled: Path, kind: str) -> None:
        path = Layout(filled).record("user-0")
        path.rename(filled / "elsewhere")
        make: dict[str, Callable[[], object]] = {
            "missing": lambda: None,
            "link": lambda: path.symlink_to(filled / "elsewhere"),
            "pipe": lambda: os.mkfifo(path),
            "damaged": lambda: path.write_bytes(b"damaged"),
            "empty": lambda: path.write_bytes(b""),
        }
        make[kind]()
        assert cached(filled) is None
        with pytest.raises(StoreError):
            reading(filled)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    @pytest.mark.parametrize("place", ["record", "lock"])
    def test_is_nothing_if_a_file_is_another_users(self, filled: Path, place: str) -> None:
        os.chown(getattr(Layout(filled), place)("user-0"), 12345, 0)
        assert cached(filled) is None
        with pytest.raises(StoreError, match="belongs to another user"):
            reading(filled)

    def test_is_not_that_of_another_server(self, filled: Path) -> None:
        (filled / "store.json").unlink()
        other: dict[str, Any] = {"identity_url": "https://other.example/identity"}
        assert cached(filled, **other) is None
        with pytest.raises(StoreError, match="another server"):
            reading(filled, **other)

    def test_has_the_present_url_of_the_server(self, filled: Path) -> None:
        moved: dict[str, Any] = {"identity_url": "https://new.example/identity", "rebind_from": URL}
        found, record = cached(filled, **moved), reading(filled, **moved)
        assert record
        assert found == redacted(record)
        assert found.account.identity_url == moved["identity_url"]

    def test_is_nothing_if_the_index_is_of_another_secret(self, filled: Path) -> None:
        entries = index_entries(filled)
        secrets = [*SECRETS, ("another", ANOTHER)]
        write_index(filled, entries, Vault(secrets, "another"))
        assert cached(filled) is None
        assert cached(filled, secrets=secrets, vault_id="default") is None
        assert cached(filled, secrets=secrets, identity_url=None, read_only=True) == redacted(RECORDS[0])

    def test_shows_the_secret_that_encrypts_the_names_in_records_of_another_one(self, filled: Path) -> None:
        """As the guide to the store says. No password is in it."""
        index_of(filled).unlink()
        store = a_store(filled, secrets=[*SECRETS, ("another", ANOTHER)], vault_id="another")
        assert len(store.accounts()) == len(RECORDS)
        close(store)
        plain = zlib.decompress(Vault([("another", ANOTHER)]).decrypt(index_of(filled).read_bytes())).decode()
        assert all(record.account.name in plain for record in RECORDS if record.account.name)
        assert CLEAR not in plain

    @pytest.mark.parametrize("rekey", [True, False])
    def test_is_not_that_of_a_record_with_another_secret(self, filled: Path, rekey: bool) -> None:
        """It is refused or, to rekey, read; and its names stay known."""
        both: dict[str, Any] = {"secrets": [*SECRETS, ("another", ANOTHER)], "vault_id": "another", "rekey": rekey}
        path = Layout(filled).record("user-0")
        path.write_bytes(encode(Vault([("another", ANOTHER)]), RECORDS[0]))
        store = a_store(filled, **both)
        assert found_id(store, "label 2") == "user-2"
        close(store)
        assert cached(filled, **both) == redacted(RECORDS[0])
        assert cached(filled, "user-1", **both) is None
        assert found_id(a_store(filled, **both), "label 1") == "user-1"
        if not rekey:
            with pytest.raises(StoreError, match="encrypted with another vault password"):
                reading(filled, "user-1", **both)

    def test_is_never_that_of_an_exchanged_entry(self, filled: Path) -> None:
        """Not even if the index is encrypted with the vault password."""
        entries = index_entries(filled)
        write_index(filled, {**entries, "user-0": entries["user-1"], "user-1": entries["user-0"]})
        assert cached(filled) is None
        entries["user-0"]["record"], entries["user-1"]["record"] = (
            entries["user-1"]["record"],
            entries["user-0"]["record"],
        )
        write_index(filled, entries)
        assert cached(filled) is None

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("digest",), None),
            (("digest",), ["list"]),
            (("is_own",), 1),
            (("record",), None),
            (("record",), []),
            (("record", "schema"), 1),
            (("record", "generation"), "1"),
            (("record", "account"), "user-0"),
            (("record", "account", "user_id"), 5),
            (("record", "account", "name"), {}),
            (("record", "current", "password"), CLEAR),
            (("record", "current", "source"), "elsewhere"),
            (("record", "current", "more"), 1),
            (("record", "status"), ["ok"]),
            (("record", "reason"), {}),
            (("record", "error_codes"), [5]),
            (("record", "orphans"), [{"password": CLEAR, "since": TIME, "why": "replaced"}]),
            (("record", "pending"), {"from": CLEAR, "to": "", "staged_at": TIME, "maybe_live": True}),
            (("record", "rotations"), [1]),
        ],
        ids=str,
    )
    def test_is_nothing_if_a_field_of_the_entry_is_not_valid(
        self, filled: Path, place: tuple[str, ...], value: Any
    ) -> None:
        entries = index_entries(filled)
        fields = entries["user-0"]
        for name in place[:-1]:
            fields = fields[name]
        fields[place[-1]] = value
        write_index(filled, entries)
        assert cached(filled) is None
        assert cached(filled, "user-1") == redacted(RECORDS[1])

    def test_is_nothing_if_the_index_is_truncated(self, filled: Path) -> None:
        plain = VAULT.decrypt(index_of(filled).read_bytes())
        index_of(filled).write_bytes(VAULT.encrypt(plain[:-5]))
        assert cached(filled) is None
        index_of(filled).write_bytes(index_of(filled).read_bytes()[:-5])
        assert cached(filled) is None

    def test_an_index_that_grows_too_large_is_not_read_or_written(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(index_module, "LARGEST", 100)
        before = index_of(filled).read_bytes()
        assert cached(filled) is None
        close(fill(filled, a_record_of(0, generation=2)))
        assert index_of(filled).read_bytes() == before


class TestSave:
    def test_writes_no_password(self, directory: Path) -> None:
        close(fill(directory, FULL))
        assert list(index_entries(directory)) == ["user-0"]
        assert CLEAR not in json.dumps(index_entries(directory))

    def test_two_runs_do_not_forget_each_other(self, directory: Path) -> None:
        one, two = a_store(directory), a_store(directory)
        for store, record in zip((one, two), RECORDS):
            with store.locked(record.account.user_id) as locked_record:
                assert locked_record.write(record)
        close(one)
        close(two)
        assert {"user-0", "user-1"} == set(index_entries(directory))

    def test_has_what_was_only_read(self, filled: Path, decrypted: Decrypted) -> None:
        index_of(filled).unlink()
        store = a_store(filled)
        assert list(store.read_many(["user-0", "user-1"])) == RECORDS[:2]
        close(store)
        decrypted.clear()
        assert [cached(filled, record.account.user_id) for record in RECORDS] == [*map(redacted, RECORDS[:2]), None]
        assert len(decrypted) == 3  # the index, each time

    @pytest.mark.parametrize("read", [True, False])
    def test_leaves_an_index_alone_that_says_the_same(self, filled: Path, read: bool) -> None:
        before = index_of(filled).read_bytes()
        store = a_store(filled)
        assert read is False or list(store.read_many(["user-0", "user-1"])) == RECORDS[:2]
        assert all(store.read_cached(["user-0", "user-1", "user-2"]))
        close(store)
        assert index_of(filled).read_bytes() == before

    def test_forgets_accounts_whose_records_are_gone(self, filled: Path) -> None:
        Layout(filled).record("user-2").unlink()
        close(fill(filled, a_record_of(0, generation=2)))
        assert set(index_entries(filled)) == {"user-0", "user-1"}

    def test_writes_nothing_in_a_store_that_is_only_read(self, filled: Path) -> None:
        index_of(filled).unlink()
        for options in ({"read_only": True}, {"read_only": True, "identity_url": None}):
            store = a_store(filled, **options)
            assert found_id(store, "label 1") == "user-1"
            close(store)
            assert not index_of(filled).exists()

    def test_writes_no_file_that_is_too_large_to_be_read(self, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(index_module, "LARGEST", len(json.dumps(index_entries(filled))) + 100)
        monkeypatch.setattr(Vault, "encrypt", lambda _vault, plain: plain * 100)
        before = texts(filled)
        store = a_store(filled)
        store.files.index.note("user-0", Entry(redacted(RECORDS[0]), "another", True))
        close(store)
        assert texts(filled) == before

    @pytest.mark.parametrize(("age", "is_kept"), [(3500, True), (3700, False)])
    def test_deletes_what_killed_runs_left_of_it(self, filled: Path, age: int, is_kept: bool) -> None:
        """Not what another run may be about to rename."""
        left = Layout(filled).temporary_for(index_of(filled))
        others = [Layout(filled).temporary("user-0"), Layout(filled).temporary_for(filled / "store.json")]
        for path in (left, *others):
            path.write_bytes(b"half")
            os.utime(path, (time.time() - age,) * 2)
        left.with_suffix(".link").symlink_to(others[0])
        close(fill(filled, a_record_of(1, generation=2)))
        assert left.exists() is is_kept
        assert all(path.exists() for path in others)
        assert left.with_suffix(".link").is_symlink()

    def test_may_lose_its_file_to_another_run(self, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run that was suspended for an hour."""
        before = index_of(filled).read_bytes()
        monkeypatch.setattr(index_module, "create", lambda _path, _content: None)
        close(fill(filled, a_record_of(1, generation=2)))
        assert index_of(filled).read_bytes() == before
        assert cached(filled) == redacted(RECORDS[0])


class TestExchangedNames:
    """Another process exchanges the names of two accounts in the index."""

    def exchanged(self, filled: Path) -> dict[str, Any]:
        entries = index_entries(filled)
        first, second = (entries[f"user-{number}"]["record"]["account"] for number in range(2))
        for key in ("name", "user_name"):
            first[key], second[key] = second[key], first[key]
        return entries

    def test_are_not_believed_without_the_vault_secret(self, filled: Path) -> None:
        entries = self.exchanged(filled)
        plain, other = json.dumps(entries).encode(), Vault([("default", ANOTHER)])
        for content in (plain, zlib.compress(plain), other.encrypt(zlib.compress(plain))):
            index_of(filled).write_bytes(content)
            finder = RecordFinder(a_store(filled, read_only=True))
            for name in ("label 0", "Robot0"):
                found = finder.find(name)
                assert found
                assert found.account.user_id == "user-0"

    def test_never_lead_to_the_other_account(self, filled: Path) -> None:
        """Not even if the index is encrypted with the vault password: the names in a record decide."""
        write_index(filled, self.exchanged(filled))
        for name in ("label 0", "Robot0"):
            store = a_store(filled)
            assert found_id(store, name) == "user-1"
            with pytest.raises(StoreError, match="listing is out of date"):
                RecordFinder(store).find(name)
        named = [
            RotationRequest(Account(URL, user_id, None, name))
            for user_id, name in (("user-1", "Robot0"), ("user-0", "Robot1"))
        ]
        store = a_store(filled)
        assert recorded_ids(named, SettledPlans(store)) == {}
