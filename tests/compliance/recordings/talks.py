"""Calls with words of the test's own, indexed as the worker does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import tenancy
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.models import Call, SearchCoverage, SearchEntry
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Answer, Box, Wanted
from compliance.recordings.search import Position
from tests.compliance import calls
from tests.compliance.calls import Line

INDEXING = ("recordings.index_transcript", "recordings.rebuild_search")
PATIENT = Box(seconds=600, calls=100_000)
"""For tests that are not about the box: a busy machine must not change what they find."""
BEGAN = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def say(line: Line, name: str, *contents: str, hours: float = 0, is_indexed: bool = True, **fields: Any) -> UUID:
    """A call `name` in which this was said, so many hours after `BEGAN`, speakers in turns; its id."""
    turns = [
        {"role": ("assistant", "user")[number % 2], "content": content, "timestamp": None}
        for number, content in enumerate(contents)
    ]
    began = BEGAN + timedelta(hours=hours)
    fields = {"startTime": began.isoformat(), "endTime": (began + timedelta(minutes=1)).isoformat()} | fields
    line.deliver(id=name, transcription=turns, recordingUrl=None, **fields)
    if is_indexed:
        index()
    return line.call(name).id


def index() -> list[str]:
    """Let the worker index what waits."""
    return calls.work(*INDEXING)


def search(
    line: Line,
    words: str,
    *,
    box: Box = PATIENT,
    after: Position | None = None,
    role: str | None = None,
    calls: CallFilter | None = None,
    limit: int = searching.MOST_HITS,
    is_counted: bool = False,
) -> Answer:
    """Search as the line's officer."""
    wanted = Wanted(words, calls or CallFilter(), role, after, limit, is_counted)
    return searching.search_transcripts(actor=line.actor, wanted=wanted, purpose="quality assurance", box=box)


def found(line: Line, words: str, **options: Any) -> list[UUID]:
    """The calls that a search finds, newest first."""
    return [hit.position.id for hit in search(line, words, **options).hits]


def lose_index(line: Line) -> None:
    """As a crash does it: every row of the unlogged tables is gone, and nobody is told."""
    with tenancy.scope(line.organisation_id):
        SearchEntry.objects.for_organisation(line.organisation_id).delete()
        SearchCoverage.objects.for_organisation(line.organisation_id).delete()


def indexed(line: Line) -> set[UUID]:
    """The calls in the index."""
    with tenancy.scope(line.organisation_id):
        return set(SearchEntry.objects.for_organisation(line.organisation_id).values_list("call_id", flat=True))


def call(line: Line, call_id: UUID) -> Call:
    with tenancy.scope(line.organisation_id):
        return Call.objects.for_organisation(line.organisation_id).get(id=call_id)
