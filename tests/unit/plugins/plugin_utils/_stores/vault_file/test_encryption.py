# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.parsing.vault import VaultAES256, VaultLib, VaultSecret
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError
from ansible_collections.rpaops.uipath.plugins.plugin_utils._stores.vault_file.encryption import CannotDecrypt, Vault

ONE = ("one", VaultSecret(b"the first vault password"))
TWO = ("two", VaultSecret(b"the second vault password"))
PLAIN = "p\u00e4ssword: x\n".encode()


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collect the salts of all key derivations."""
    salts: list[bytes] = []
    derive = VaultAES256._create_key_cryptography

    def counted(password: bytes, salt: bytes, *lengths: int) -> bytes:
        salts.append(salt)
        return bytes(derive(password, salt, *lengths))

    monkeypatch.setattr(VaultAES256, "_create_key_cryptography", staticmethod(counted))
    return salts


class TestEncrypt:
    @pytest.mark.parametrize("secret", [ONE, ("default", ONE[1])])
    def test_is_what_ansible_reads(self, secret: tuple[str, VaultSecret]) -> None:
        assert VaultLib([secret]).decrypt(Vault([secret]).encrypt(PLAIN)) == PLAIN

    def test_names_its_vault_id(self) -> None:
        assert Vault([ONE]).encrypt(PLAIN).startswith(b"$ANSIBLE_VAULT;1.2;AES256;one\n")

    def test_has_a_salt_of_its_own_whatever_the_settings_say(
        self, monkeypatch: pytest.MonkeyPatch, derivations: list[bytes]
    ) -> None:
        monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_SALT", "the same for all")
        vault = Vault([ONE])
        assert vault.encrypt(PLAIN) != vault.encrypt(PLAIN)
        assert len(set(derivations)) == 2

    def test_is_read_again_without_another_derivation(self, derivations: list[bytes]) -> None:
        vault = Vault([ONE])
        assert vault.decrypt(vault.encrypt(PLAIN)) == PLAIN
        assert len(derivations) == 1


class TestDecrypt:
    def test_reads_what_ansible_writes_with_one_derivation(self, derivations: list[bytes]) -> None:
        text = VaultLib([TWO]).encrypt(PLAIN, secret=TWO[1], vault_id="two")
        derivations.clear()
        vault = Vault([ONE, TWO], "one")
        assert [vault.decrypt(text), vault.decrypt(text)] == [PLAIN, PLAIN]
        assert len(derivations) == 1

    def test_tries_all_secrets(self) -> None:
        text = VaultLib([TWO]).encrypt(PLAIN, secret=TWO[1], vault_id="another name")
        assert Vault([ONE, TWO], "one").decrypt(text) == PLAIN

    @pytest.mark.parametrize("cut", [0, 1, 10, 30, 100, 200])
    def test_refuses_what_is_cut_short(self, cut: int) -> None:
        with pytest.raises(CannotDecrypt):
            Vault([ONE]).decrypt(Vault([ONE]).encrypt(PLAIN)[:cut])

    @pytest.mark.parametrize("text", [b"a: b", b"$ANSIBLE_VAULT", b"$ANSIBLE_VAULT;1.1;AES\n00", b"\xff\xfe"])
    def test_refuses_what_is_none(self, text: bytes) -> None:
        with pytest.raises(CannotDecrypt):
            Vault([ONE]).decrypt(text)

    def test_refuses_what_was_changed(self) -> None:
        text = Vault([ONE]).encrypt(PLAIN)
        with pytest.raises(CannotDecrypt):
            Vault([ONE]).decrypt(text[:-3] + (b"30\n" if text[-3:-1] != b"30" else b"31\n"))

    def test_refuses_what_another_secret_encrypted(self) -> None:
        with pytest.raises(CannotDecrypt):
            Vault([ONE]).decrypt(Vault([TWO]).encrypt(PLAIN))


class TestChoice:
    def test_needs_a_secret(self) -> None:
        with pytest.raises(
            StoreError, match=r"No vault password was given, .* --vault-password-file, --ask-vault-pass or --vault-id"
        ):
            Vault([])

    def test_among_several_needs_a_name(self) -> None:
        with pytest.raises(StoreError, match=r"Several vault passwords were given \(ids: one, two\)"):
            Vault([ONE, TWO])

    def test_among_several_of_one_name_needs_names(self) -> None:
        with pytest.raises(
            StoreError, match=r"Several vault passwords were given, all with the id one; .* --vault-id ID@"
        ):
            Vault([ONE, ("one", TWO[1])])

    def test_of_one_secret_under_two_names_is_none(self) -> None:
        assert b";one\n" in Vault([ONE, ("two", VaultSecret(ONE[1].bytes))]).encrypt(PLAIN)

    def test_by_vault_id(self) -> None:
        assert b";two\n" in Vault([ONE, TWO], "two").encrypt(PLAIN)

    def test_by_ansible_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANSIBLE_VAULT_ENCRYPT_IDENTITY", "two")
        assert b";two\n" in Vault([ONE, TWO]).encrypt(PLAIN)
        assert b";one\n" in Vault([ONE, TWO], "one").encrypt(PLAIN)

    def test_of_one_name_for_two_secrets_is_refused(self) -> None:
        with pytest.raises(StoreError, match="Several vault passwords were given for the vault id 'one'"):
            Vault([ONE, ("one", TWO[1])], "one")

    def test_of_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(StoreError, match="for the vault id 'three', only for: one, two"):
            Vault([ONE, TWO], "three")
