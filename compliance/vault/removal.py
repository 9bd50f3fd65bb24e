"""Removing ciphertext, as the second step after its key: every version, and then the store is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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


def _mark_deleted(sealed: SealedObject) -> None:
    sealed.deleted_at = sealed.deleted_at or timezone.now()
    sealed.inline, sealed.wrapped_dek = None, b""
    with admission.within(sealed.organisation_id):
        sealed.save(update_fields=["deleted_at", "inline", "wrapped_dek"])


def _answer(length: int | None) -> str:
    return "absent" if length is None else f"present {length} bytes"
