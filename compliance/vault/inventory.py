"""The vault's second door: what the store holds and what the rows say, side by side, for reconciliation.

What can go wrong: a comparison that reads half a list and takes the rest for lost. So both sides come in the same
order, from any key on, and a store that stops answering is Unavailable and never an end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import Collate

from compliance.errors import Unavailable
from compliance.vault import admission, blobs, envelope, opening
from compliance.vault.errors import KeyDestroyed, Unreadable
from compliance.vault.items import Item, Registered, Unfinished
from compliance.vault.models import SealedObject, Tombstone

_READ = 256 * 1024
_LISTED = ("store_key", "id", "ciphertext_length", "created_at", "deleted_at")


class Verdict(StrEnum):
    """What reading an object whole found."""

    WHOLE = "whole"  # the registered hash, and every chunk authentic
    HASH_ONLY = "hash_only"  # the registered hash; its key is destroyed, so nothing can be opened
    ABSENT = "absent"
    SIZE = "size"
    HASH = "hash"
    WRONG_KEY = "wrong_key"  # another object's header, or its own row does not open it


@dataclass(frozen=True, slots=True)
class Read:
    """A verdict, and how many bytes of the store were read for it."""

    verdict: Verdict
    size: int


def prefix_of(organisation_id: UUID) -> str:
    """What every object key of an organisation begins with."""
    return f"{organisation_id}/"


def tombstone_prefix_of(organisation_id: UUID) -> str:
    """What the keys of an organisation's tombstone copies begin with."""
    return f"tombstones/{organisation_id}/"


def stored(prefix: str, after: str = "") -> Iterator[Item]:
    """What lies in the store under `prefix` behind `after`, in key order. Raises Unavailable while iterating."""
    return blobs.store().inventory(prefix, after)


def unfinished(organisation_id: UUID) -> Iterator[Unfinished]:
    """What was staged for this organisation and never got its name. Raises Unavailable while iterating."""
    return blobs.store().unfinished(prefix_of(organisation_id))


def registered(organisation_id: UUID, after: str, limit: int) -> list[Registered]:
    """The next rows with a key behind `after`, in key order, deleted ones included. In the organisation's scope."""
    rows = _in_store(organisation_id).alias(place=Collate("store_key", "C")).filter(place__gt=after)
    return [Registered(*values) for values in rows.order_by("place").values_list(*_LISTED)[:limit]]


def registered_under(organisation_id: UUID, keys: Sequence[str]) -> dict[str, Registered]:
    """The rows of these keys. In the organisation's scope."""
    rows = _in_store(organisation_id).filter(store_key__in=keys)
    return {values[0]: Registered(*values) for values in rows.values_list(*_LISTED)}


def totals(organisation_id: UUID) -> tuple[int, int]:
    """(objects, bytes) that should lie in the store. In the organisation's scope."""
    rows = _in_store(organisation_id).filter(deleted_at=None)
    return rows.count(), rows.aggregate(total=Sum("ciphertext_length"))["total"] or 0


def tombstones(organisation_id: UUID, after: str, limit: int) -> list[Registered]:
    """The next tombstones whose copy was written, by the copy's key. In the organisation's scope."""
    prefix = tombstone_prefix_of(organisation_id)
    rows = Tombstone.objects.for_organisation(organisation_id).exclude(stored_at=None)
    if after.startswith(prefix):
        rows = rows.filter(key_id__gt=UUID(after.removeprefix(prefix)))
    found = rows.order_by("key_id").values_list("key_id", "id", "stored_at")[:limit]
    return [Registered(f"{prefix}{key_id}", id_, 0, stored_at, None) for key_id, id_, stored_at in found if stored_at]


def known_tombstones(organisation_id: UUID, key_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these keys that have a tombstone, its copy confirmed or not. In the organisation's scope."""
    rows = Tombstone.objects.for_organisation(organisation_id).filter(key_id__in=key_ids)
    return set(rows.values_list("key_id", flat=True))


def read_whole(sealed: SealedObject) -> Read:
    """Read an object from end to end: its hash, and by opening every chunk where the keys live.

    In flat memory. The caller must not hold a transaction: a large object takes its time. Raises Unavailable,
    KmsUnavailable.
    """
    source = _source(sealed)
    if source is None:
        return Read(Verdict.ABSENT, 0)
    if source.total != sealed.ciphertext_length:
        source.close()
        return Read(Verdict.SIZE, 0)
    digest, count = hashlib.sha256(), 0

    def read_into(buffer: memoryview) -> int:
        nonlocal count
        taken = source.read_into(buffer)
        digest.update(buffer[:taken])
        count += taken
        return taken

    try:
        verdict = _opened(sealed, read_into)
        _read_on(read_into)
    finally:
        source.close()
    if count < sealed.ciphertext_length:  # it promised more: a fault of the store's, which says nothing of the object
        raise Unavailable("The store of recordings stopped short", code="store_unavailable")
    fits = digest.hexdigest() == sealed.ciphertext_sha256
    if verdict is Verdict.WHOLE or verdict is Verdict.HASH_ONLY:
        return Read(verdict if fits else Verdict.HASH, count)
    return Read(verdict, count)


def _source(sealed: SealedObject) -> blobs.Range | None:
    if not sealed.store_key:
        inline = bytes(sealed.inline or b"")
        return blobs.Range(envelope.reader(inline), len(inline), lambda: None) if inline else None
    store = blobs.store()
    try:
        return store.open(sealed.store_key, 0, sealed.ciphertext_length)
    except blobs.Missing:
        if not store.is_there():
            raise Unavailable("The store of recordings is not there", code="store_missing") from None
        return None


def _opened(sealed: SealedObject, read_into: envelope.ReadInto) -> Verdict:
    """Header against the row, then chunk by chunk where the keys live."""
    header = bytearray(envelope.HEADER)
    filled = 0
    while filled < len(header) and (taken := read_into(memoryview(header)[filled:])):
        filled += taken
    if bytes(header) != bytes(sealed.header):
        return Verdict.WRONG_KEY
    try:
        with admission.within(sealed.organisation_id):
            opener = opening.opener(sealed)
    except KeyDestroyed:
        return Verdict.HASH_ONLY
    except Unreadable:
        return Verdict.WRONG_KEY
    try:
        for _ in opener.pieces(0, opener.size, read_into):
            pass
    except Unreadable:
        return Verdict.HASH
    return Verdict.WHOLE


def _read_on(read_into: envelope.ReadInto) -> None:
    buffer = memoryview(bytearray(_READ))
    while read_into(buffer):
        pass


# --- repair ---------------------------------------------------------------------------------------


def versions_of(key: str) -> list[Item]:
    """All that lies under one key now. Raises Unavailable."""
    return blobs.store().versions(key)


def remove_versions(key: str, version_ids: Sequence[str]) -> list[Item]:
    """Remove these versions for good, then ask again: what is left under the key.

    Raises Unavailable, with the code `store_refused` where an object lock or a policy stands against it.
    """
    store = blobs.store()
    for version_id in version_ids:
        store.delete_version(key, version_id)
    return store.versions(key)


def end_unfinished(found: Unfinished) -> bool:
    """Withdraw what was never finished; whether it is proven gone. Raises Unavailable."""
    store = blobs.store()
    store.end_unfinished(found)
    return all((one.key, one.handle) != (found.key, found.handle) for one in store.unfinished(found.key))


def place() -> str:
    """What the store is called in reports."""
    return blobs.store().place


def _in_store(organisation_id: UUID) -> QuerySet[SealedObject]:
    return SealedObject.objects.for_organisation(organisation_id).exclude(store_key="")
