"""The merge of two sorted lists: what the store holds, and what the register says. Pure, in flat memory.

What can go wrong: something that is just being written or deleted looks like a loss. So nothing younger than the guard
is judged, and an unknown age, or one from the future, counts as young.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from compliance.reconciliation.rules.kinds import Kind
from compliance.vault.items import Item

READABLE_CLASSES = frozenset({"", "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"})
"""Classes whose objects are read at once (Amazon S3 user guide, storage classes; from memory, to be checked)."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the register says about one key. `state` is its artifact's, empty where it has none; `length` in bytes."""

    key: str
    object_id: UUID
    length: int
    created_at: datetime
    deleted_at: datetime | None = None
    artifact_id: UUID | None = None
    state: str = ""
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """All that lies under one key."""

    key: str
    items: Sequence[Item]

    @property
    def versions(self) -> list[Item]:
        return [item for item in self.items if not item.is_delete_marker]

    @property
    def markers(self) -> list[Item]:
        return [item for item in self.items if item.is_delete_marker]

    @property
    def live(self) -> Item | None:
        """What a reader gets: None behind a delete marker."""
        latest = next((item for item in self.items if item.is_latest), None)
        return latest if latest and not latest.is_delete_marker else None


@dataclass(frozen=True, slots=True)
class Guard:
    """From when on something is old enough to be judged."""

    now: datetime
    hours: int

    def is_young(self, moment: datetime | None) -> bool:
        return moment is None or moment > self.now - timedelta(hours=self.hours)


@dataclass(frozen=True, slots=True)
class Difference:
    """One discrepancy. `thing` names what differs, the same in every run; `facts` are codes and numbers."""

    kind: Kind
    thing: str
    artifact_id: UUID | None = None
    object_id: UUID | None = None
    facts: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What a comparison went through: keys in the store, rows, bytes, and what was too young."""

    objects: int = 0
    rows: int = 0
    size: int = 0
    young: int = 0


def grouped(items: Iterable[Item]) -> Iterator[Group]:
    """Versions of one key together. The items come in key order."""
    for key, found in groupby(items, key=attrgetter("key")):
        yield Group(key, list(found))


def compare(groups: Iterable[Group], rows: Iterable[Row], guard: Guard, tally: Tally) -> Iterator[Difference]:
    """Every difference between two lists in key order."""
    for group, row in _paired(groups, rows):
        yield from _judge(group, row, guard, tally)


def _paired(groups: Iterable[Group], rows: Iterable[Row]) -> Iterator[tuple[Group | None, Row | None]]:
    """Each key once, with what either side has of it."""
    left, right = iter(groups), iter(rows)
    group, row = next(left, None), next(right, None)
    while group is not None or row is not None:
        keys = [_order(side.key) for side in (group, row) if side is not None]
        first = min(keys)
        here = group if group is not None and _order(group.key) == first else None
        there = row if row is not None and _order(row.key) == first else None
        yield here, there
        group = next(left, None) if here is not None else group
        row = next(right, None) if there is not None else row


def _order(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


def _judge(group: Group | None, row: Row | None, guard: Guard, tally: Tally) -> Iterator[Difference]:
    if group is not None:
        tally.objects += 1
        tally.size += sum(item.size for item in group.versions)
    if row is not None:
        tally.rows += 1
    if _is_young(group, row, guard):
        tally.young += 1
    elif row is not None:
        yield from _known(group, row)
    elif group is not None:
        kind = Kind.ORPHAN if group.versions else Kind.DELETE_MARKER
        yield Difference(kind, group.key, facts=_counts(group))


def _is_young(group: Group | None, row: Row | None, guard: Guard) -> bool:
    if group is not None and any(guard.is_young(item.modified) for item in group.items):
        return True
    if row is None:
        return False
    return guard.is_young(row.created_at) or (row.deleted_at is not None and guard.is_young(row.deleted_at))


def _known(group: Group | None, row: Row) -> Iterator[Difference]:
    if row.deleted_at is not None or row.state == "deleted":
        if group is not None:
            kind = Kind.UNDEAD if group.versions else Kind.DELETE_MARKER
            yield Difference(kind, row.key, row.artifact_id, row.object_id, _counts(group))
    elif row.state in {"deleting", "delete_failed"}:
        return  # on its way out: retention's own debt
    elif group is not None and group.live is not None:
        yield from _live(group, group.live, row)
    elif group is not None and group.versions:
        yield Difference(Kind.DELETE_MARKER, row.key, row.artifact_id, row.object_id, _counts(group))
    elif row.state != "missing":
        kind = Kind.HELD_BUT_GONE if row.is_held else Kind.MISSING
        yield Difference(kind, row.key, row.artifact_id, row.object_id, {"length": row.length})


def _live(group: Group, live: Item, row: Row) -> Iterator[Difference]:
    """An object that is to be there, and is: whether it fits, and whether it is alone."""

    def found(kind: Kind, **facts: str | int) -> Difference:
        return Difference(kind, row.key, row.artifact_id, row.object_id, facts)

    if row.state == "missing":  # known to be spoiled, unless it looks whole again
        if live.size == row.length:
            yield found(Kind.FOUND_AGAIN, length=live.size)
        return
    if live.size != row.length:
        yield found(Kind.SIZE, length=live.size, registered=row.length)
    if live.storage_class not in READABLE_CLASSES:
        yield found(Kind.STORAGE_CLASS, storage_class=live.storage_class.lower()[:40])
    if len(group.versions) > 1:
        yield found(Kind.EXTRA_VERSION, versions=len(group.versions))
    if group.markers:
        yield Difference(Kind.DELETE_MARKER, row.key, row.artifact_id, row.object_id, _counts(group))


def _counts(group: Group) -> dict[str, str | int | bool]:
    return {
        "versions": len(group.versions),
        "delete_markers": len(group.markers),
        "length": sum(item.size for item in group.versions),
    }
