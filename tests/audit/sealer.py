"""A sealer that keeps its keys in memory: what the log's own tests use in place of the vault."""

import os
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit import sealing

_NAMES = UUID("5b3f62a0-2a70-4b0e-9f7e-0d2a3b1c4d5e")


class MemorySealer:
    """Keys come from a seed, so that another process (a killed and restarted sequencer) opens what this one sealed."""

    def __init__(self, seed: bytes = b"\x07" * 32, today: date | None = None) -> None:
        self.seed = seed
        self.today = today
        self.destroyed: set[UUID] = set()
        self.is_available = True
        self._keys: dict[UUID, AESGCM] = {}
        self._names: dict[object, UUID] = {}

    def seal_inbox(self, *, entry_id: UUID, plaintext: bytes) -> sealing.Sealed:
        day = self.today or datetime.now(UTC).date()
        return self._seal(self._id("inbox", day), entry_id.bytes, plaintext)

    def open_inbox(self, *, key_id: UUID, entry_id: UUID, data: bytes) -> bytes:
        return self._open(key_id, entry_id.bytes, data)

    def seal_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, entry_id: UUID, name: str, plaintext: bytes
    ) -> sealing.Sealed:
        return self._seal(self._id(organisation_id, subject_id), entry_id.bytes + name.encode(), plaintext)

    def open_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, key_id: UUID, entry_id: UUID, name: str, data: bytes
    ) -> bytes:
        return self._open(key_id, entry_id.bytes + name.encode(), data)

    def destroy_inbox_keys(self, *, before: date) -> int:
        gone = {self._id("inbox", date.fromordinal(before.toordinal() - n)) for n in range(1, 31)} - self.destroyed
        self.destroyed |= gone
        return len(gone)

    def destroy_subject(self, organisation_id: UUID, subject_id: UUID) -> None:
        """What the vault does when a person is erased."""
        self.destroyed.add(self._id(organisation_id, subject_id))

    def _id(self, owner: object, what: object) -> UUID:
        if (owner, what) not in self._names:
            self._names[owner, what] = uuid5(_NAMES, f"{owner}/{what}")
        return self._names[owner, what]

    def _key(self, key_id: UUID) -> AESGCM:
        if not self.is_available:
            raise sealing.SealerUnavailable("the key store does not answer")
        if key_id in self.destroyed:
            raise sealing.Destroyed(str(key_id))
        if key_id not in self._keys:
            self._keys[key_id] = AESGCM(bytes(a ^ b for a, b in zip(self.seed, key_id.bytes * 2, strict=True)))
        return self._keys[key_id]

    def _seal(self, key_id: UUID, bound: bytes, plaintext: bytes) -> sealing.Sealed:
        nonce = os.urandom(12)
        return sealing.Sealed(key_id, nonce + self._key(key_id).encrypt(nonce, plaintext, bound))

    def _open(self, key_id: UUID, bound: bytes, data: bytes) -> bytes:
        try:
            return self._key(key_id).decrypt(data[:12], data[12:], bound)
        except (InvalidTag, ValueError) as error:
            raise sealing.Unreadable(str(key_id)) from error
