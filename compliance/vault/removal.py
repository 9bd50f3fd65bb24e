"""Removing ciphertext, as the second step after its key: every version, and then the store is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from compliance.errors import Unavailable
from compliance.vault import admission, blobs
from compliance.vault.models import SealedObject

ROW = "row"


@dataclass(frozen=True)
class Proof:
    """What a store answered when it was asked for an object: `place` and `key` say where, `answer` is "absent" or
    "present N bytes".
    """

    place: str
    key: str
    answer: str
    checked_at: datetime

    @property
    def absent(self) -> bool:
        """Whether the object is proven gone from this place."""
        return self.answer == "absent"


def prove_absent(sealed: SealedObject) -> Proof:
    """Ask where the bytes lie or lay. A store that cannot be reached proves nothing: Unavailable."""
    if not sealed.store_key:
        return Proof(
            ROW, str(sealed.id), _answer(None if sealed.inline is None else len(sealed.inline)), timezone.now()
        )
    store = blobs.store()
    length = store.length(sealed.store_key)
    if length is None and not store.is_there():
        raise Unavailable("The store of recordings does not answer", code="store_unavailable")
    return Proof(store.place, sealed.store_key, _answer(length), timezone.now())


def delete_bytes(sealed: SealedObject) -> Proof:
    """Delete the ciphertext and its wrapped data key, and prove it.

    Idempotent: a second call proves again, the first time of deletion stays.

    Outside or inside a transaction; what the store has deleted does not come back with a rollback.
    """
    if sealed.store_key:
        blobs.store().delete(sealed.store_key)
    else:
        sealed.inline = None
    proof = prove_absent(sealed)
    if proof.absent:
        _mark_deleted(sealed)
    return proof


def delete_many(objects: Sequence[SealedObject]) -> dict[UUID, Proof]:
    """The same for many objects of one organisation: the store is told in bulk, and asked for each one."""
    store = blobs.store()
    keys = [sealed.store_key for sealed in objects if sealed.store_key]
    refused = store.delete_many(keys) if keys else {}
    lengths = store.lengths(keys) if keys else {}
    if keys and not store.is_there():
        raise Unavailable("The store of recordings does not answer", code="store_unavailable")
    now, proofs = timezone.now(), dict[UUID, Proof]()
    for sealed in objects:
        key = sealed.store_key
        if not key:
            proofs[sealed.id] = Proof(ROW, str(sealed.id), _answer(None), now)
        else:
            answer = f"refused {refused[key]}" if key in refused else _answer(lengths[key])
            proofs[sealed.id] = Proof(store.place, key, answer, now)
    _mark_many([sealed for sealed in objects if proofs[sealed.id].absent], now)
    return proofs


def _mark_many(objects: Sequence[SealedObject], now: datetime) -> None:
    """In one statement; rows that were marked before keep their first time."""
    if not objects:
        return
    organisation_id = objects[0].organisation_id
    with admission.within(organisation_id):
        rows = SealedObject.objects.for_organisation(organisation_id).filter(id__in=[sealed.id for sealed in objects])
        rows.update(deleted_at=Coalesce("deleted_at", Value(now)), inline=None, wrapped_dek=b"")


def _mark_deleted(sealed: SealedObject) -> None:
    sealed.deleted_at = sealed.deleted_at or timezone.now()
    sealed.inline, sealed.wrapped_dek = None, b""
    with admission.within(sealed.organisation_id):
        sealed.save(update_fields=["deleted_at", "inline", "wrapped_dek"])


def _answer(length: int | None) -> str:
    return "absent" if length is None else f"present {length} bytes"
