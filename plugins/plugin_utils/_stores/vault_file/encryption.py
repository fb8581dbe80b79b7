# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible Vault format, as `ansible-vault` writes it, with the vault passwords of the run.

The format, the cipher and the key derivation are ansible-core's. This module replaces `VaultLib` for two reasons: the
salt, and the number of key derivations, which take nearly all the time of a store.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.vault import (
    VaultAES256,
    VaultSecret,
    format_vaulttext_envelope,
    is_encrypted,
    parse_vaulttext_envelope,
)
from ansible_collections.rpaops.uipath.plugins.plugin_utils._rotation.store import StoreError

CIPHER = "AES256"
SALT_BYTES = 32


class CannotDecrypt(Exception):
    """The text is truncated, changed or not in Ansible Vault format, or none of the secrets decrypts it."""


class NotEncrypted(CannotDecrypt):
    """The text is not in Ansible Vault format, so that no secret could decrypt it."""


class RememberingCipher(VaultAES256):  # type: ignore[misc, unused-ignore]
    """The cipher with a cache of derived keys, as in ansible-core 2.19 and later.

    A record that was just written is read back, and one that was read to plan is read again under its lock, both
    without another derivation. A derivation takes about 4 ms, a cached key half a kilobyte.
    """

    @classmethod
    @functools.cache
    def _gen_key_initctr(cls, b_password: bytes, b_salt: bytes) -> tuple[bytes, bytes, bytes]:
        keys: tuple[bytes, bytes, bytes] = super()._gen_key_initctr(b_password, b_salt)
        return keys


class Vault:
    def __init__(
        self, secrets: Sequence[tuple[str, VaultSecret]], vault_id: str | None = None, *, encrypts: bool = True
    ) -> None:
        """Choose the secret to encrypt with, or raise StoreError. All secrets are tried to decrypt."""
        self._secrets = tuple(secrets)
        self._vault_id, self._secret = chosen_secret(self._secrets, vault_id) if encrypts else first(self._secrets)
        own = [(self._vault_id, self._secret)] if encrypts else self._secrets
        self._own = [secret for _vault_id, secret in own]
        self.has_several = len({secret.bytes for _vault_id, secret in self._secrets}) > 1
        self.own_ids = known_ids(own)
        self.ids = known_ids(self._secrets)
        self.has_others = any(secret.bytes != self._secret.bytes for _vault_id, secret in self._secrets if encrypts)

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt with a new salt.

        Key and counter are derived from the salt, so two texts with the same salt reveal each other. That is why
        `VAULT_ENCRYPT_SALT`, which sets one salt for all texts, is ignored.
        """
        encrypted = RememberingCipher.encrypt(plain, self._secret, salt=os.urandom(SALT_BYTES))
        return bytes(format_vaulttext_envelope(encrypted, CIPHER, vault_id=self._vault_id))

    def decrypt(self, text: bytes) -> bytes:
        """Try the secret that the text names first, then the others: `ansible-vault rekey` may leave another name."""
        body, label = enveloped(text)
        return decrypted(body, [secret for _id, secret in sorted(self._secrets, key=lambda pair: pair[0] != label)])

    def decrypt_own(self, text: bytes) -> bytes:
        """Try only the secret that encrypts. In a store that is only read, any secret counts."""
        return decrypted(enveloped(text)[0], self._own)

    def is_own(self, text: bytes) -> bool:
        """Tell whether the secret that encrypts decrypts the text. In a store that is only read, any secret counts."""
        try:
            self.decrypt_own(text)
        except CannotDecrypt:
            return False
        return True


def enveloped(text: bytes) -> tuple[bytes, str]:
    """Return the encrypted body of a text and the vault id that it names, or raise NotEncrypted."""
    if not is_encrypted(text):
        raise NotEncrypted
    try:
        body, _version, cipher, label = parse_vaulttext_envelope(text)
    except AnsibleError as error:
        raise NotEncrypted from error
    if cipher != CIPHER:
        raise NotEncrypted
    return body, label


def decrypted(body: bytes, secrets: Iterable[VaultSecret]) -> bytes:
    for secret in secrets:
        try:
            return bytes(RememberingCipher.decrypt(body, secret))
        except AnsibleError:
            continue
    raise CannotDecrypt


def chosen_secret(secrets: Sequence[tuple[str, VaultSecret]], vault_id: str | None) -> tuple[str, VaultSecret]:
    """Return the secret to encrypt with: that of `vault_id`, else that of Ansible's setting, else the only one."""
    first(secrets)
    wanted = vault_id or constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
    if not wanted and len({secret.bytes for _vault_id, secret in secrets}) > 1:
        raise StoreError(without_vault_id(secrets))
    fitting = [(known, secret) for known, secret in secrets if known == wanted or not wanted]
    if wanted and len({secret.bytes for _vault_id, secret in fitting}) > 1:
        raise StoreError(
            f"Several vault passwords were given for the vault id '{wanted}'. Give only the one that encrypts the"
            " records, and others under other ids. Nothing was changed."
        )
    if fitting:
        return fitting[0]
    raise StoreError(
        f"No vault password was given for the vault id '{wanted}', only for: {known_ids(secrets)}. Nothing was changed."
    )


def without_vault_id(secrets: Sequence[tuple[str, VaultSecret]]) -> str:
    """Return the message if nothing says which of several secrets encrypts."""
    ids = known_ids(secrets)
    if len({vault_id for vault_id, _secret in secrets}) == 1:
        return (
            f"Several vault passwords were given, all with the id {ids}; one may come from ansible.cfg or the"
            " environment. Give only the one that encrypts the records, or give each its own id with --vault-id"
            " ID@FILE, and set vault_id to that of the records. Nothing was changed."
        )
    return (
        f"Several vault passwords were given (ids: {ids}). Set vault_id to the one that encrypts the"
        " records; use --vault-id to give a secret an id. Nothing was changed."
    )


def first(secrets: Sequence[tuple[str, VaultSecret]]) -> tuple[str, VaultSecret]:
    if not secrets:
        raise StoreError(
            "No vault password was given, and the records are encrypted with Ansible Vault. Run with"
            " --vault-password-file, --ask-vault-pass or --vault-id. Nothing was changed."
        )
    return secrets[0]


def known_ids(secrets: Sequence[tuple[str, VaultSecret]]) -> str:
    return ", ".join(dict.fromkeys(str(vault_id) for vault_id, _secret in secrets))
