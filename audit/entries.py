"""Entries as people see them: the leaf, and each field that identifies as disclosed, withheld, or erased at leaf n."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from audit import sealing
from audit.models import Disclosure, Entry, ErasedDisclosure, Leaf
from audit.tlog import canonical, text
from audit.tlog import leaf as leaf_format
from audit.tlog.errors import FormatError


class FieldState(enum.StrEnum):
    """What became of a field that identifies."""

    DISCLOSED = "disclosed"
    WITHHELD = "withheld"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Field:
    """One salted field. Name and value are known only while it is disclosed; `erased_at` is the index of the erasing
    leaf.
    """

    digest: str
    state: FieldState
    name: str | None = None
    value: text.JSON = None
    disclosure: str | None = None
    erased_by: UUID | None = None
    erased_at: int | None = None


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry of the log with its place in the tree."""

    id: UUID
    index: int
    leaf: leaf_format.Leaf
    data: bytes
    fields: tuple[Field, ...]

    @property
    def at(self) -> datetime:
        """When, by the database's clock (UTC)."""
        return self.leaf.at

    def value(self, name: str) -> text.JSON:
        """The disclosed value of a field; None where it is not disclosed."""
        return next((field.value for field in self.fields if field.name == name), None)


def rows(organisation_id: UUID) -> QuerySet[Entry]:
    """An organisation's entries as they lie, for lists; nothing of them is opened."""
    return Entry.objects.filter(organisation_id=organisation_id)


def read_entry(organisation_id: UUID, entry_id: UUID, *, with_disclosures: bool = True) -> EntryView | None:
    """One entry of an organisation's log, in its scope; None where there is none with a place in the tree."""
    place = Leaf.objects.filter(organisation_id=organisation_id, entry_id=entry_id).values_list("entry_id", "index")
    return next(iter(views(organisation_id, list(place), with_disclosures)), None)


def list_entries(
    organisation_id: UUID,
    *,
    object_id: UUID | None = None,
    cause: UUID | None = None,
    act: str | None = None,
    cls: str | None = None,
    before: int | None = None,
    limit: int = 50,
    with_disclosures: bool = True,
) -> list[EntryView]:
    """The newest entries below index `before`, newest first; of one object, one cause (itself included), one act
    (`room.` for all of a room) or one class where given.
    """
    leaves = Leaf.objects.filter(organisation_id=organisation_id)
    if before is not None:
        leaves = leaves.filter(index__lt=before)
    wanted = _wanted(organisation_id, object_id, cause, act, cls)
    if wanted is not None:
        leaves = leaves.filter(entry_id__in=wanted.values("id"))
    places = leaves.order_by("-index").values_list("entry_id", "index")[:limit]
    return views(organisation_id, list(places), with_disclosures)


def _wanted(
    organisation_id: UUID, object_id: UUID | None, cause: UUID | None, act: str | None, cls: str | None
) -> Any | None:
    entries = rows(organisation_id)
    if object_id is None and cause is None and act is None and cls is None:
        return None
    if object_id is not None:
        entries = entries.filter(object_id=object_id)
    if cause is not None:
        entries = entries.filter(Q(cause=cause) | Q(id=cause))
    if act is not None:
        entries = entries.filter(act__startswith=act) if act.endswith(".") else entries.filter(act=act)
    if cls is not None:
        entries = entries.filter(cls=cls)
    return entries


def views(organisation_id: UUID, places: Sequence[tuple[UUID, int]], with_disclosures: bool = True) -> list[EntryView]:
    """The entries at these places, in this order."""
    ids = [entry_id for entry_id, _ in places]
    data = dict(rows(organisation_id).filter(id__in=ids).values_list("id", "leaf"))
    opened = open_disclosures(organisation_id, ids) if with_disclosures else {}
    erased = erased_digests(organisation_id, ids)
    return [
        EntryView(entry_id, index, leaf, bytes(data[entry_id]), _fields(leaf, opened, erased))
        for entry_id, index in places
        for leaf in [leaf_format.Leaf.parse(bytes(data[entry_id]))]
    ]


def _fields(
    leaf: leaf_format.Leaf, opened: dict[str, str | None], erased: dict[str, tuple[UUID | None, int | None]]
) -> tuple[Field, ...]:
    return tuple(_field(digest, opened, erased) for digest in leaf.digests)


def _field(digest: str, opened: dict[str, str | None], erased: dict[str, tuple[UUID | None, int | None]]) -> Field:
    if digest in erased:
        cause, index = erased[digest]
        return Field(digest, FieldState.ERASED, erased_by=cause, erased_at=index)
    if digest not in opened:
        return Field(digest, FieldState.WITHHELD)
    disclosure = opened[digest]
    if disclosure is None:
        return Field(digest, FieldState.ERASED)
    try:
        known = canonical.parse_disclosure(disclosure)
    except FormatError:
        return Field(digest, FieldState.WITHHELD)
    return Field(digest, FieldState.DISCLOSED, known.name, known.value, disclosure)


def open_disclosures(organisation_id: UUID, entry_ids: Iterable[UUID]) -> dict[str, str | None]:
    """Digest → disclosure of these entries; None where the row is still there but its key is destroyed."""
    sealer = sealing.current()
    found: dict[str, str | None] = {}
    for row in Disclosure.objects.filter(organisation_id=organisation_id, entry_id__in=list(entry_ids)):
        digests = bytes(row.digests)
        names = [text.to_base64url(digests[i : i + 32]) for i in range(0, len(digests), 32)]
        try:
            opened = sealer.open_disclosure(
                organisation_id=organisation_id,
                subject_id=row.subject_id,
                key_id=row.key_id,
                entry_id=row.entry_id,
                name=row.part,
                data=bytes(row.sealed),
            )
        except sealing.Destroyed:
            found |= dict.fromkeys(names)
            continue
        except sealing.Unreadable:
            continue  # somebody changed the row: the field stays withheld, the leaf still says what was committed
        # Only what hashes to the leaf's digest is a disclosure; the row is not believed.
        disclosures = opened.decode().split("~")
        found |= {canonical.digest(disclosure): disclosure for disclosure in disclosures}
    return found


def erased_digests(organisation_id: UUID, entry_ids: Iterable[UUID]) -> dict[str, tuple[UUID | None, int | None]]:
    """Digest → entry that erased it and its index in the log, of these entries."""
    rows = list(
        ErasedDisclosure.objects.filter(organisation_id=organisation_id, entry_id__in=list(entry_ids)).values_list(
            "digest", "cause"
        )
    )
    causes = {cause for _, cause in rows if cause}
    places = dict(
        Leaf.objects.filter(organisation_id=organisation_id, entry_id__in=causes).values_list("entry_id", "index")
    )
    return {text.to_base64url(bytes(digest)): (cause, places.get(cause) if cause else None) for digest, cause in rows}
