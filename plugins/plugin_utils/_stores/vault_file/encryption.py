# Copyright (c) 2026, rpaops.uipath contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault, as `ansible-vault` writes it, with the secrets of the play.

The format, the ciphers and the key derivation are ansible-core's. What `VaultLib` does around them is done here,
because of two things: the salt, and the number of key derivations, which are nearly all the time that a store takes.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence

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
    """It is cut short, changed, or no Ansible Vault file, or none of the secrets is the one it was encrypted with."""


class RememberingCipher(VaultAES256):  # type: ignore[misc, unused-ignore]
    """The cipher, with the keys that it has derived once, as ansible-core itself keeps them from 2.19 on.

    What was just encrypted is decrypted for comparison, and what was read to plan is read again under the lock: both
    without another derivation. A derivation takes some 4 ms and half a kilobyte.
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
        """Choose the secret to encrypt with. All of them serve to decrypt. Raise a StoreError if there is no choice."""
        self._secrets = tuple(secrets)
        self._vault_id, self._secret = chosen_secret(self._secrets, vault_id) if encrypts else first(self._secrets)

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt under a salt of its own.

        Key and counter are derived from the salt, so two texts under one salt give each other away. That is why
        `VAULT_ENCRYPT_SALT`, which sets one for all, is not asked.
        """
        encrypted = RememberingCipher.encrypt(plain, self._secret, salt=os.urandom(SALT_BYTES))
        return bytes(format_vaulttext_envelope(encrypted, CIPHER, vault_id=self._vault_id))

    def decrypt(self, text: bytes) -> bytes:
        if not is_encrypted(text):
            raise CannotDecrypt
        try:
            body, _version, cipher, label = parse_vaulttext_envelope(text)
        except AnsibleError as error:
            raise CannotDecrypt from error
        if cipher != CIPHER:
            raise CannotDecrypt
        return self._decrypt(body, label)

    def _decrypt(self, body: bytes, label: str) -> bytes:
        """Try the secret that the text names first. `rekey` may have left another name: then the others."""
        for _vault_id, secret in sorted(self._secrets, key=lambda pair: pair[0] != label):
            try:
                return bytes(RememberingCipher.decrypt(body, secret))
            except AnsibleError:
                continue
        raise CannotDecrypt


def chosen_secret(secrets: Sequence[tuple[str, VaultSecret]], vault_id: str | None) -> tuple[str, VaultSecret]:
    """Return the secret to encrypt with: the one that is named, the one that Ansible's settings name, the only one."""
    first(secrets)
    wanted = vault_id or constants.config.get_config_value("DEFAULT_VAULT_ENCRYPT_IDENTITY")
    if not wanted and len({secret.bytes for _vault_id, secret in secrets}) > 1:
        raise StoreError(
            f"Several vault secrets were given (ids: {known_ids(secrets)}). Say in vault_id which one encrypts the"
            " records; secrets without an id of their own get one with --vault-id. Nothing was changed."
        )
    fitting = [(known, secret) for known, secret in secrets if known == wanted or not wanted]
    if wanted and len({secret.bytes for _vault_id, secret in fitting}) > 1:
        raise StoreError(
            f"Several vault secrets were given for the vault id '{wanted}'. Give only the one that encrypts the"
            " records, and others under other ids. Nothing was changed."
        )
    if fitting:
        return fitting[0]
    raise StoreError(
        f"No vault secret was given for the vault id '{wanted}', only for: {known_ids(secrets)}. Nothing was changed."
    )


def first(secrets: Sequence[tuple[str, VaultSecret]]) -> tuple[str, VaultSecret]:
    if not secrets:
        raise StoreError(
            "No vault secret was given, and the records are encrypted with Ansible Vault. Run with"
            " --vault-password-file, --ask-vault-pass or --vault-id. Nothing was changed."
        )
    return secrets[0]


def known_ids(secrets: Sequence[tuple[str, VaultSecret]]) -> str:
    return ", ".join(dict.fromkeys(str(vault_id) for vault_id, _secret in secrets))
