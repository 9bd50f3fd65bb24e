"""Working out what a transcript holds, once, and keeping it sealed beside it.

What can go wrong: insights that outlive their transcript, or that are another version's. So words are looked through
outside any lock, and what came of it is kept under the call's lock, after another look at which transcript is the
newest. Housekeeping of derived data: it has no entry of its own, and whoever opens it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from compliance.errors import Conflict
from compliance.recordings import access, documents, events, labels, search
from compliance.recordings.insights import conclusions
from compliance.recordings.insights.conclusions import METHOD, Insights
from compliance.recordings.models import Artifact, Call, CallInsights
from compliance.recordings.operations import concluded, erasing, links, opening
from compliance.recordings.states import ArtifactKind
from compliance.vault import store

SWEEP_MOST = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """Insights with what they are about. Not current: the method or what is known of the call is newer, and they are
    being worked out again.
    """

    insights: Insights
    version: int
    method: int
    made_at: datetime
    is_current: bool


def conclude_call(organisation_id: UUID, call_id: UUID) -> bool:
    """Look through a call's newest transcript and keep what is found; whether there is one. May run twice."""
    with tenancy.scope(organisation_id):
        call = access.call_of(organisation_id, call_id)
        artifact = _newest(organisation_id, call_id)
        if artifact is None or artifact.object is None:
            return False
        opened = list(store.open_each(organisation_id, [artifact.object]))
    if not opened:  # its keys are gone
        return False
    document = opened[0][1]
    found = None if document is None else _conclude(call, document)
    with tenancy.scope(organisation_id):
        call = erasing.lock_call(organisation_id, call_id)
        newest = _newest(organisation_id, call_id)
        if newest is None or newest.id != artifact.id:
            return False  # whoever changed that has asked for another look
        try:
            _keep(call, artifact, found)
        except store.KeyDestroyed:
            return False
    return True


def open_insights(*, actor: Actor, call_id: UUID, purpose: str = "") -> Opened:
    """What a call's words hold, for a purpose, with an entry. Raises NotFound (`no_transcript`), Gone once the call is
    erased, and Conflict (`insights_pending`) until it is worked out.
    """
    purpose = opening.allowed_purpose(actor, purpose)
    with tenancy.operation(actor):
        artifact = opening.newest_transcript(actor, call_id)
        call = access.call_of(actor.organisation_id, call_id)
        found = _opened(call, artifact)
        if found is None or not found.is_current:
            concluded.ask_for_insights(actor.organisation_id, call_id)
        if found is not None:
            what: dict[str, str | int | bool | None] = {
                "artifact": str(artifact.id),
                "version": found.version,
                "method": found.method,
            }
            links.note_access(actor, events.INSIGHTS_OPENED, ("call", call_id), purpose, what)
    if found is None:
        raise Conflict("This call's words are still being looked through", code="insights_pending")
    return found


def ask_where_missing(organisation_id: UUID) -> int:
    """Have calls looked through of which nothing is known by today's method, the newest first; how many."""
    with tenancy.scope(organisation_id):
        known = CallInsights.objects.for_organisation(organisation_id).filter(call_id=OuterRef("pk"), method=METHOD)
        words = Artifact.objects.for_organisation(organisation_id).filter(
            call_id=OuterRef("pk"), kind=ArtifactKind.TRANSCRIPT.value, state__in=access.READABLE
        )
        calls = Call.objects.for_organisation(organisation_id).filter(Exists(words), ~Exists(known), state="active")
        ids = list(calls.order_by("-id").values_list("id", flat=True)[:SWEEP_MOST])
        for call_id in ids:
            concluded.ask_for_insights(organisation_id, call_id)
    return len(ids)


def _newest(organisation_id: UUID, call_id: UUID) -> Artifact | None:
    return next(iter(search.transcripts_of(organisation_id, [call_id])), None)


def _conclude(call: Call, document: bytes) -> Insights:
    messages = documents.read_transcript(document)
    return conclusions.conclude(messages, language=call.language, regions=access.regions_of(call))


def _keep(call: Call, artifact: Artifact, found: Insights | None) -> None:
    sealed = None
    if found is not None:
        scope = access.call_scope(call.organisation_id, call.id)
        document = conclusions.insights_document(found)
        sealed = store.seal_value(call.organisation_id, scope, labels.insights(artifact.id), document)
    CallInsights.objects.for_organisation(call.organisation_id).update_or_create(
        call=call,
        defaults={"artifact": artifact, "method": METHOD, "sealed": sealed, "made_at": timezone.now()},
        create_defaults={
            "organisation_id": call.organisation_id,
            "artifact": artifact,
            "method": METHOD,
            "sealed": sealed,
        },
    )


def _opened(call: Call, artifact: Artifact) -> Opened | None:
    row = access.insights_row(artifact)
    if row is None or row.sealed is None:
        if row is not None:
            access.messages_in(artifact)  # says why nothing is known, where that still holds
        return None
    found = access.insights_in(row)
    told, regions = call.language.replace("_", "-"), access.regions_of(call)
    is_current = row.method == METHOD and found.regions == regions and told in ("", found.sentiment.language)
    return Opened(found, artifact.version, row.method, row.made_at, is_current)
