"""What the search index holds of a call follows the call: away with its transcript, and in its place in time.

Called by operations, in their transactions, under the call's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from compliance import jobs
from compliance.recordings import access
from compliance.recordings.models import Artifact, Call, SearchEntry
from compliance.recordings.states import ArtifactKind


def forget_words(organisation_id: UUID, call_ids: Iterable[UUID]) -> int:
    """Take these calls out of the search index; how many were in it."""
    rows = SearchEntry.objects.for_organisation(organisation_id).filter(call_id__in=list(call_ids))
    return rows.delete()[0]


def forget_what_leaves(artifacts: Sequence[Artifact]) -> None:
    """Of these artifacts of one organisation, which begin to leave, the transcripts' tokens go at once. Where an older
    version is left, it is indexed in their place.
    """
    call_ids = {one.call_id for one in artifacts if one.kind == ArtifactKind.TRANSCRIPT.value and one.call_id}
    if not call_ids:
        return
    organisation_id = artifacts[0].organisation_id
    forget_words(organisation_id, call_ids)
    left = Artifact.objects.for_organisation(organisation_id).filter(call_id__in=call_ids)
    left = left.filter(kind=ArtifactKind.TRANSCRIPT.value, state__in=access.READABLE)
    for call_id in left.values_list("call_id", flat=True).distinct():
        ask_for_words(organisation_id, call_id)


def ask_for_words(organisation_id: UUID, call_id: UUID | None) -> None:
    """Have a call indexed, in the background, after this transaction."""
    if call_id is not None:
        jobs.enqueue_on_commit("recordings.index_transcript", organisation_id=organisation_id, object_id=call_id)


def beginning_of(call: Call) -> datetime:
    """When a call began, as far as that is known. `search.BEGINNING` says the same to the database."""
    began: datetime = call.started_at or call.ended_at or call.registered_at
    return began


def follow_beginning(call: Call) -> None:
    """The index keeps the call's beginning, and a platform may tell another one later."""
    entries = SearchEntry.objects.for_organisation(call.organisation_id).filter(call_id=call.id)
    entries.update(began_at=beginning_of(call))
