"""Keys under keys: how each is derived from or wrapped under the one above, as pure functions over bytes.

    key service -> organisation key -> {subject keys, scope key} -> wrapping key of a scope -> data key of one object

The wrapping key is never stored: it is derived from the scope's key and every principal's key, so destroying any one
of them makes everything under the scope unreadable. What is wrapped is bound to its place by additional data of fixed
width.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from compliance.vault.errors import Unreadable
from compliance.vault.scopes import ObjectKind, ScopeKind

KEY, NONCE, TAG = 32, 12, 16
WRAPPED = NONCE + KEY + TAG
_DATA_KEY_LABEL = b"cw-dek\x01"
_STORED_KEY_LABEL = b"cw-key\x01"
_WRAPPING_KEY_LABEL = b"kekc/v1"
_FINGERPRINT_LABEL = b"fingerprint/v1"
_SEARCH_LABEL = b"search/v1"


class KeyKind(IntEnum):
    """What a stored key is for. A scope's kind has the same number here."""

    ROOT = 0
    """The organisation key itself, wrapped by the key service; all others of the organisation are wrapped under it."""
    ORGANISATION = 1
    SUBJECT = 2
    CALL = 3
    DELIVERY = 4
    REQUEST = 5
    PROMPT = 6
    INBOX = 7
    EXPORT = 8
    LOCATION = 9


@dataclass(frozen=True, order=True)
class KeyName:
    """Names one stored key of an organisation."""

    kind: KeyKind
    scope_id: UUID

    @classmethod
    def of_scope(cls, kind: ScopeKind, scope_id: UUID) -> KeyName:
        """The name of a scope's own key."""
        return cls(KeyKind(int(kind)), scope_id)


def new_key() -> bytes:
    """256 bits from the operating system."""
    return os.urandom(KEY)


def wrapping_key(
    scope_key: bytes, subject_keys: Mapping[UUID, bytes], *, organisation_id: UUID, scope_id: UUID
) -> bytes:
    """The key under which a scope's data keys are wrapped: HKDF-SHA-512 over the scope's key and all principals' keys
    in the order of their ids.
    """
    material = scope_key + b"".join(subject_keys[subject_id] for subject_id in sorted(subject_keys))
    place = organisation_id.bytes + scope_id.bytes + len(subject_keys).to_bytes(4, "big")
    return HKDF(hashes.SHA512(), KEY, None, _WRAPPING_KEY_LABEL + place).derive(material)


def fingerprint_key(organisation_scope_key: bytes) -> bytes:
    """The key of keyed digests.

    It hangs on the organisation's scope key, not on the organisation key, so rotating that changes no digest.
    """
    return HKDFExpand(hashes.SHA256(), KEY, _FINGERPRINT_LABEL).derive(organisation_scope_key)


def search_key(organisation_scope_key: bytes) -> bytes:
    """The key of blind tokens (`vault.blinding`). It hangs where that of the keyed digests does, and for its reason."""
    return HKDFExpand(hashes.SHA256(), KEY, _SEARCH_LABEL).derive(organisation_scope_key)


def fingerprint(key: bytes, kind: str, normalised: str) -> bytes:
    """HMAC-SHA-256 over kind and value: equal values of one organisation can be found, nobody else can test a guess."""
    return hmac.digest(key, kind.encode("ascii") + b"\x00" + normalised.encode(), "sha256")


@dataclass(frozen=True)
class DataKeyPlace:
    """What a wrapped data key is bound to.

    Size and length are here so that a range needs no look at the object's end.
    """

    organisation_id: UUID
    scope_id: UUID
    object_id: UUID
    kind: ObjectKind
    version: int
    size: int
    length: int
    header: bytes

    def additional_data(self) -> bytes:
        """label 7 | organisation 16 | scope 16 | object 16 | kind 1 | version 4 | size 8 | ciphertext length 8 |
        SHA-256 of the header 32.
        """
        ids = self.organisation_id.bytes + self.scope_id.bytes + self.object_id.bytes
        numbers = int(self.kind).to_bytes(1, "big") + self.version.to_bytes(4, "big")
        lengths = self.size.to_bytes(8, "big") + self.length.to_bytes(8, "big")
        return _DATA_KEY_LABEL + ids + numbers + lengths + sha256(self.header).digest()


def wrap_data_key(key: bytes, place: DataKeyPlace, data_key: bytes, *, nonce: bytes | None = None) -> bytes:
    """nonce 12 | data key 32 | tag 16.

    Random nonces: a scope's wrapping key is used some hundred times, far from 2**32 (SP 800-38D).
    """
    return _wrap(key, place.additional_data(), data_key, nonce)


def unwrap_data_key(key: bytes, place: DataKeyPlace, wrapped: bytes) -> bytes:
    """The data key. Raises Unreadable where key, place or bytes are not those of the wrap."""
    return _unwrap(key, place.additional_data(), wrapped)


@dataclass(frozen=True)
class StoredKeyPlace:
    """What a stored key's wrap is bound to."""

    organisation_id: UUID
    row_id: UUID
    name: KeyName
    version: int

    def additional_data(self) -> bytes:
        """label 7 | organisation 16 | row 16 | kind 1 | scope 16 | version 4."""
        name = int(self.name.kind).to_bytes(1, "big") + self.name.scope_id.bytes
        return (
            _STORED_KEY_LABEL + self.organisation_id.bytes + self.row_id.bytes + name + self.version.to_bytes(4, "big")
        )


def wrap_stored_key(root: bytes, place: StoredKeyPlace, key: bytes, *, nonce: bytes | None = None) -> bytes:
    """nonce 12 | key 32 | tag 16, under a key derived for this row alone, so that no count of rows wears out the
    organisation key.
    """
    return _wrap(_row_key(root, place.row_id), place.additional_data(), key, nonce)


def unwrap_stored_key(root: bytes, place: StoredKeyPlace, wrapped: bytes) -> bytes:
    """The stored key. Raises Unreadable."""
    return _unwrap(_row_key(root, place.row_id), place.additional_data(), wrapped)


def _row_key(root: bytes, row_id: UUID) -> bytes:
    return HKDFExpand(hashes.SHA512(), KEY, b"wrap" + row_id.bytes).derive(root)


def _wrap(key: bytes, additional_data: bytes, secret: bytes, nonce: bytes | None) -> bytes:
    nonce = os.urandom(NONCE) if nonce is None else nonce
    return nonce + AESGCM(key).encrypt(nonce, secret, additional_data)


def _unwrap(key: bytes, additional_data: bytes, wrapped: bytes) -> bytes:
    if len(wrapped) != WRAPPED:
        raise Unreadable.because("wrap length")
    try:
        return AESGCM(key).decrypt(wrapped[:NONCE], wrapped[NONCE:], additional_data)
    except InvalidTag:
        raise Unreadable.because("wrap tag") from None
