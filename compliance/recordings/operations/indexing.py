"""Keeping the search index: a transcript's tokens are written after it is sealed and taken away with it.

What can go wrong: tokens that outlive their transcript, because somebody indexed it while somebody else erased it. So
tokens are written under the call's lock, after another look at the call, and taken away in the transaction in which the
transcript begins to leave. Housekeeping of derived data: who builds the whole index anew writes an entry, a single call
has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.recordings import documents, events, search, wording
from compliance.recordings.models import Artifact, Call, SearchCoverage, SearchEntry
from compliance.recordings.operations import erasing, indexed
from compliance.vault import store

BATCH = 100
"""Calls of a rebuild's transaction."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild came: calls that were looked at and indexed in this step, and whether it was the last."""

    looked_at: int
    indexed: int
    is_finished: bool


def index_call(organisation_id: UUID, call_id: UUID) -> bool:
    """Write the tokens of a call's newest transcript; whether there is one. May run twice."""
    with tenancy.scope(organisation_id):
        call = erasing.lock_call(organisation_id, call_id)
        transcripts = search.transcripts_of(organisation_id, [call_id])
        written = _write(organisation_id, {call_id: call}, transcripts, store.blinder(organisation_id))
        if not written:
            indexed.forget_words(organisation_id, [call_id])
        if not search.coverage_of(organisation_id).is_begun:
            ask_for_rebuild(organisation_id)
    return bool(written)


def ask_for_rebuild(organisation_id: UUID) -> None:
    """Have the index built anew, in the background, after this transaction."""
    jobs.enqueue_on_commit("recordings.rebuild_search", organisation_id=organisation_id, object_id=organisation_id)


def begin_rebuild(*, actor: Actor, is_fresh: bool = False) -> None:
    """Note that the index is to be built, from the newest call on. One that is under way goes on, and one that is
    finished stays, unless a fresh start is asked for.
    """
    with tenancy.operation(actor):
        rows = SearchCoverage.objects.for_organisation(actor.organisation_id)
        if is_fresh:
            SearchEntry.objects.for_organisation(actor.organisation_id).delete()
            rows.delete()
        if rows.exists():
            return
        SearchCoverage.objects.create(organisation_id=actor.organisation_id)
        _note(actor, events.SEARCH_BUILD_BEGUN, {"is_fresh": is_fresh})


def continue_rebuild(*, actor: Actor, blinder: store.Blinder, size: int = BATCH) -> Progress:
    """One more step of a rebuild that was begun, newest calls first. What is indexed already is not opened again."""
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        row = SearchCoverage.objects.for_organisation(organisation_id).select_for_update().first()
        if row is None or row.finished_at is not None:
            return Progress(0, 0, is_finished=row is not None)
        reached = search.Position(row.reached_at, row.reached_id) if row.reached_at and row.reached_id else None
        active = Call.objects.for_organisation(organisation_id).filter(state=Call.State.ACTIVE)
        positions = search.calls_from(active, reached, size)
        indexed = _index_missing(organisation_id, [position.id for position in positions], blinder)
        row.indexed += indexed
        if len(positions) < size:
            row.finished_at = timezone.now()
            _note(actor, events.SEARCH_BUILT, {"indexed": row.indexed})
        if positions:
            row.reached_at, row.reached_id = positions[-1].at, positions[-1].id
        row.save()
    return Progress(len(positions), indexed, row.finished_at is not None)


def _index_missing(organisation_id: UUID, call_ids: Sequence[UUID], blinder: store.Blinder) -> int:
    calls = {call.id: call for call in erasing.lock_calls(organisation_id, call_ids)}
    entries = SearchEntry.objects.for_organisation(organisation_id).filter(call_id__in=call_ids)
    known = {(id_, version, at) for id_, version, at in entries.values_list("call_id", "version", "began_at")}
    missing = [
        one
        for one in search.transcripts_of(organisation_id, call_ids)
        if one.call_id and (one.call_id, one.version, indexed.beginning_of(calls[one.call_id])) not in known
    ]
    return _write(organisation_id, calls, missing, blinder)


def _write(
    organisation_id: UUID, calls: dict[UUID, Call], transcripts: Sequence[Artifact], blinder: store.Blinder
) -> int:
    """Open, tokenise and keep, for locked calls; how many there were. What is destroyed or unreadable is left out."""
    artifacts = {one.object_id: one for one in transcripts}
    objects = [one.object for one in transcripts if one.object is not None]
    entries = []
    for sealed, document in store.open_each(organisation_id, objects):
        artifact = artifacts[sealed.id]
        if document is None or artifact.call_id is None:
            continue
        grams = wording.grams_of(message.content for message in documents.read_transcript(document))
        entries.append(
            SearchEntry(
                organisation_id=organisation_id,
                call_id=artifact.call_id,
                version=artifact.version,
                began_at=indexed.beginning_of(calls[artifact.call_id]),
                tokens=blinder.tokens(grams),
            )
        )
    SearchEntry.objects.bulk_create(
        entries,
        update_conflicts=True,
        unique_fields=["call"],
        update_fields=["version", "began_at", "tokens"],
    )
    return len(entries)


def _note(actor: Actor, event: str, what: dict[str, int | bool]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("organisation", actor.organisation_id),
        cls=log.EntryClass.SYSTEM,
        what=dict(what),
    )
