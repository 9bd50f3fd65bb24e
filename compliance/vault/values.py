"""Small sealed values that lie in database columns and in the log.

    format 1 = 0x01 | salt 24 | ciphertext | tag 16

Key and nonce of each value are 44 bytes of HKDF-Expand-SHA-512 over the scope's wrapping key with the value's context
and salt, so one wrapping key can seal any number of values (a random 96-bit nonce under one key is worn out after
2**32).
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from compliance.vault.errors import Unreadable

_LABEL = b"callwarden/value/v1\x00"
_FORMAT = b"\x01"
_SALT, _TAG = 24, 16
OVERHEAD = len(_FORMAT) + _SALT + _TAG


@dataclass(frozen=True, repr=False)
class ValueKey:
    """Seals and opens the values of one scope.

    `label` names the place of a value ("table.column/row id") and must be the same to open it.
    """

    key: bytes
    organisation_id: UUID
    kind: int
    scope_id: UUID
    _place: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        place = self.organisation_id.bytes + self.kind.to_bytes(1, "big") + self.scope_id.bytes
        object.__setattr__(self, "_place", _LABEL + place)

    def seal(self, label: str, plaintext: bytes, *, salt: bytes | None = None) -> bytes:
        """Seal one value; `salt` is given by golden vectors only."""
        salt = os.urandom(_SALT) if salt is None else salt
        material = self._material(label, salt)
        return _FORMAT + salt + AESGCM(material[:32]).encrypt(material[32:44], plaintext, None)

    def open(self, label: str, sealed: bytes) -> bytes:
        """Open one value. Raises Unreadable where anything differs: bytes, label, scope or organisation."""
        if len(sealed) < OVERHEAD or sealed[:1] != _FORMAT:
            raise Unreadable.because("value format")
        material = self._material(label, sealed[1 : 1 + _SALT])
        try:
            return AESGCM(material[:32]).decrypt(material[32:44], sealed[1 + _SALT :], None)
        except InvalidTag:
            raise Unreadable.because("value tag") from None

    def _material(self, label: str, salt: bytes) -> bytes:
        # HKDF-Expand's first block is one HMAC over info and a counter byte; the one-shot call saves most of its cost.
        name = label.encode()
        return hmac.digest(self.key, self._place + len(name).to_bytes(2, "big") + name + salt + b"\x01", "sha512")

    def __repr__(self) -> str:
        return "ValueKey(…)"
