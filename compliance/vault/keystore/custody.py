"""The only way to stored keys: made, opened, destroyed here, one organisation at a time, always in the `keys`
database.

What can go wrong: a key is made twice, is used before it is safely stored, or lives on after it was destroyed. So the
row's uniqueness decides who made it, a key reaches the cache only after its row was committed, and nothing is ever
wrapped under a key that was not read back. A missing row is a destroyed key. Whether a key *may* be used (tombstones)
is asked in the main database, by the callers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import tenancy
from audit.ids import uuid7
from compliance.vault import hierarchy, key_services, router
from compliance.vault.errors import KeyDestroyed, KmsUnavailable
from compliance.vault.hierarchy import KeyKind, KeyName, StoredKeyPlace
from compliance.vault.keycache import KeyCache, Material
from compliance.vault.keystore.models import Epoch, Key
from compliance.vault.values import ValueKey

_cache = KeyCache()
_asking = threading.RLock()
"""Held while the key service is asked: a crowd of requests that finds its key gone from the cache asks once."""
_PATIENCE_SECONDS = 10.0
"""How long one of the crowd waits where the service is slow."""


def forget() -> None:
    """Drop every key that this process has opened."""
    _cache.clear()


def _start_again() -> None:
    global _asking  # noqa: PLW0603  a forked child gets a lock that no thread of the parent holds
    _asking = threading.RLock()
    _cache.start_again()


os.register_at_fork(after_in_child=_start_again)


@dataclass(frozen=True)
class StoredKey:
    """What may be told about a key without opening it."""

    id: UUID
    name: KeyName
    created_at: datetime


def cached(organisation_id: UUID, name: KeyName) -> Material | None:
    """The opened key if this process has it at hand: no query."""
    return _cache.get(organisation_id, name)


def values_at_hand(organisation_id: UUID, name: KeyName) -> tuple[UUID, ValueKey] | None:
    """A key's id and what seals its small values, if this process has it at hand: no query, no lock."""
    return _cache.values(organisation_id, name)


def load(
    organisation_id: UUID, names: Iterable[KeyName], ids: Mapping[KeyName, UUID] | None = None
) -> dict[KeyName, Material]:
    """Open these keys. Raises KeyDestroyed where one is not there (any more), KmsUnavailable, Unreadable.

    `ids` says which row of a name is meant, where the caller knows: while a key is being replaced there are two.
    """
    found, absent = _from_cache(organisation_id, names, ids)
    if absent:
        try:
            found |= _load(organisation_id, absent, ids)
        except _RootReplaced:
            found |= _load(organisation_id, absent, ids)
    return found


def _load(
    organisation_id: UUID, names: Sequence[KeyName], ids: Mapping[KeyName, UUID] | None
) -> dict[KeyName, Material]:
    with reaching(organisation_id):
        rows = _rows(organisation_id, names, ids)
    if len(rows) < len(names):
        raise KeyDestroyed()
    return _open(organisation_id, rows)


def load_surviving(organisation_id: UUID, names: Iterable[KeyName]) -> dict[KeyName, bytes]:
    """Those of these keys that are there, opened and not kept in the cache: for work that uses each once.

    Raises KmsUnavailable, Unreadable.
    """
    at_hand, absent = _from_cache(organisation_id, names)
    found = {name: material.key for name, material in at_hand.items()}
    if absent:
        try:
            found |= _surviving_keys(organisation_id, absent)
        except _RootReplaced:
            found |= _surviving_keys(organisation_id, absent)
    return found


def _surviving_keys(organisation_id: UUID, names: Sequence[KeyName]) -> dict[KeyName, bytes]:
    with reaching(organisation_id):
        rows = _rows(organisation_id, names)
    return {name_of(row): _unwrapped(row) for row in rows}


def create_missing(organisation_id: UUID, names: Iterable[KeyName]) -> dict[KeyName, Material]:
    """Open these keys and make those that do not exist; they are committed on return, whatever becomes of the
    caller's transaction.
    """
    found, absent = _from_cache(organisation_id, names)
    if absent:
        try:
            rows = _create(organisation_id, absent)
        except IntegrityError:  # the organisation key at hand was replaced and is gone
            _cache.evict(organisation_id, current_root(organisation_id))
            rows = _create(organisation_id, absent)
        try:
            found |= _open(organisation_id, rows)
        except _RootReplaced:
            found |= _load(organisation_id, absent, None)
    return found


def _create(organisation_id: UUID, names: Sequence[KeyName]) -> list[Key]:
    """The rows of these keys; new ones where there were none. Raises IntegrityError where the root was deleted."""
    current = root(organisation_id, create=True)
    with reaching(organisation_id):
        rows = _rows(organisation_id, names)
        known = {name_of(row) for row in rows}
        fresh = [_new_row(current, organisation_id, name) for name in names if name not in known]
        if fresh:
            Key.objects.bulk_create(fresh, ignore_conflicts=True)
            rows = _rows(organisation_id, names)
    return rows


def destroy(organisation_id: UUID, names: Sequence[KeyName], *, mark: int = 0) -> int:
    """Delete these keys for good, and keep the number of this destruction (`vault.marks`) beside them; how many were
    still there. Idempotent.
    """
    with reaching(organisation_id):
        count = 0
        for kind in {name.kind for name in names}:
            scope_ids = [name.scope_id for name in names if name.kind is kind]
            keys = Key.objects.for_organisation(organisation_id).filter(kind=kind, scope_id__in=scope_ids)
            count += keys.delete()[0]
        if count or mark:
            count_destructions(count, mark)
    for name in names:
        _cache.evict(organisation_id, name)
    return count


def last_mark() -> int:
    """The number of the last destruction that the key database has kept."""
    with reaching(tenancy.DEPLOYMENT_ID):
        found: int | None = Epoch._base_manager.using(router.KEYS).values_list("mark", flat=True).first()
    return found or 0


def keep_mark(number: int) -> None:
    """Keep this number, if it is the highest, though nothing was destroyed."""
    with reaching(tenancy.DEPLOYMENT_ID):
        count_destructions(0, number)


def evict(organisation_id: UUID, name: KeyName) -> None:
    """Drop one opened key from this process."""
    _cache.evict(organisation_id, name)


def surviving(organisation_id: UUID, names: Sequence[KeyName]) -> list[KeyName]:
    """Those of these keys that still have a row, be it a spare one."""
    wanted = set(names)
    with reaching(organisation_id):
        rows = Key.objects.for_organisation(organisation_id).filter(scope_id__in={name.scope_id for name in wanted})
        return sorted(wanted & {name_of(row) for row in rows})


def listed(
    organisation_id: UUID, *, kinds: Iterable[KeyKind], before: datetime, limit: int, after: StoredKey | None = None
) -> list[StoredKey]:
    """The oldest keys of some kinds, made before a time, for the sweeps; those after one, for the next page."""
    with reaching(organisation_id):
        keys = Key.objects.for_organisation(organisation_id).filter(kind__in=list(kinds), created_at__lt=before)
        if after is not None:
            later = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, id__gt=after.id)
            keys = keys.filter(later, created_at__gte=after.created_at)
        return [StoredKey(row.id, name_of(row), row.created_at) for row in keys.order_by("created_at", "id")[:limit]]


def find(organisation_id: UUID, key_id: UUID) -> KeyName | None:
    """Which key has this id."""
    with reaching(organisation_id):
        row = Key.objects.for_organisation(organisation_id).filter(id=key_id).first()
    return None if row is None else name_of(row)


def _from_cache(
    organisation_id: UUID, names: Iterable[KeyName], ids: Mapping[KeyName, UUID] | None = None
) -> tuple[dict[KeyName, Material], list[KeyName]]:
    found: dict[KeyName, Material] = {}
    absent: list[KeyName] = []
    for name in sorted(set(names)):
        material = _cache.get(organisation_id, name)
        if material is None or (ids or {}).get(name, material.id) != material.id:
            absent.append(name)
        else:
            found[name] = material
    return found, absent


def _rows(organisation_id: UUID, names: Iterable[KeyName], ids: Mapping[KeyName, UUID] | None = None) -> list[Key]:
    """The rows in use, or those of these ids."""
    wanted, ids = set(names), ids or {}
    rows = Key.objects.for_organisation(organisation_id).filter(scope_id__in={name.scope_id for name in wanted})
    return [row for row in rows if (name := name_of(row)) in wanted and _is_meant(row, ids.get(name))]


def _is_meant(row: Key, key_id: UUID | None) -> bool:
    return not row.is_spare if key_id is None else row.id == key_id


def _open(organisation_id: UUID, rows: Iterable[Key]) -> dict[KeyName, Material]:
    """Unwrap committed rows and keep them at hand. Raises _RootReplaced where a row was read before it moved."""
    opened: dict[KeyName, Material] = {}
    for row in rows:
        name = name_of(row)
        opened[name] = _material(organisation_id, row, _unwrapped(row))
        _cache.put(organisation_id, name, opened[name])
    return opened


def _unwrapped(row: Key) -> bytes:
    above = root(row.organisation_id, row.root_id)
    return hierarchy.unwrap_stored_key(above.key, place_of(row), bytes(row.wrapped))


class _RootReplaced(KeyDestroyed):
    """The organisation key that a row names is gone: since the row was read, it was wrapped under another one."""


def current_root(organisation_id: UUID) -> KeyName:
    """The name of the organisation key that wraps what is new."""
    return KeyName(KeyKind.ROOT, organisation_id)


def root(organisation_id: UUID, root_id: UUID | None = None, *, create: bool = False) -> Material:
    """The organisation key, the current one or that of an id: the only one that the key service is asked for, by one
    thread at a time.
    """
    name = KeyName(KeyKind.ROOT, root_id or organisation_id)
    material = _cache.get(organisation_id, name)
    if material is not None:
        return material
    lock = _asking
    if not lock.acquire(timeout=_PATIENCE_SECONDS):
        raise KmsUnavailable()
    try:
        return _cache.get(organisation_id, name) or _opened_root(organisation_id, name, root_id, create=create)
    finally:
        lock.release()


def _opened_root(organisation_id: UUID, name: KeyName, root_id: UUID | None, *, create: bool) -> Material:
    current = current_root(organisation_id)
    ids = {current: root_id} if root_id else None
    with reaching(organisation_id):
        rows = _rows(organisation_id, [current], ids)
    if not rows and create:
        row = new_root(organisation_id)
        with reaching(organisation_id):
            Key.objects.bulk_create([row], ignore_conflicts=True)
            rows = _rows(organisation_id, [current])
    if not rows:
        raise _RootReplaced() if root_id else KeyDestroyed()
    material = _material(organisation_id, rows[0], root_key(rows[0]))
    for known in {name, KeyName(KeyKind.ROOT, material.id)}:
        _cache.put(organisation_id, known, material)
    return material


def root_key(row: Key) -> bytes:
    """An organisation key, opened by the service that wrapped it. Raises KmsUnavailable, Unreadable."""
    return key_services.named(row.provider).unwrap(bytes(row.wrapped), context_of(row))


def new_root(organisation_id: UUID) -> Key:
    """A new organisation key, wrapped and not saved. Raises KmsUnavailable."""
    service = key_services.current()
    row = Key(
        id=uuid7(), organisation_id=organisation_id, kind=KeyKind.ROOT, scope_id=organisation_id, provider=service.name
    )
    row.wrapped = service.wrap(hierarchy.new_key(), context_of(row))
    return row


def _new_row(above: Material, organisation_id: UUID, name: KeyName) -> Key:
    row = Key(id=uuid7(), organisation_id=organisation_id, kind=name.kind, scope_id=name.scope_id, root_id=above.id)
    row.wrapped = hierarchy.wrap_stored_key(above.key, place_of(row), hierarchy.new_key())
    return row


def _material(organisation_id: UUID, row: Key, key: bytes) -> Material:
    value_key = hierarchy.wrapping_key(key, {}, organisation_id=organisation_id, scope_id=row.scope_id)
    return Material(row.id, key, ValueKey(value_key, organisation_id, row.kind, row.scope_id))


def name_of(row: Key) -> KeyName:
    """What a row's key is for."""
    return KeyName(KeyKind(row.kind), row.scope_id)


def place_of(row: Key) -> StoredKeyPlace:
    """What the wrap of a key under its organisation key is bound to."""
    return StoredKeyPlace(row.organisation_id, row.id, name_of(row), row.version)


def context_of(row: Key) -> dict[str, str]:
    """What the wrap of an organisation key is bound to."""
    return {"organisation": str(row.organisation_id), "key": str(row.id), "version": str(row.version)}


def count_destructions(count: int, mark: int) -> None:
    """So many more, and the highest number of a destruction. In a transaction of the key database."""
    epochs = Epoch._base_manager.using(router.KEYS)
    epochs.get_or_create(id=1)
    epochs.filter(id=1).update(
        number=F("number") + count, mark=Greatest(F("mark"), Value(mark)), moved_at=timezone.now()
    )


@contextmanager
def reaching(organisation_id: UUID) -> Iterator[None]:
    """A transaction of the key database; one that does not answer is KmsUnavailable."""
    try:
        with tenancy.scope(organisation_id, using=router.KEYS):
            yield
    except (OperationalError, InterfaceError) as error:
        raise KmsUnavailable() from error
