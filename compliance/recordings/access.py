"""Doors to the register: one way from an outside id to an object, and the look-ups that other rooms build on.

Absent and somebody else's look the same. Everything here is read inside an organisation's scope; outside one, row
security shows nothing.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import access
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.connectors.facts import CallFacts, Message
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import documents, fingerprints, labels, places
from compliance.recordings.documents import Summary
from compliance.recordings.insights import conclusions
from compliance.recordings.insights.conclusions import Insights
from compliance.recordings.models import (
    Artifact,
    Call,
    CallInsights,
    Download,
    DownloadItem,
    Location,
    Party,
    PlaybackLink,
)
from compliance.recordings.states import ArtifactKind, ArtifactState
from compliance.vault import scopes, store

READABLE = frozenset({ArtifactState.STORED.value, ArtifactState.DUE.value, ArtifactState.HELD.value})
"""States in which our own bytes are there and may be opened."""

LEAVING = frozenset(
    {
        ArtifactState.DELETING.value,
        ArtifactState.DELETE_FAILED.value,
        ArtifactState.DELETED.value,
        ArtifactState.NEVER_RECORDED.value,
    }
)
"""States of what is gone for good or on its way: nothing of its kind is taken in again for the call."""


# --- one object -----------------------------------------------------------------------------------


def call_for(actor: Actor, reference: UUID | str) -> Call:
    """The actor's call by our id or by the platform's.

    Where two connections use one platform id, only ours is exact.
    """
    access.require(actor, "recordings.read")
    id_ = _as_id(reference)
    found = list(calls(actor.organisation_id).filter(id=id_)) if id_ else []
    found = found or list(calls_named(actor.organisation_id, str(reference))[:2])
    if not found:
        raise NotFound()
    if len(found) > 1:
        raise Conflict("More than one call has this id at its platform: use our id", code="ambiguous_id")
    return found[0]


def artifact_for(actor: Actor, artifact_id: UUID) -> Artifact:
    """The actor's artifact of this id, with its call and object."""
    access.require(actor, "recordings.read")
    return artifact_of(actor.organisation_id, artifact_id)


def call_of(organisation_id: UUID, call_id: UUID) -> Call:
    """The organisation's call, for machinery that asked for its rights already."""
    found = calls(organisation_id).filter(id=call_id).first()
    if found is None:
        raise NotFound()
    return found


def artifact_of(organisation_id: UUID, artifact_id: UUID) -> Artifact:
    """The organisation's artifact, for machinery that asked for its rights already."""
    found = artifacts(organisation_id).filter(id=artifact_id).first()
    if found is None:
        raise NotFound()
    return found


def link_of(organisation_id: UUID, link_id: UUID) -> PlaybackLink:
    """The organisation's playback link, with artifact, call and object."""
    found = links(organisation_id).filter(id=link_id).first()
    if found is None:
        raise NotFound()
    return found


def _as_id(reference: UUID | str) -> UUID | None:
    try:
        return reference if isinstance(reference, UUID) else UUID(reference)
    except ValueError:
        return None


# --- many -----------------------------------------------------------------------------------------


def calls(organisation_id: UUID) -> QuerySet[Call]:
    """Every call of an organisation, with agent and connection."""
    return Call.objects.for_organisation(organisation_id).select_related("agent", "connection")


def calls_named(organisation_id: UUID, external_id: str) -> QuerySet[Call]:
    """The calls that platforms name so, erased ones included: found by the digest, which stays when the name goes."""
    connections = connectors.connections_of(organisation_id).values_list("id", flat=True)
    digests = {id_: fingerprints.of_call(organisation_id, id_, external_id) for id_ in connections}
    return calls(organisation_id).filter(connection__in=list(digests), external_digest__in=list(digests.values()))


def artifacts(organisation_id: UUID) -> QuerySet[Artifact]:
    """Every artifact of an organisation, with its call and object."""
    return Artifact.objects.for_organisation(organisation_id).select_related("call", "object")


def with_last_contact(rows: QuerySet[Artifact], organisation_id: UUID) -> QuerySet[Artifact]:
    """Artifacts with `last_contact_at`: the newest call, of those not erased, of any principal of their call."""
    principals = Party.objects.for_organisation(organisation_id).filter(part=Party.Part.PRINCIPAL)
    people = principals.filter(call_id=OuterRef(OuterRef("call_id"))).values("subject_id")
    contacts = principals.filter(subject_id__in=Subquery(people)).exclude(call__state=Call.State.ERASED)
    times = contacts.annotate(at=Coalesce("call__ended_at", "call__started_at", "call__registered_at"))
    return rows.annotate(last_contact_at=Subquery(times.order_by("-at").values("at")[:1]))


def artifacts_of_subjects(organisation_id: UUID, call_id: UUID) -> QuerySet[Artifact]:
    """Every artifact of every call of this call's principals, this call's included."""
    everyone = Party.objects.for_organisation(organisation_id).filter(part=Party.Part.PRINCIPAL)
    people = everyone.filter(call_id=call_id).values("subject_id")
    return artifacts(organisation_id).filter(call_id__in=everyone.filter(subject_id__in=people).values("call_id"))


def locations(organisation_id: UUID) -> QuerySet[Location]:
    """Every location of an organisation's artifacts."""
    return Location.objects.for_organisation(organisation_id)


def links(organisation_id: UUID) -> QuerySet[PlaybackLink]:
    """Every playback link, with artifact, call and object."""
    return PlaybackLink.objects.for_organisation(organisation_id).select_related("artifact__call", "artifact__object")


def downloads(organisation_id: UUID) -> QuerySet[Download]:
    """Every batch download of an organisation."""
    return Download.objects.for_organisation(organisation_id)


def download_items(organisation_id: UUID, download_id: UUID) -> QuerySet[DownloadItem]:
    """What belongs to a batch download, with the artifacts."""
    rows = DownloadItem.objects.for_organisation(organisation_id).filter(download_id=download_id)
    return rows.select_related("artifact")


def artifacts_of(organisation_id: UUID, call_id: UUID) -> list[Artifact]:
    """A call's artifacts, oldest first."""
    return list(artifacts(organisation_id).filter(call_id=call_id).order_by("id"))


def locations_of(organisation_id: UUID, artifact_id: UUID) -> list[Location]:
    """Where an artifact's bytes lie, oldest first."""
    return list(locations(organisation_id).filter(artifact_id=artifact_id).order_by("id"))


def parties_of(organisation_id: UUID, call_id: UUID) -> list[Party]:
    """Who took part in a call, with their subjects."""
    rows = Party.objects.for_organisation(organisation_id).select_related("subject")
    return list(rows.filter(call_id=call_id).order_by("id"))


def principals(organisation_id: UUID, call_id: UUID) -> tuple[UUID, ...]:
    """The data subjects whose keys are part of the call's."""
    rows = Party.objects.for_organisation(organisation_id).filter(call_id=call_id, part=Party.Part.PRINCIPAL)
    return tuple(sorted(rows.values_list("subject_id", flat=True)))


def call_scope(organisation_id: UUID, call_id: UUID) -> scopes.Scope:
    """The vault's scope of a call: what is sealed under it ends with the call, and with each of its principals."""
    return scopes.call(call_id, principals(organisation_id, call_id))


# --- what is sealed -------------------------------------------------------------------------------


def kept_facts(call: Call) -> CallFacts:
    """What the platform told, opened; without what has artifacts of its own.

    Not logged. Raises Gone once the call is erased.
    """
    if call.state != Call.State.ACTIVE or call.sealed_facts is None:
        raise Gone("This call was erased")
    scope = call_scope(call.organisation_id, call.id)
    document = store.open_value(call.organisation_id, scope, labels.facts(call.id), bytes(call.sealed_facts))
    return documents.read_facts(call.external_id, document, call.standings)


def source_of(artifact: Artifact) -> str | None:
    """The artifact's address at the platform, opened."""
    if artifact.sealed_source is None or artifact.call_id is None:
        return None
    scope = call_scope(artifact.organisation_id, artifact.call_id)
    return store.open_value(
        artifact.organisation_id, scope, labels.source(artifact.id), bytes(artifact.sealed_source)
    ).decode()


def transcript_of(organisation_id: UUID, call_id: UUID) -> Artifact | None:
    """The newest transcript that can be read."""
    return _newest(organisation_id, call_id, ArtifactKind.TRANSCRIPT)


def summary_of(organisation_id: UUID, call_id: UUID) -> Artifact | None:
    """The newest summary that can be read."""
    return _newest(organisation_id, call_id, ArtifactKind.SUMMARY)


def recording_of(organisation_id: UUID, call_id: UUID) -> Artifact | None:
    """The recording to play first: stereo or mono before single legs."""
    rows = artifacts(organisation_id).filter(call_id=call_id, kind=ArtifactKind.RECORDING.value, state__in=READABLE)
    order = {"stereo": 0, "mono": 1}
    return min(rows, key=lambda row: (order.get(row.variant, 2), row.id), default=None)


def _newest(organisation_id: UUID, call_id: UUID, kind: ArtifactKind) -> Artifact | None:
    rows = artifacts(organisation_id).filter(call_id=call_id, kind=kind.value, variant="", state__in=READABLE)
    return rows.order_by("-version").first()


def messages_in(artifact: Artifact) -> list[Message]:
    """A transcript's turns, opened. Not logged: who shows them to anybody logs the opening."""
    return documents.read_transcript(bytes_of(artifact))


def summary_in(artifact: Artifact) -> Summary:
    """A summary, opened. Not logged."""
    return documents.read_summary(bytes_of(artifact))


def insights_row(transcript: Artifact) -> CallInsights | None:
    """What is kept of a transcript beside it; None until it was looked through."""
    rows = CallInsights.objects.for_organisation(transcript.organisation_id)
    found: CallInsights | None = rows.filter(artifact_id=transcript.id).first()
    return found


def insights_in(row: CallInsights) -> Insights:
    """What is kept there, opened. Not logged. Raises Gone where nothing could be read."""
    document = insights_document(row)
    if document is None:
        raise Gone("Nothing could be read of this")
    return conclusions.read_insights(document)


def insights_document(row: CallInsights) -> bytes | None:
    """The document that is sealed there; None where nothing could be read."""
    if row.sealed is None:
        return None
    scope = call_scope(row.organisation_id, row.call_id)
    return store.open_value(row.organisation_id, scope, labels.insights(row.artifact_id), bytes(row.sealed))


def regions_of(call: Call) -> tuple[str, ...]:
    """The countries whose way of dialling people in this call may use."""
    return conclusions.regions_of(places.that_count(places.from_json(call.places)))


def bytes_of(artifact: Artifact) -> bytes:
    """A small artifact's content, opened. Not logged. Raises Gone where nothing is left of it."""
    if artifact.object is None or artifact.state not in READABLE:
        raise Gone("Nothing is left of this")
    return store.open_bytes(artifact.object)
