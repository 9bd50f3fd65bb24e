"""How a key ends. Two databases and an object store cannot change together, so the order is what keeps the promise.

1. main database, in the transaction that decides: the tombstone. From its commit on nothing under the scope is opened
   by anyone.
2. object store: the tombstone's copy, before anything is lost, and the number of this destruction (`marks`), so that
   a restore of either database is noticed and can be put right.
3. key database: the row is deleted, that number is kept beside it, and the row is asked for again.
4. main database: the proof entry in the log, and `destroyed_at`.

Each step may run twice and none is skipped: whatever stops between two of them, the next run goes on from the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from compliance import jobs
from compliance.errors import NotFound, Unavailable
from compliance.vault import admission, blobs, events, marks, tombstones
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import KeyUse, Tombstone, scope_key
from compliance.vault.scopes import Scope, ScopeKind

ORPHAN_AGE = timedelta(hours=24)
SAFETY_NET = timedelta(minutes=2)
BATCH = 500
_WRITERS = 8
_RECENTLY = 5.0
"""Seconds. A database that was restored under a running process must not count on from its old number."""


@dataclass(frozen=True)
class Destroyed:
    """A key that is proven gone."""

    key_id: UUID
    destroyed_at: datetime
    scope_kind: ScopeKind
    scope_id: UUID
    entry_id: UUID


def begin(organisation_id: UUID, scopes: Sequence[Scope], *, ground: str, cause: UUID) -> list[Tombstone]:
    """Step 1, inside the transaction that decides. Idempotent; the first ground and cause stay.

    A scope's principals are not touched: a person's key ends by naming the person's own scope.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("destruction begins inside the transaction that decides it")
    names = {KeyName.of_scope(scope.kind, scope.id) for scope in scopes}
    with admission.within(organisation_id):
        admission.lock(names, shared=False)
        key_ids = _keys_in_use(organisation_id, names)
        known = {tombstone.name: tombstone for tombstone in _tombstones(organisation_id, names)}
        for name in sorted(names - known.keys()):
            known[name] = _new_tombstone(organisation_id, name, key_ids.get(name), ground=ground, cause=cause)
        forget_use(organisation_id, names)
        jobs.enqueue_on_commit(
            "vault.finish_destruction",
            organisation_id=organisation_id,
            object_id=cause,
            due_at=timezone.now() + SAFETY_NET,
        )
    for name in names:
        custody.evict(organisation_id, name)
    return [known[name] for name in sorted(names)]


def carry_out(organisation_id: UUID, scope: Scope) -> Destroyed:
    """Steps 2 to 4 for one scope, outside any transaction.

    Raises NotFound where step 1 was not committed; Unavailable, KmsUnavailable, RestoredDatabase.
    """
    name = KeyName.of_scope(scope.kind, scope.id)
    with admission.within(organisation_id):
        found = _tombstones(organisation_id, {name})
    if not found:
        raise NotFound()
    marks.refuse_restored(seconds=_RECENTLY)
    finish(organisation_id, found)
    with admission.within(organisation_id):
        return _destroyed(_tombstones(organisation_id, {name})[0])


def destroyed(organisation_id: UUID, scopes: Sequence[Scope]) -> list[Destroyed]:
    """Those of the scopes' own keys that are proven gone, oldest proof first. In a transaction of the organisation."""
    names = {KeyName.of_scope(scope.kind, scope.id) for scope in scopes}
    gone = [row for row in _tombstones(organisation_id, names) if row.destroyed_at and row.proof_entry]
    return sorted((_destroyed(row) for row in gone), key=lambda one: (one.destroyed_at, one.key_id))


def _destroyed(row: Tombstone) -> Destroyed:
    if row.destroyed_at is None or row.proof_entry is None:
        raise Unavailable("The key is not yet proven destroyed")
    return Destroyed(row.key_id, row.destroyed_at, ScopeKind(row.scope_kind), row.scope_id, row.proof_entry)


def resume(organisation_id: UUID, *, cause: UUID | None = None, limit: int = BATCH) -> int:
    """Finish what was begun, oldest first; how many tombstones were worked on."""
    with admission.within(organisation_id):
        open_ones = Tombstone.objects.for_organisation(organisation_id).filter(destroyed_at=None)
        if cause is not None:
            open_ones = open_ones.filter(cause=cause)
        found = list(open_ones.order_by("requested_at", "id")[:limit])
    if found:
        marks.refuse_restored(seconds=_RECENTLY)
    finish(organisation_id, found)
    return len(found)


def sweep_orphans(organisation_id: UUID, *, now: datetime | None = None, limit: int = BATCH) -> int:
    """Destroy keys that were made over 24 hours ago for a transaction that never committed; how many.

    Looks at every key, `limit` at a time: an orphan may lie behind any number of keys that are used.
    """
    made_before = (now or timezone.now()) - ORPHAN_AGE
    kinds = [KeyKind(int(kind)) for kind in ScopeKind if kind is not ScopeKind.ORGANISATION]
    destroyed, last = 0, None
    while True:
        page = custody.listed(organisation_id, kinds=kinds, before=made_before, limit=limit, after=last)
        with admission.within(organisation_id):
            used = _keys_in_use(organisation_id, {key.name for key in page})
        destroyed += sum(_destroy_orphan(organisation_id, key.name) for key in page if key.name not in used)
        if len(page) < limit:
            return destroyed
        last = page[-1]


def _destroy_orphan(organisation_id: UUID, name: KeyName) -> int:
    with admission.within(organisation_id):
        if _keys_in_use(organisation_id, {name}):
            return 0
        # Whoever is about to use the key holds this lock until its use is committed, so asking again is conclusive.
        admission.lock([name], shared=False)
        if _keys_in_use(organisation_id, {name}):
            return 0
        return custody.destroy(organisation_id, [name])


def finish(organisation_id: UUID, found: Sequence[Tombstone]) -> None:
    """Steps 2 to 4 of what is not proven yet. Whoever calls it has made sure that no database was restored."""
    pending = [tombstone for tombstone in found if tombstone.destroyed_at is None]
    if not pending:
        return
    _store_copies(organisation_id, [tombstone for tombstone in pending if tombstone.stored_at is None])
    names = [tombstone.name for tombstone in pending]
    number = marks.draw()
    custody.destroy(organisation_id, names, mark=number)
    marks.confirm(number)
    _prove_gone(organisation_id, pending)


def repeat(organisation_id: UUID, found: Sequence[Tombstone]) -> int:
    """Steps 2 to 4 once more after a restore, without a number: one that counted on from an old one would say that
    all is replayed. How many keys had come back.
    """
    _store_copies(organisation_id, [tombstone for tombstone in found if tombstone.stored_at is None])
    count = custody.destroy(organisation_id, [tombstone.name for tombstone in found])
    _prove_gone(organisation_id, [tombstone for tombstone in found if tombstone.destroyed_at is None])
    return count


def _prove_gone(organisation_id: UUID, pending: Sequence[Tombstone]) -> None:
    surviving = set(custody.surviving(organisation_id, [tombstone.name for tombstone in pending]))
    _prove(organisation_id, [tombstone.id for tombstone in pending if tombstone.name not in surviving])


def _store_copies(organisation_id: UUID, pending: Sequence[Tombstone]) -> None:
    """Step 2: several at once, because each waits for the store."""
    if not pending:
        return
    blobs.store()  # made here, not by several threads at once
    with ThreadPoolExecutor(max_workers=min(_WRITERS, len(pending))) as writers:
        for _ in writers.map(tombstones.write, pending):
            pass
    with admission.within(organisation_id):
        rows = Tombstone.objects.for_organisation(organisation_id).filter(
            id__in=[tombstone.id for tombstone in pending]
        )
        rows.filter(stored_at=None).update(stored_at=timezone.now())


def _prove(organisation_id: UUID, ids: Sequence[UUID]) -> None:
    """Step 4: one entry a key, exactly once, however many runs come here together."""
    actor = Actor.scheduler(organisation_id)
    with admission.within(organisation_id):
        rows = Tombstone.objects.for_organisation(organisation_id).filter(id__in=ids, destroyed_at=None)
        for tombstone in rows.order_by("id").select_for_update():
            tombstone.destroyed_at = timezone.now()
            with log.context(organisation_id):
                tombstone.proof_entry = _log_destroyed(actor, tombstone)
            tombstone.save(update_fields=["destroyed_at", "proof_entry"])


def _log_destroyed(actor: Actor, tombstone: Tombstone) -> UUID:
    return log.append(
        actor=actor,
        event=events.KEY_DESTROYED,
        organisation_id=tombstone.organisation_id,
        obj=("key", tombstone.key_id),
        cls=log.EntryClass.DELETE,
        why={"ground": tombstone.ground, "decided_by": str(tombstone.cause)},
        what={"scope": ScopeKind(tombstone.scope_kind).name.lower(), "scope_id": str(tombstone.scope_id)},
    )


def _new_tombstone(organisation_id: UUID, name: KeyName, key_id: UUID | None, *, ground: str, cause: UUID) -> Tombstone:
    own_id = uuid7()
    tombstone: Tombstone = Tombstone.objects.create(
        id=own_id,
        organisation_id=organisation_id,
        scope_kind=int(name.kind),
        scope_id=name.scope_id,
        key_id=key_id or own_id,
        ground=ground,
        cause=cause,
    )
    return tombstone


def _tombstones(organisation_id: UUID, names: set[KeyName]) -> list[Tombstone]:
    rows = Tombstone.objects.for_organisation(organisation_id).filter(scope_id__in={name.scope_id for name in names})
    return [row for row in rows if row.name in names]


def _keys_in_use(organisation_id: UUID, names: set[KeyName]) -> dict[KeyName, UUID]:
    uses = KeyUse.objects.for_organisation(organisation_id).filter(scope_id__in={name.scope_id for name in names})
    rows = uses.values_list("scope_kind", "scope_id", "key_id")
    return {name: key_id for kind, scope_id, key_id in rows if (name := scope_key(kind, scope_id)) in names}


def forget_use(organisation_id: UUID, names: set[KeyName]) -> None:
    """No row needs these keys any more."""
    uses = KeyUse.objects.for_organisation(organisation_id)
    for name in names:
        uses.filter(scope_kind=int(name.kind), scope_id=name.scope_id).delete()
