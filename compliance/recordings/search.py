"""The door to the search index: which calls may hold the words, newest first, and how far back that is known.

What can go wrong: words that were said and are not found, and nobody is told. So the index never decides alone (whoever
uses this opens what it names), calls that wait to be indexed are candidates too, and where the index does not reach,
every call is a candidate. Reads inside an organisation's scope; opens nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from accounts import due_work
from compliance.errors import Invalid
from compliance.recordings import access, wording
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.models import Artifact, Call, SearchCoverage
from compliance.recordings.states import ArtifactKind
from compliance.vault import store

INDEX_JOB = "recordings.index_transcript"
WAITING_MOST = 200
"""Calls that wait to be indexed and are looked at all the same. Where more wait, the index is behind, and says so."""
PAGE = 2_000
_SCAN_PAGE = 100
_TOKENS_MOST = 32
"""Tokens asked for at once: more make the answer hardly narrower, and each costs a look into the index."""

BEGINNING = Coalesce("started_at", "ended_at", "registered_at")

# Only the tokens' index may be used: Postgres thinks that looking at every row's tokens is cheap, and it is not,
# because they lie beside the row. The hits are collected before they are put in order, for the same reason.
_BEFORE = """
    SELECT set_config('app.searched', %(tokens)s, true), set_config('enable_seqscan', 'off', true),
           set_config('jit', 'off', true);
"""
_AFTER = "; SELECT set_config('app.searched', '', true); SET LOCAL enable_seqscan TO DEFAULT; SET LOCAL jit TO DEFAULT"
_FIND = """
    WITH hits AS MATERIALIZED (
        SELECT call_id, began_at FROM recordings_searchentry WHERE organisation_id = %(organisation)s
    ), waiting AS (
        SELECT id, coalesce(started_at, ended_at, registered_at) FROM recordings_call
         WHERE organisation_id = %(organisation)s AND id = ANY(%(waiting)s) AND state = 'active'
    ), chosen AS MATERIALIZED (
        SELECT * FROM (SELECT * FROM hits UNION ALL SELECT * FROM waiting) AS found {filtered}
    )
    SELECT began_at, call_id, (SELECT count(*) FROM chosen) FROM chosen
     WHERE (began_at, call_id) < (%(at)s, %(id)s) AND (began_at, call_id) >= (%(floor_at)s, %(floor_id)s)
     ORDER BY began_at DESC, call_id DESC LIMIT %(limit)s
"""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_LAST = UUID(int=2**128 - 1)
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A call's place among all calls: its beginning, and its id between those that began together."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the index knows: every call down to `floor` (None: none at all, or all where it is complete)."""

    is_begun: bool
    is_complete: bool
    floor: Position | None = None
    waiting: tuple[UUID, ...] = ()

    @property
    def is_behind(self) -> bool:
        """Whether more calls wait to be indexed than are looked at meanwhile."""
        return len(self.waiting) > WAITING_MOST


@dataclass(frozen=True, slots=True)
class Page:
    """Candidates, newest first. `total` is how many there are by the index, where it says so."""

    positions: Sequence[Position]
    total: int | None = None


def cursor_of(position: Position) -> str:
    """A position as a text that a client gives back."""
    microseconds = (position.at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(microseconds.to_bytes(8, "big", signed=True) + position.id.bytes).decode()


def read_cursor(text: str) -> Position:
    """The inverse of `cursor_of`. Raises Invalid."""
    if re.fullmatch("[A-Za-z0-9_-]{32}", text):
        data = base64.urlsafe_b64decode(text)
        try:
            return Position(_EPOCH + int.from_bytes(data[:8], "big", signed=True) * _MICROSECOND, UUID(bytes=data[8:]))
        except OverflowError:
            pass
    raise Invalid("This cursor is not one of ours", errors={"cursor": ["Not valid."]})


def coverage_of(organisation_id: UUID) -> Coverage:
    """How far back the organisation's index reaches."""
    row: SearchCoverage | None = SearchCoverage.objects.for_organisation(organisation_id).first()
    waiting = tuple(due_work.objects_waiting(INDEX_JOB, organisation_id, WAITING_MOST + 1))
    if row is None:
        return Coverage(False, False, waiting=waiting)
    floor = Position(row.reached_at, row.reached_id) if row.reached_at and row.reached_id else None
    return Coverage(True, row.finished_at is not None, floor, waiting)


def candidates(
    organisation_id: UUID, words: str, calls: CallFilter, after: Position | None, known: Coverage
) -> Iterator[Page]:
    """Every call in which the words may stand, from `after` on, newest first; when it ends, there is none left."""
    if wording.is_indexable(words) and (known.is_complete or known.floor is not None):
        floor = None if known.is_complete else known.floor
        if after is None or floor is None or after > floor:
            yield from _by_index(organisation_id, words, calls, after, floor, known)
            after = floor
        if floor is None:
            return
    yield from _by_looking_at_all(organisation_id, calls, after)


def calls_from(rows: QuerySet[Call], after: Position | None, size: int) -> list[Position]:
    """So many of these calls, newest first, behind a position."""
    rows = rows.annotate(beginning=BEGINNING)
    if after is not None:
        rows = rows.filter(beginning__lte=after.at).filter(Q(beginning__lt=after.at) | Q(id__lt=after.id))
    found = rows.order_by("-beginning", "-id").values_list("beginning", "id")[:size]
    return [Position(at, id_) for at, id_ in found]


def transcripts_of(organisation_id: UUID, call_ids: Sequence[UUID]) -> list[Artifact]:
    """The newest transcript that can be read of each active call, with its object."""
    rows = Artifact.objects.for_organisation(organisation_id).select_related("object")
    rows = rows.filter(call_id__in=call_ids, call__state=Call.State.ACTIVE, kind=ArtifactKind.TRANSCRIPT.value)
    rows = rows.filter(variant="", state__in=access.READABLE, object__isnull=False)
    return list(rows.order_by("call_id", "-version").distinct("call_id"))


def _by_looking_at_all(organisation_id: UUID, calls: CallFilter, after: Position | None) -> Iterator[Page]:
    rows = calls.apply(Call.objects.for_organisation(organisation_id).filter(state=Call.State.ACTIVE))
    while found := calls_from(rows, after, _SCAN_PAGE):
        yield Page(found)
        after = found[-1]


def _by_index(
    organisation_id: UUID,
    words: str,
    calls: CallFilter,
    after: Position | None,
    floor: Position | None,
    known: Coverage,
) -> Iterator[Page]:
    grams = sorted(wording.grams_of([words]))
    tokens = store.blinder(organisation_id).tokens(grams[:: -(-len(grams) // _TOKENS_MOST)])
    asked: dict[str, Any] = {
        "organisation": organisation_id,
        "tokens": "{" + ",".join(map(str, tokens)) + "}",
        "waiting": list(known.waiting[:WAITING_MOST]),
        "floor_at": floor.at if floor else "-infinity",
        "floor_id": floor.id if floor else _FIRST,
        "limit": PAGE,
    }
    while True:
        found, total = _ask(
            calls, asked | {"at": after.at if after else "infinity", "id": after.id if after else _LAST}
        )
        positions = list(dict.fromkeys(found))  # a call may be indexed and wait to be indexed anew
        yield Page(positions, total)
        if len(found) < PAGE:
            return
        after = positions[-1]


def _ask(calls: CallFilter, asked: dict[str, Any]) -> tuple[list[Position], int]:
    filtered = ""
    if not calls.is_blank:
        meant = calls.apply(Call.objects.for_organisation(asked["organisation"])).order_by().values("id").query
        with connection.cursor() as cursor:
            filtered = f"WHERE call_id IN ({cursor.mogrify(*meant.sql_with_params())})".replace("%", "%%")
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE + _FIND.format(filtered=filtered) + _AFTER, asked)
        cursor.nextset()
        rows = cursor.fetchall()
        while cursor.nextset():
            pass
    return [Position(at, id_) for at, id_, _ in rows], rows[0][2] if rows else 0
