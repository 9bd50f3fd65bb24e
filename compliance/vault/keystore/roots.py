"""Organisation keys, renewed: the same key in a new wrap of the key service, or a new key under which every other one
is wrapped again.

What can go wrong: a key is left under an organisation key that is gone. So the database itself refuses to delete one
under which a key lies, both live until nothing lies under the old one, and a process that still uses the old one from
its cache makes keys that the next look finds, or is refused and takes the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Q, QuerySet

from compliance.vault import hierarchy, key_services, router
from compliance.vault.hierarchy import KeyKind
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Key


@dataclass(frozen=True)
class Wrap:
    """A root whose wrap was looked at: whether it was renewed now, and whether the log knows of its last renewal."""

    key_id: UUID
    provider: str
    is_told: bool


@dataclass(frozen=True)
class Change:
    """An organisation key that is being replaced by another."""

    organisation_id: UUID
    old_id: UUID
    new_id: UUID


def renew_wraps(organisation_id: UUID) -> list[Wrap]:
    """Have the current key service wrap every organisation key that another one, or an older key of it, has wrapped.

    Raises KmsUnavailable, Unreadable. What is current already is left.
    """
    service = key_services.current()
    for row in _roots(organisation_id):
        if row.provider != service.name or not service.is_current(bytes(row.wrapped)):
            renewed = service.wrap(custody.root_key(row), custody.context_of(row))
            with custody.reaching(organisation_id):
                # Somebody else's newer wrap of the same key is as good: then nothing is written.
                found = Key.objects.for_organisation(organisation_id).filter(id=row.id, wrapped=row.wrapped)
                found.update(wrapped=renewed, provider=service.name, is_told=False)
    return [Wrap(row.id, row.provider, row.is_told) for row in _roots(organisation_id)]


def note_told(organisation_id: UUID, key_ids: Sequence[UUID]) -> None:
    """The log has the entry of these renewals."""
    with custody.reaching(organisation_id):
        Key.objects.for_organisation(organisation_id).filter(id__in=key_ids).update(is_told=True)


def begin_change(organisation_id: UUID) -> Change | None:
    """Make a new organisation key for all that comes, or find the change that was begun; None where there is no key
    yet. Raises KmsUnavailable.
    """
    if unfinished := _change(organisation_id):
        return unfinished
    made = custody.new_root(organisation_id)
    with custody.reaching(organisation_id):
        rows = Key.objects.for_organisation(organisation_id).filter(kind=KeyKind.ROOT, is_spare=False)
        old = rows.select_for_update().first()
        if old is None:
            return None
        if _change(organisation_id) is None:
            old.is_spare = True
            old.save(update_fields=["is_spare"])
            made.save(force_insert=True, using=router.KEYS)
    custody.evict(organisation_id, custody.current_root(organisation_id))
    return _change(organisation_id)


def count_left(change: Change) -> int:
    """How many keys still lie under the old one."""
    with custody.reaching(change.organisation_id):
        return _under(change).count()


def move_keys(change: Change, limit: int) -> int:
    """Wrap some keys under the new one; how many. Their bytes stay the same, so nothing else changes."""
    old, new = _opened(change)
    with custody.reaching(change.organisation_id):
        rows = list(_under(change).select_for_update(skip_locked=True).order_by("id")[:limit])
        for row in rows:
            place = custody.place_of(row)
            key = hierarchy.unwrap_stored_key(old, place, bytes(row.wrapped))
            row.wrapped, row.root_id = hierarchy.wrap_stored_key(new, place, key), change.new_id
        Key.objects.for_organisation(change.organisation_id).bulk_update(rows, ["wrapped", "root_id"])
    return len(rows)


def end_change(change: Change) -> bool:
    """Delete the old key; False where a key still lies under it."""
    try:
        with custody.reaching(change.organisation_id):
            count, _ = Key.objects.for_organisation(change.organisation_id).filter(id=change.old_id).delete()
            custody.count_destructions(count, 0)
    except IntegrityError:
        return False
    return True


def _roots(organisation_id: UUID) -> list[Key]:
    with custody.reaching(organisation_id):
        return list(Key.objects.for_organisation(organisation_id).filter(kind=KeyKind.ROOT).order_by("id"))


def _change(organisation_id: UUID) -> Change | None:
    roots = {row.is_spare: row.id for row in _roots(organisation_id)}
    return Change(organisation_id, roots[True], roots[False]) if len(roots) == 2 else None


def _under(change: Change) -> QuerySet[Key]:
    """Keys under the old one; those that name none were made before there were two."""
    rows = Key.objects.for_organisation(change.organisation_id).exclude(kind=KeyKind.ROOT)
    return rows.filter(Q(root_id=change.old_id) | Q(root_id=None))


def _opened(change: Change) -> tuple[bytes, bytes]:
    """Both keys: the service is asked only where the process has them not at hand."""
    old, new = (custody.root(change.organisation_id, root_id).key for root_id in (change.old_id, change.new_id))
    return old, new
