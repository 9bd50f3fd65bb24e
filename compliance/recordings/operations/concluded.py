"""What was worked out of a call's words follows the words: away with the transcript, and made again where it changes.

Called by operations, in their transactions, under the call's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from compliance import jobs
from compliance.recordings import access
from compliance.recordings.models import Artifact, CallInsights
from compliance.recordings.states import ArtifactKind


def forget_insights(organisation_id: UUID, call_ids: Iterable[UUID]) -> int:
    """Take away what is known of these calls; of how many something was."""
    rows = CallInsights.objects.for_organisation(organisation_id).filter(call_id__in=list(call_ids))
    return rows.delete()[0]


def forget_what_leaves(artifacts: Sequence[Artifact]) -> None:
    """Of these artifacts of one organisation, which begin to leave, what the transcripts told goes at once. Where an
    older version is left, it is looked through in their place.
    """
    call_ids = {one.call_id for one in artifacts if one.kind == ArtifactKind.TRANSCRIPT.value and one.call_id}
    if not call_ids:
        return
    organisation_id = artifacts[0].organisation_id
    forget_insights(organisation_id, call_ids)
    left = Artifact.objects.for_organisation(organisation_id).filter(call_id__in=call_ids)
    left = left.filter(kind=ArtifactKind.TRANSCRIPT.value, state__in=access.READABLE)
    for call_id in left.values_list("call_id", flat=True).distinct():
        ask_for_insights(organisation_id, call_id)


def ask_for_insights(organisation_id: UUID, call_id: UUID) -> None:
    """Have a call's words looked through, in the background, after this transaction."""
    jobs.enqueue_on_commit("recordings.conclude_transcript", organisation_id=organisation_id, object_id=call_id)
