"""The stages of a run, page by page: what each compares, and from where the next page goes on.

A page is computed from the run's cursor alone, so whoever finds the run goes on with it. Nothing here writes; the store
is asked outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import tenancy
from compliance.reconciliation.models import Run
from compliance.reconciliation.rules import comparing
from compliance.reconciliation.rules.comparing import Difference, Group, Guard, Row, Tally
from compliance.reconciliation.rules.kinds import Kind
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactState, LocationState
from compliance.retention import holds
from compliance.vault import inventory
from compliance.vault.items import Registered

PAGE = 1000
OVERDUE_DAYS = 2
_DOUBTFUL = frozenset({Kind.MISSING, Kind.HELD_BUT_GONE, Kind.ORPHAN})


@dataclass(slots=True)
class Page:
    """What one page found. `cursor` is its last key or id; None: the stage is done."""

    found: list[Difference]
    cursor: str | None
    tally: Tally = field(default_factory=Tally)
    whole: list[str] = field(default_factory=list)
    read: list[UUID] = field(default_factory=list)
    bytes_read: int = 0


class Walk:
    """The store's side of one stage. It stays open from page to page, so that a page is one list request."""

    def __init__(self, prefix: str, after: str) -> None:
        self.prefix = prefix
        self._groups = comparing.grouped(inventory.stored(prefix, after))
        self._waiting: list[Group] = []
        self._is_over = False
        self.at = after

    def peek(self, count: int) -> list[Group]:
        """The next groups, without taking them."""
        missing = count - len(self._waiting)
        if missing > 0 and not self._is_over:
            more = list(islice(self._groups, missing))
            self._is_over = len(more) < missing
            self._waiting += more
        return self._waiting[:count]

    def take(self, upto: str | None) -> list[Group]:
        """The groups up to a key, or all that wait."""
        waiting, self._waiting = self._waiting, []
        taken: list[Group] = []
        for one in waiting:
            (taken if upto is None or one.key.encode() <= upto.encode() else self._waiting).append(one)
        self.at = upto or self.at
        return taken


def guard_of(run: Run) -> Guard:
    """Ages are measured against the clock of now: what a long run meets late is judged by the same guard."""
    return Guard(timezone.now(), run.guard_hours)


def compare_store(run: Run, walk: Walk) -> Page:
    """A page of the store's objects against their rows, both ways.

    The store is listed before the rows are read: what is deleted in between is then known to be deleted. What is
    recorded in between is young.
    """
    groups = walk.peek(PAGE + 1)
    with tenancy.scope(run.organisation_id):
        rows = inventory.registered(run.organisation_id, run.cursor, PAGE + 1)
        upto = _upto([group.key for group in groups], [row.key for row in rows])
        taken = walk.take(upto)
        known = _rows(run.organisation_id, [row for row in rows if upto is None or row.key <= upto])
    tally, guard = Tally(), guard_of(run)
    found = list(comparing.compare(taken, known, guard, tally))
    return Page([*_confirmed(run.organisation_id, found, guard)], upto, tally)


def _confirmed(organisation_id: UUID, found: Sequence[Difference], guard: Guard) -> Iterator[Difference]:
    """Each loss and each orphan is looked at by itself before anybody hears of it.

    A list may be in another order than it should (SeaweedFS sorts folders its own way), lag behind, or have been
    overtaken by a disposal; then the key's own answer and its row of now are what counts.
    """
    doubtful = sorted({one.thing for one in found if one.kind in _DOUBTFUL}, key=str.encode)
    asked = set(doubtful)
    yield from (one for one in found if one.thing not in asked)
    for at in range(0, len(doubtful), PAGE):
        keys = doubtful[at : at + PAGE]
        groups = [Group(key, items) for key in keys if (items := inventory.versions_of(key))]
        with tenancy.scope(organisation_id):
            rows = _rows(organisation_id, list(inventory.registered_under(organisation_id, keys).values()))
        yield from comparing.compare(groups, sorted(rows, key=lambda row: row.key.encode()), guard, Tally())


def _upto(*sides: Sequence[str]) -> str | None:
    """Up to which key both sides were read: the smallest last key of those that go on."""
    ends = [side[PAGE - 1] for side in sides if len(side) > PAGE]
    return min(ends, key=str.encode) if ends else None


def _rows(organisation_id: UUID, found: Sequence[Registered]) -> list[Row]:
    """The rows with what the register says about each."""
    artifacts = register.artifacts(organisation_id).filter(object_id__in=[row.id for row in found])
    owners: dict[UUID, tuple[Any, ...]] = {
        row[0]: row[1:] for row in artifacts.values_list("object_id", "id", "state", "call_id")
    }
    held = holds.held_now(organisation_id, {call_id for _, _, call_id in owners.values() if call_id})
    rows = []
    for one in found:
        artifact_id, state, call_id = owners.get(one.id, (None, "", None))
        rows.append(
            Row(
                one.key, one.id, one.length, one.created_at, one.deleted_at, artifact_id, state, is_held=call_id in held
            )
        )
    return rows


def compare_tombstones(run: Run, walk: Walk) -> Page:
    """A page of the copies of tombstones against their rows. Versions of them are all the same bytes, and no matter."""
    groups = walk.peek(PAGE + 1)
    with tenancy.scope(run.organisation_id):
        rows = inventory.tombstones(run.organisation_id, run.cursor, PAGE + 1)
        upto = _upto([group.key for group in groups], [row.key for row in rows])
        copies = {group.key: group for group in walk.take(upto)}
        due = [row for row in rows if upto is None or row.key <= upto]
        known = inventory.known_tombstones(run.organisation_id, [id_ for key in copies if (id_ := _key_id(key))])
    guard, tally = guard_of(run), Tally(objects=len(copies), rows=len(due))
    found = [
        Difference(Kind.TOMBSTONE, row.key, facts={"copy": "absent"})
        for row in due
        if not guard.is_young(row.created_at) and not (row.key in copies and copies[row.key].live)
    ]
    found += [
        Difference(Kind.TOMBSTONE, key, facts={"copy": "without_row"})
        for key, group in copies.items()
        if _key_id(key) not in known and not any(guard.is_young(item.modified) for item in group.items)
    ]
    return Page(found, upto, tally)


def _key_id(key: str) -> UUID | None:
    try:
        return UUID(key.rpartition("/")[2])
    except ValueError:
        return None


def find_unfinished(run: Run) -> Page:
    """What was staged over a day ago and never became an object."""
    guard = guard_of(run)
    found = [
        Difference(Kind.UNFINISHED, one.key, facts={"handle": one.handle})
        for one in inventory.unfinished(run.organisation_id)
        if not guard.is_young(one.begun_at)
    ]
    return Page(found, None)


def check_places(run: Run) -> Page:
    """A page of locations: backups past their term, and places that name another key than their object."""
    with tenancy.scope(run.organisation_id):
        rows, cursor = _next(register.locations(run.organisation_id), run.cursor)
        found = list(_misplaced(rows.select_related("artifact", "artifact__object")))
    return Page(found, cursor)


def _misplaced(locations: Iterable[Any]) -> Iterator[Difference]:
    today = timezone.now().date()
    for one in locations:
        thing = f"recordings_location/{one.id}"
        if one.state == LocationState.CONFIRMED_GONE:
            continue
        if one.place == one.Place.BACKUP and one.expected_gone_on and one.expected_gone_on < today:
            facts = {"expected_gone_on": one.expected_gone_on.isoformat()}
            yield Difference(Kind.BACKUP_OVERDUE, thing, one.artifact_id, facts=facts)
        sealed = one.artifact.object
        if one.place == one.Place.STORE and sealed is not None and one.key != sealed.store_key:
            yield Difference(Kind.WRONG_KEY, thing, one.artifact_id, sealed.id, {"names": "another_key"})


def find_overdue(run: Run) -> Page:
    """A page of artifacts that should have begun to leave more than two days ago, and that no hold keeps.

    What came in later than its day (a history that was imported) has its two days from then on.
    """
    organisation_id = run.organisation_id
    before = timezone.now() - timedelta(days=OVERDUE_DAYS)
    late = before.date()
    with tenancy.scope(organisation_id):
        ours = register.locations(organisation_id).filter(artifact=OuterRef("pk"), place="store")
        rows = register.artifacts(organisation_id).filter(due_on__lt=late, registered_at__lt=before)
        rows = rows.exclude(state__in=[ArtifactState.DELETED, ArtifactState.NEVER_RECORDED, ArtifactState.HELD])
        rows = rows.exclude(retention_action="review").exclude(
            ~Exists(ours.exclude(state=LocationState.CONFIRMED_GONE)), state=ArtifactState.DELETING
        )
        page, cursor = _next(rows, run.cursor)
        due = list(page.values_list("id", "call_id", "due_on", "state"))
        held = holds.held_now(organisation_id, {row[1] for row in due if row[1]})
    found = [
        Difference(
            Kind.OVERDUE, f"recordings_artifact/{id_}", id_, facts={"due_on": due_on.isoformat(), "state": state}
        )
        for id_, call_id, due_on, state in due
        if call_id not in held
    ]
    return Page(found, cursor)


def check_holds(run: Run) -> Page:
    """A page of calls under a hold: what went after the hold was placed. Bytes that are missing show in the store."""
    organisation_id = run.organisation_id
    with tenancy.scope(organisation_id):
        items = holds.items(organisation_id).filter(result=holds.HELD).exclude(hold__state="released")
        page, cursor = _next(items.select_related("hold"), run.cursor)
        of_call = {item.call_id: item for item in page}
        rows = register.artifacts(organisation_id).filter(
            call_id__in=of_call, state__in=[ArtifactState.DELETED, ArtifactState.MISSING]
        )
        found = [_gone(row) for row in rows if _was_held(row, of_call[row.call_id])]
    return Page(found, cursor)


def _was_held(artifact: Any, item: Any) -> bool:
    """Whether the hold found it there: what was gone before, or on its way, is no breach of it."""
    if item.artifacts.get(str(artifact.id), holds.HELD) != holds.HELD:
        return False
    left_at = artifact.deleted_at
    return artifact.state == ArtifactState.MISSING or (left_at is not None and left_at >= item.hold.placed_at)


def _gone(artifact: Any) -> Difference:
    key = artifact.object.store_key if artifact.object else ""
    thing = key or f"recordings_artifact/{artifact.id}"
    return Difference(Kind.HELD_BUT_GONE, thing, artifact.id, artifact.object_id, {"state": artifact.state})


def _next(rows: QuerySet[Any], cursor: str) -> tuple[QuerySet[Any], str | None]:
    """The next page of rows by id, and the id after which the one behind it begins."""
    if cursor:
        rows = rows.filter(id__gt=UUID(cursor))
    ids = list(rows.order_by("id").values_list("id", flat=True)[: PAGE + 1])
    page = rows.filter(id__in=ids[:PAGE]).order_by("id")
    return page, str(ids[PAGE - 1]) if len(ids) > PAGE else None
