"""The only way to stored keys: made, opened, destroyed here, one organisation at a time, always in the `keys`
database.

What can go wrong: a key is made twice, is used before it is safely stored, or lives on after it was destroyed. So the
row's uniqueness decides who made it, a key reaches the cache only after its row was committed, and nothing is ever
wrapped under a key that was not read back. A missing row is a destroyed key. Whether a key *may* be used (tombstones)
is asked in the main database, by the callers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F, Q
from django.utils import timezone

from accounts import tenancy
from audit.ids import uuid7
from compliance.vault import hierarchy, router
from compliance.vault.errors import KeyDestroyed, KmsUnavailable
from compliance.vault.hierarchy import KeyKind, KeyName, StoredKeyPlace
from compliance.vault.keycache import KeyCache, Material
from compliance.vault.keyring import KeyProvider, LocalKeyring
from compliance.vault.keystore.models import Epoch, Key
from compliance.vault.values import ValueKey

_cache = KeyCache()


def forget() -> None:
    """Drop every key that this process has opened."""
    _cache.clear()


os.register_at_fork(after_in_child=_cache.start_again)


def provider() -> KeyProvider:
    """The configured key service."""
    return _local_keyring(Path(settings.KEYRING_FILE))


@lru_cache(maxsize=4)
def _local_keyring(path: Path) -> LocalKeyring:
    return LocalKeyring(path)


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


def load(organisation_id: UUID, names: Iterable[KeyName]) -> dict[KeyName, Material]:
    """Open these keys. Raises KeyDestroyed where one is not there (any more), KmsUnavailable, Unreadable."""
    found, absent = _from_cache(organisation_id, names)
    if absent:
        with _reaching(organisation_id):
            rows = _rows(organisation_id, absent)
        if len(rows) < len(absent):
            raise KeyDestroyed()
        found |= _open(organisation_id, rows)
    return found


def create_missing(organisation_id: UUID, names: Iterable[KeyName]) -> dict[KeyName, Material]:
    """Open these keys and make those that do not exist; they are committed on return, whatever becomes of the
    caller's transaction.
    """
    found, absent = _from_cache(organisation_id, names)
    if absent:
        root = _root(organisation_id, create=True)
        with _reaching(organisation_id):
            rows = _rows(organisation_id, absent)
            known = {_name(row) for row in rows}
            fresh = [_new_row(root, organisation_id, name) for name in absent if name not in known]
            if fresh:
                Key.objects.bulk_create(fresh, ignore_conflicts=True)
                rows = _rows(organisation_id, absent)
        found |= _open(organisation_id, rows)
    return found


def destroy(organisation_id: UUID, names: Sequence[KeyName]) -> int:
    """Delete these keys for good; how many were still there. Idempotent."""
    with _reaching(organisation_id):
        count = 0
        for kind in {name.kind for name in names}:
            scope_ids = [name.scope_id for name in names if name.kind is kind]
            keys = Key.objects.for_organisation(organisation_id).filter(kind=kind, scope_id__in=scope_ids)
            count += keys.delete()[0]
        if count:
            _count_destructions(count)
    for name in names:
        _cache.evict(organisation_id, name)
    return count


def evict(organisation_id: UUID, name: KeyName) -> None:
    """Drop one opened key from this process."""
    _cache.evict(organisation_id, name)


def surviving(organisation_id: UUID, names: Sequence[KeyName]) -> list[KeyName]:
    """Those of these keys that still have a row."""
    with _reaching(organisation_id):
        return [_name(row) for row in _rows(organisation_id, names)]


def listed(
    organisation_id: UUID, *, kinds: Iterable[KeyKind], before: datetime, limit: int, after: StoredKey | None = None
) -> list[StoredKey]:
    """The oldest keys of some kinds, made before a time, for the sweeps; those after one, for the next page."""
    with _reaching(organisation_id):
        keys = Key.objects.for_organisation(organisation_id).filter(kind__in=list(kinds), created_at__lt=before)
        if after is not None:
            later = Q(created_at__gt=after.created_at) | Q(created_at=after.created_at, id__gt=after.id)
            keys = keys.filter(later, created_at__gte=after.created_at)
        return [StoredKey(row.id, _name(row), row.created_at) for row in keys.order_by("created_at", "id")[:limit]]


def find(organisation_id: UUID, key_id: UUID) -> KeyName | None:
    """Which key has this id."""
    with _reaching(organisation_id):
        row = Key.objects.for_organisation(organisation_id).filter(id=key_id).first()
    return None if row is None else _name(row)


def _from_cache(organisation_id: UUID, names: Iterable[KeyName]) -> tuple[dict[KeyName, Material], list[KeyName]]:
    found: dict[KeyName, Material] = {}
    absent: list[KeyName] = []
    for name in sorted(set(names)):
        material = _cache.get(organisation_id, name)
        if material is None:
            absent.append(name)
        else:
            found[name] = material
    return found, absent


def _rows(organisation_id: UUID, names: Iterable[KeyName]) -> list[Key]:
    wanted = set(names)
    rows = Key.objects.for_organisation(organisation_id).filter(scope_id__in={name.scope_id for name in wanted})
    return [row for row in rows if _name(row) in wanted]


def _open(organisation_id: UUID, rows: Iterable[Key]) -> dict[KeyName, Material]:
    """Unwrap committed rows and keep them at hand."""
    opened: dict[KeyName, Material] = {}
    root = _root(organisation_id, create=False)
    for row in rows:
        name = _name(row)
        key = hierarchy.unwrap_stored_key(root.key, _place(row), bytes(row.wrapped))
        opened[name] = _material(organisation_id, row, key)
        _cache.put(organisation_id, name, opened[name])
    return opened


def _root(organisation_id: UUID, *, create: bool) -> Material:
    """The organisation key: the only one that the key service is asked for."""
    name = KeyName(KeyKind.ROOT, organisation_id)
    material = _cache.get(organisation_id, name)
    if material is not None:
        return material
    with _reaching(organisation_id):
        rows = _rows(organisation_id, [name])
    if not rows and create:
        row = _new_root(organisation_id)
        with _reaching(organisation_id):
            Key.objects.bulk_create([row], ignore_conflicts=True)
            rows = _rows(organisation_id, [name])
    if not rows:
        raise KeyDestroyed()
    key = provider().unwrap(bytes(rows[0].wrapped), _context(rows[0]))
    material = _material(organisation_id, rows[0], key)
    _cache.put(organisation_id, name, material)
    return material


def _new_root(organisation_id: UUID) -> Key:
    service = provider()
    row = Key(
        id=uuid7(), organisation_id=organisation_id, kind=KeyKind.ROOT, scope_id=organisation_id, provider=service.name
    )
    row.wrapped = service.wrap(hierarchy.new_key(), _context(row))
    return row


def _new_row(root: Material, organisation_id: UUID, name: KeyName) -> Key:
    row = Key(id=uuid7(), organisation_id=organisation_id, kind=name.kind, scope_id=name.scope_id)
    row.wrapped = hierarchy.wrap_stored_key(root.key, _place(row), hierarchy.new_key())
    return row


def _material(organisation_id: UUID, row: Key, key: bytes) -> Material:
    value_key = hierarchy.wrapping_key(key, {}, organisation_id=organisation_id, scope_id=row.scope_id)
    return Material(row.id, key, ValueKey(value_key, organisation_id, row.kind, row.scope_id))


def _name(row: Key) -> KeyName:
    return KeyName(KeyKind(row.kind), row.scope_id)


def _place(row: Key) -> StoredKeyPlace:
    return StoredKeyPlace(row.organisation_id, row.id, _name(row), row.version)


def _context(row: Key) -> dict[str, str]:
    return {"organisation": str(row.organisation_id), "key": str(row.id), "version": str(row.version)}


def _count_destructions(count: int) -> None:
    Epoch._base_manager.using(router.KEYS).get_or_create(id=1)
    Epoch._base_manager.using(router.KEYS).filter(id=1).update(number=F("number") + count, moved_at=timezone.now())


@contextmanager
def _reaching(organisation_id: UUID) -> Iterator[None]:
    """A transaction of the key database; one that does not answer is KmsUnavailable."""
    try:
        with tenancy.scope(organisation_id, using=router.KEYS):
            yield
    except (OperationalError, InterfaceError) as error:
        raise KmsUnavailable() from error
