"""Sealing of objects, in two halves: the slow one streams bytes and needs no transaction, the quick one writes the
row.

Order: keys (committed in their own database) → ciphertext to the store → the store is asked for its length → row.
What stops in between leaves ciphertext whose data key exists nowhere, never a row without its bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from accounts import rows
from audit.ids import uuid7
from compliance.errors import Invalid, Unavailable
from compliance.vault import admission, blobs, envelope, hierarchy
from compliance.vault.errors import KeyDestroyed
from compliance.vault.hierarchy import DataKeyPlace, KeyName
from compliance.vault.keycache import Material
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject
from compliance.vault.scopes import ObjectKind, Scope
from compliance.vault.streams import Measured, MeasuredPieces, Source

INLINE_LIMIT = 4 * 1024 * 1024
"""Bytes of plaintext that may lie in a row."""


@dataclass(frozen=True)
class Wanted:
    """What is to be sealed, but for its bytes."""

    organisation_id: UUID
    scope: Scope
    kind: ObjectKind
    media_type: str
    version: int
    object_id: UUID | None = None
    """An object that gets other bytes under another data key (`resealing`); else a new one."""


@dataclass(frozen=True, repr=False)
class Staged:
    """A sealed object whose row is not written yet.

    `sha256` and `sha512` are of the plaintext, hex, the latter "" where it was not asked for; `size` is in bytes.
    """

    id: UUID
    wanted: Wanted
    store_key: str
    inline: bytes | None
    header: bytes
    size: int
    length: int
    wrapped_dek: bytes
    sha256: str
    sha512: str
    ciphertext_sha256: str

    def __repr__(self) -> str:
        return f"Staged({self.id}, {self.size} bytes)"


def stage(wanted: Wanted, source: Source, *, with_sha512: bool = False) -> Staged:
    """Seal to the store and prove by HEAD that it lies there whole.

    What the source raises passes through; nothing stays then.
    """
    work = _Work(wanted)
    store, key = blobs.store(), f"{wanted.organisation_id}/{uuid4()}"
    with (
        closing(Measured(source, with_sha512=with_sha512)) as plain,
        closing(MeasuredPieces(work.sealing.pieces(plain.read_into))) as pieces,
    ):
        store.write(key, pieces)
        if store.length(key) != pieces.length:
            store.delete(key)
            raise Unavailable("The store has not kept what it was given", code="store_unavailable")
        return work.staged(plain, pieces, store_key=key)


def put_inline(wanted: Wanted, plaintext: bytes) -> SealedObject:
    """Seal into the row, in the caller's transaction. Raises Invalid above `INLINE_LIMIT`."""
    if len(plaintext) > INLINE_LIMIT:
        raise Invalid("Too large to be kept in a row", code="too_large")
    _require_transaction()
    with admission.within(wanted.organisation_id):
        return _insert(stage_inline(wanted, plaintext))


def stage_inline(wanted: Wanted, plaintext: bytes) -> Staged:
    """Seal what will lie in a row."""
    with admission.within(wanted.organisation_id):
        work = _Work(wanted, admission.admit_locked)
        plain = Measured(plaintext)
        pieces = MeasuredPieces(work.sealing.pieces(plain.read_into, size=len(plaintext)))
        ciphertext = b"".join(bytes(piece) for piece in pieces)
        return work.staged(plain, pieces, inline=ciphertext)


def record(staged: Staged) -> SealedObject:
    """Write the row, in the caller's transaction.

    Raises KeyDestroyed where the scope was ended meanwhile, and takes the bytes back.
    """
    _require_transaction()
    wanted = staged.wanted
    names = admission.names_of(wanted.scope)
    with admission.within(wanted.organisation_id):
        admission.lock(names, shared=True)
        try:
            admission.admit(wanted.organisation_id, names)
        except KeyDestroyed:
            abandon(staged)
            raise
        return _insert(staged)


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a sealed object is recorded inside the transaction that needs it")


def abandon(staged: Staged) -> None:
    """Take back the bytes of something that will not be recorded."""
    if staged.store_key:
        blobs.store().delete(staged.store_key)


def wrapping_key(organisation_id: UUID, scope: Scope, opened: dict[KeyName, Material]) -> bytes:
    """The key that wraps a scope's data keys, from its opened keys."""
    own, *principals = admission.names_of(scope)
    subjects = {name.scope_id: opened[name].key for name in principals}
    return hierarchy.wrapping_key(opened[own].key, subjects, organisation_id=organisation_id, scope_id=scope.id)


class _Work:
    """One object being sealed: its id, data key and wrapping key."""

    def __init__(self, wanted: Wanted, admit: Callable[[UUID, list[KeyName]], None] = admission.admit) -> None:
        names = admission.names_of(wanted.scope)
        admit(wanted.organisation_id, names)
        self._wrapping_key = wrapping_key(
            wanted.organisation_id, wanted.scope, custody.load(wanted.organisation_id, names)
        )
        self._data_key = hierarchy.new_key()
        self._wanted = wanted
        self.id = wanted.object_id or uuid7()
        context = envelope.object_context(
            organisation_id=wanted.organisation_id,
            scope_id=wanted.scope.id,
            object_id=self.id,
            kind=wanted.kind,
            version=wanted.version,
        )
        self.sealing = envelope.Sealing(self._data_key, context)

    def staged(
        self, plain: Measured, pieces: MeasuredPieces, *, store_key: str = "", inline: bytes | None = None
    ) -> Staged:
        wanted = self._wanted
        place = DataKeyPlace(
            organisation_id=wanted.organisation_id,
            scope_id=wanted.scope.id,
            object_id=self.id,
            kind=wanted.kind,
            version=wanted.version,
            size=plain.size,
            length=pieces.length,
            header=self.sealing.header,
        )
        return Staged(
            id=self.id,
            wanted=wanted,
            store_key=store_key,
            inline=inline,
            header=self.sealing.header,
            size=plain.size,
            length=pieces.length,
            wrapped_dek=hierarchy.wrap_data_key(self._wrapping_key, place, self._data_key),
            sha256=plain.sha256,
            sha512=plain.sha512,
            ciphertext_sha256=pieces.sha256,
        )


def _insert(staged: Staged) -> SealedObject:
    columns: Any = _columns(staged)
    row = SealedObject(**columns)
    rows.insert(row)
    return row


def _columns(staged: Staged) -> dict[str, object]:
    wanted = staged.wanted
    return {
        "id": staged.id,
        "organisation_id": wanted.organisation_id,
        "scope_kind": int(wanted.scope.kind),
        "scope_id": wanted.scope.id,
        "principals": list(wanted.scope.principals),
        "kind": int(wanted.kind),
        "version": wanted.version,
        "store_key": staged.store_key,
        "inline": staged.inline,
        "header": staged.header,
        "size": staged.size,
        "ciphertext_length": staged.length,
        "wrapped_dek": staged.wrapped_dek,
        "media_type": wanted.media_type,
        "sha256": staged.sha256,
        "sha512": staged.sha512,
        "ciphertext_sha256": staged.ciphertext_sha256,
    }
