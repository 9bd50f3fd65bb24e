"""Opening content: each time for a purpose, each time an entry, and the entry is committed before the first byte
leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts import access as rights
from accounts import routing, tenancy
from accounts.actors import Actor, ActorKind, Origin
from compliance.connectors.facts import CallFacts, Message
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import access, events, ranges, tokens
from compliance.recordings.documents import Summary
from compliance.recordings.models import Artifact, Call, PlaybackLink
from compliance.recordings.operations import links
from compliance.recordings.ranges import ByteRange
from compliance.vault import store

OPEN_ENDED_LIMIT = 4 * 1024 * 1024
"""Bytes of an answer to `bytes=N-`: a listener reads slowly, and the thread behind it should not wait for the end of
the call.
"""


@dataclass(frozen=True, slots=True)
class Playable:
    """What a valid link leads to, before anything of it is opened."""

    organisation_id: UUID
    link_id: UUID
    media_type: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Playing:
    """A range of it, on its way: keys are loaded and the entry is written."""

    playable: Playable
    part: ByteRange
    pieces: Iterator[bytes]


def open_transcript(*, actor: Actor, call_id: UUID, purpose: str = "") -> list[Message]:
    """The words of a call. Raises NotFound where there are none, Gone once the call is erased."""
    purpose = allowed_purpose(actor, purpose)
    with tenancy.operation(actor):
        artifact = newest_transcript(actor, call_id)
        messages = access.messages_in(artifact)
        _note_opened(actor, artifact, purpose)
    return messages


def open_summary(*, actor: Actor, call_id: UUID, purpose: str = "") -> Summary:
    """What the platform made of a call; blank where it made nothing."""
    purpose = allowed_purpose(actor, purpose)
    with tenancy.operation(actor):
        artifact = _newest(actor, call_id, access.summary_of)
        if artifact is None:
            return Summary()
        summary = access.summary_in(artifact)
        _note_opened(actor, artifact, purpose)
    return summary


def open_call_facts(*, actor: Actor, call_id: UUID, purpose: str = "") -> CallFacts:
    """What the platform told about a call: number, name, ids."""
    purpose = allowed_purpose(actor, purpose)
    with tenancy.operation(actor):
        facts = access.kept_facts(access.call_of(actor.organisation_id, call_id))
        links.note_access(actor, events.CALL_OPENED, ("call", call_id), purpose, {})
    return facts


def look_up_link(token: str) -> Playable:
    """What a link leads to. Unknown, expired and revoked links look the same (NotFound); erased content is Gone."""
    link_id = tokens.read(token, settings.PLAYBACK_KEY)
    route = routing.resolve_route(routing.PLAYBACK, token) if link_id else None
    if route is None:
        raise NotFound()
    with tenancy.scope(route.organisation_id):
        return _playable(_usable(route.organisation_id, route.object_id))


def open_link(playable: Playable, asked: str | None, *, origin: Origin) -> Playing:
    """Open the asked range (`Range` header;

    None for everything), count it and write the entry. Raises ranges.Unsatisfiable.
    """
    part = ranges.read(asked, playable.size, open_ended_limit=OPEN_ENDED_LIMIT) or ranges.whole(playable.size)
    with tenancy.scope(playable.organisation_id):
        link = _usable(playable.organisation_id, playable.link_id)
        actor = _holder_of(link, origin)
        with tenancy.operation(actor):
            pieces = store.open_range(_object_of(link), part.start, part.stop)
            counted = access.links(link.organisation_id).filter(id=link.id)
            counted.update(opened=F("opened") + 1, bytes_served=F("bytes_served") + part.length)
            what: dict[str, str | int] = {"link": str(link.id), "from": part.start, "bytes": part.length}
            links.note_access(actor, events.ARTIFACT_OPENED, ("artifact", link.artifact_id), link.purpose, what)
    return Playing(playable, part, pieces)


def allowed_purpose(actor: Actor, purpose: str) -> str:
    """The purpose of an opening that this actor may make."""
    rights.require(actor, "recordings.open_content")
    return links.stated_purpose(actor, purpose)


def newest_transcript(actor: Actor, call_id: UUID) -> Artifact:
    """The transcript that is opened. Raises NotFound where there is none, Gone once the call is erased."""
    artifact = _newest(actor, call_id, access.transcript_of)
    if artifact is None:
        raise NotFound("This call has no transcript", code="no_transcript")
    return artifact


def _newest(actor: Actor, call_id: UUID, find: Callable[[UUID, UUID], Artifact | None]) -> Artifact | None:
    call = access.call_of(actor.organisation_id, call_id)
    if call.state != Call.State.ACTIVE:
        raise Gone("This call was erased")
    return find(actor.organisation_id, call_id)


def _note_opened(actor: Actor, artifact: Artifact, purpose: str) -> None:
    what: dict[str, str | int | bool | None] = {
        "call": str(artifact.call_id),
        "kind": artifact.kind,
        "version": artifact.version,
        "bytes": artifact.size,
    }
    links.note_access(actor, events.ARTIFACT_OPENED, ("artifact", artifact.id), purpose, what)


def _usable(organisation_id: UUID, link_id: UUID) -> PlaybackLink:
    link = access.link_of(organisation_id, link_id)
    if link.revoked_at is not None or timezone.now() >= link.expires_at:
        raise NotFound()
    links.refuse_unplayable(link.artifact)
    return link


def _object_of(link: PlaybackLink) -> store.SealedObject:
    sealed: store.SealedObject | None = link.artifact.object
    if sealed is None:
        raise Conflict("This recording is not stored", code="not_stored")
    return sealed


def _playable(link: PlaybackLink) -> Playable:
    sealed = _object_of(link)
    return Playable(link.organisation_id, link.id, link.artifact.media_type, sealed.size, sealed.etag)


def _holder_of(link: PlaybackLink, origin: Origin) -> Actor:
    """Whoever asked for the link answers for what is opened with it; where from is the listener's own."""
    kind, _, id_ = link.actor.partition(":")
    return Actor(
        kind=ActorKind(kind),
        organisation_id=link.organisation_id,
        id=UUID(id_) if id_ else None,
        purpose=link.purpose,
        origin=origin,
    )
