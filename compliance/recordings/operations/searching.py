"""Searching the words of calls: candidates are opened and looked at, newest first, within a box of time and number.

What can go wrong: an answer that looks whole and is not. So it always says how far back it went, goes on from there by
its position, and says whether the index was whole. The search is an entry without its words; each call whose words are
shown is an entry of its own, as any other opening.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.facts import Message
from compliance.errors import Invalid
from compliance.recordings import access, documents, events, search, wording
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.models import Artifact, Call
from compliance.recordings.operations import indexing, links
from compliance.recordings.search import Coverage, Position
from compliance.recordings.wording import Excerpt
from compliance.vault import store

LONGEST = 200
"""Characters of the words that are looked for."""
MOST_HITS = 50
_EXCERPTS = 3
_CHUNKS = (50, 200)
"""Calls opened at once: few at first, because the newest few often are the answer."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, exactly as it was written; `role` is the platform's word for who spoke."""

    words: str = field(repr=False)
    calls: CallFilter = field(default_factory=CallFilter)
    role: str | None = None
    after: Position | None = None
    limit: int = MOST_HITS
    is_counted: bool = False
    """Whether to look on behind the last hit that is shown, to count."""


@dataclass(frozen=True, slots=True)
class Box:
    """What one search may cost: seconds (looked at between chunks of calls), and calls that are opened."""

    seconds: float = 0.3
    calls: int = 2_000


USUAL = Box()


@dataclass(frozen=True, slots=True)
class Hit:
    """A call in which the words stand: the turns, from 0, and the sentences around them in the first few."""

    position: Position
    artifact: Artifact
    turns: Sequence[int]
    excerpts: Sequence[Excerpt]


@dataclass(frozen=True, slots=True)
class Count:
    """How many calls hold the words: `exact`; `about`, from the index and what was opened; or `at_least`."""

    number: int
    kind: Literal["exact", "about", "at_least"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, and how far that reaches. `after` is where to go on; None where nothing is left."""

    hits: Sequence[Hit]
    calls: Mapping[UUID, Call]
    after: Position | None
    coverage: Coverage
    opened: int
    unreadable: int
    count: Count | None


@dataclass(slots=True)
class _Looking:
    """How far a search came."""

    hits: list[Hit] = field(default_factory=list)
    found: int = 0
    opened: int = 0
    unreadable: int = 0
    total: int | None = None
    last: Position | None = None
    is_exhausted: bool = False


def search_transcripts(*, actor: Actor, wanted: Wanted, purpose: str = "", box: Box = USUAL) -> Answer:
    """The newest calls in which the words were said. Raises Invalid for words that cannot be looked for."""
    rights.require(actor, "recordings.search_transcripts")
    purpose = links.stated_purpose(actor, purpose)
    if not 0 < len(wanted.words) <= LONGEST:
        raise Invalid(f"Words of 1 to {LONGEST} characters", errors={"words": [f"1 to {LONGEST} characters."]})
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        coverage = search.coverage_of(organisation_id)
        if not coverage.is_begun:
            indexing.ask_for_rebuild(organisation_id)
        looking = _look(organisation_id, wanted, coverage, box)
        answer = _answer(organisation_id, wanted, coverage, looking)
        what: dict[str, str | int | bool | None] = {
            "opened": answer.opened,
            "found": len(answer.hits),
            "filters": len(wanted.calls.to_json()) + (wanted.role is not None),
            "is_complete": answer.after is None and not coverage.is_behind,
        }
        links.note_access(actor, events.TRANSCRIPTS_SEARCHED, ("organisation", organisation_id), purpose, what)
        for hit in answer.hits:
            _note_shown(actor, hit, purpose, entry_id)
    return answer


def _look(organisation_id: UUID, wanted: Wanted, coverage: Coverage, box: Box) -> _Looking:
    looking, end = _Looking(last=wanted.after), time.monotonic() + box.seconds
    for page in search.candidates(organisation_id, wanted.words, wanted.calls, wanted.after, coverage):
        looking.total = page.total if looking.opened == 0 and wanted.after is None else looking.total
        for chunk in _chunks(page.positions, looking.opened):
            for position, artifact, messages in _opened(organisation_id, chunk):
                _take(looking, wanted, position, artifact, messages)
                if _is_enough(looking, wanted):
                    return looking
            if looking.opened >= box.calls or time.monotonic() >= end:
                return looking
    looking.is_exhausted = True
    return looking


def _is_enough(looking: _Looking, wanted: Wanted) -> bool:
    return len(looking.hits) >= wanted.limit and not wanted.is_counted


def _chunks(positions: Sequence[Position], opened: int) -> Iterator[Sequence[Position]]:
    at = 0
    while at < len(positions):
        size = _CHUNKS[0] if opened + at == 0 else _CHUNKS[1]
        yield positions[at : at + size]
        at += size


def _opened(
    organisation_id: UUID, chunk: Sequence[Position]
) -> Iterator[tuple[Position, Artifact | None, list[Message] | None]]:
    """Each candidate with its newest words: no artifact where it has none that lives, no words where they are
    unreadable.
    """
    transcripts = search.transcripts_of(organisation_id, [position.id for position in chunk])
    objects = [one.object for one in transcripts if one.object is not None]
    plain = {sealed.id: document for sealed, document in store.open_each(organisation_id, objects)}
    by_call = {one.call_id: one for one in transcripts if one.object_id in plain}
    for position in chunk:
        artifact = by_call.get(position.id)
        document = plain[artifact.object_id] if artifact and artifact.object_id else None
        yield position, artifact, None if document is None else documents.read_transcript(document)


def _take(
    looking: _Looking, wanted: Wanted, position: Position, artifact: Artifact | None, messages: list[Message] | None
) -> None:
    looking.opened += 1
    is_full = len(looking.hits) >= wanted.limit
    if not is_full:
        looking.last = position
    if artifact is None or messages is None:
        looking.unreadable += artifact is not None
        return
    turns = wording.turns_with(wanted.words, messages, wanted.role)
    looking.found += bool(turns)
    if turns and not is_full:
        excerpts = [wording.excerpt(wanted.words, messages, turn) for turn in turns[:_EXCERPTS]]
        looking.hits.append(Hit(position, artifact, turns, excerpts))


def _answer(organisation_id: UUID, wanted: Wanted, coverage: Coverage, looking: _Looking) -> Answer:
    rows = access.calls(organisation_id).defer("sealed_facts", "standings")
    calls = rows.in_bulk([hit.position.id for hit in looking.hits])
    is_all_shown = looking.is_exhausted and looking.found == len(looking.hits)
    return Answer(
        hits=looking.hits,
        calls=calls,
        after=None if is_all_shown else looking.last,
        coverage=coverage,
        opened=looking.opened,
        unreadable=looking.unreadable,
        count=_count(wanted, coverage, looking),
    )


def _count(wanted: Wanted, coverage: Coverage, looking: _Looking) -> Count | None:
    """Of the whole search only; a later page has none."""
    if wanted.after is not None:
        return None
    if looking.is_exhausted and not coverage.is_behind:
        return Count(looking.found, "exact")
    if looking.total is None or not coverage.is_complete or not looking.opened:
        return Count(looking.found, "at_least")
    left = max(0, looking.total - looking.opened)
    return Count(looking.found + round(left * looking.found / looking.opened), "about")


def _note_shown(actor: Actor, hit: Hit, purpose: str, search_id: UUID) -> None:
    what: dict[str, str | int | bool | None] = {
        "call": str(hit.position.id),
        "kind": hit.artifact.kind,
        "version": hit.artifact.version,
        "turns": len(hit.excerpts),
        "search": str(search_id),
    }
    links.note_access(actor, events.ARTIFACT_OPENED, ("artifact", hit.artifact.id), purpose, what)
