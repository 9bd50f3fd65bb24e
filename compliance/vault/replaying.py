"""After a restore: what was destroyed since the backup is destroyed again, by the tombstones of both places.

The store's copies are what a restored main database has forgotten, the main database's rows are what a restored store
has; either may be the older one. Each batch may run twice, and the vault opens only after the last one
(`marks.settle`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from accounts import routing
from compliance.vault import admission, blobs, destruction, tombstones
from compliance.vault.keystore import custody
from compliance.vault.models import Tombstone
from compliance.vault.scopes import Scope, ScopeKind

_READERS = 8


@dataclass(frozen=True)
class Replayed:
    """One batch: the scopes that are ended, how many of their tombstones the main database had forgotten, and how many
    keys had come back.
    """

    scopes: Sequence[Scope]
    learned: int
    keys: int


def replay(organisation_id: UUID, key_ids: set[UUID]) -> Iterator[Replayed]:
    """Every tombstone of an organisation; `key_ids` names those of the store."""
    blobs.store()  # made here, not by several threads at once
    is_known = organisation_id in routing.organisations()
    for batch in _batches(sorted(key_ids)):
        yield _learn(organisation_id, batch) if is_known else _destroy_unknown(organisation_id, batch)
    last: UUID | None = None
    while page := _page(organisation_id, last):
        _write_missing(page, key_ids)
        keys = destruction.repeat(organisation_id, page)
        yield Replayed([Scope(ScopeKind(row.scope_kind), row.scope_id) for row in page], 0, keys)
        last = page[-1].id


def _learn(organisation_id: UUID, key_ids: Sequence[UUID]) -> Replayed:
    """Make the rows of those copies that the main database does not know."""
    rows = Tombstone.objects.for_organisation(organisation_id)
    with admission.within(organisation_id):
        known = set(rows.filter(key_id__in=key_ids).values_list("key_id", flat=True))
    copies = _read(organisation_id, [key_id for key_id in key_ids if key_id not in known])
    names = {copy.name for copy in copies}
    if names:
        with admission.within(organisation_id):
            admission.lock(names, shared=False)
            Tombstone.objects.bulk_create(copies, ignore_conflicts=True)
            destruction.forget_use(organisation_id, names)
        for name in names:
            custody.evict(organisation_id, name)
    return Replayed([], len(copies), 0)


def _destroy_unknown(organisation_id: UUID, key_ids: Sequence[UUID]) -> Replayed:
    """The main database is older than the organisation: there is nowhere to note a tombstone, but keys can go."""
    names = [copy.name for copy in _read(organisation_id, key_ids)]
    return Replayed([], 0, custody.destroy(organisation_id, names))


def _read(organisation_id: UUID, key_ids: Sequence[UUID]) -> list[Tombstone]:
    """Several at once, because each waits for the store."""
    with ThreadPoolExecutor(max_workers=_READERS) as readers:
        return list(readers.map(partial(tombstones.read, organisation_id), key_ids))


def _write_missing(page: Sequence[Tombstone], key_ids: set[UUID]) -> None:
    """The store was restored as well, and has lost copies."""
    for row in page:
        if row.stored_at is not None and row.key_id not in key_ids:
            tombstones.write(row)


def _page(organisation_id: UUID, after: UUID | None) -> list[Tombstone]:
    with admission.within(organisation_id):
        rows = Tombstone.objects.for_organisation(organisation_id)
        rows = rows.filter(id__gt=after) if after else rows
        return list(rows.order_by("id")[: destruction.BATCH])


def _batches(key_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(key_ids), destruction.BATCH):
        yield key_ids[start : start + destruction.BATCH]
