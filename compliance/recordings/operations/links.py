"""Links by which a browser plays one artifact: short-lived, for one purpose, revocable, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import routing, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Gone, Invalid
from compliance.recordings import access, events, purposes, tokens
from compliance.recordings.models import Artifact, Call, PlaybackLink
from compliance.recordings.states import ArtifactKind

LIFETIME = timedelta(minutes=15)
LONGEST = timedelta(hours=1)
PLAYABLE = frozenset({ArtifactKind.RECORDING.value, ArtifactKind.REDACTED_COPY.value, ArtifactKind.VOICEMAIL.value})


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link as its holder gets it."""

    link: PlaybackLink
    token: str
    url: str


def issue_playback_link(
    *, actor: Actor, artifact_id: UUID, purpose: str = "", lifetime: timedelta = LIFETIME
) -> IssuedLink:
    """A link to one recording for a stated purpose (the actor's own, where none is given), for at most an hour."""
    rights.require(actor, "recordings.open_content")
    purpose = stated_purpose(actor, purpose)
    if not timedelta(0) < lifetime <= LONGEST:
        raise Invalid("A link lives for at most an hour", errors={"lifetime_seconds": ["1 to 3600."]})
    with tenancy.operation(actor):
        artifact = access.artifact_of(actor.organisation_id, artifact_id)
        refuse_unplayable(artifact)
        link = PlaybackLink.objects.create(
            organisation_id=actor.organisation_id,
            artifact=artifact,
            actor=actor.reference,
            purpose=purpose,
            expires_at=timezone.now() + lifetime,
        )
        token = token_of(link)
        routing.publish_route(routing.PLAYBACK, token, organisation_id=actor.organisation_id, object_id=link.id)
        what: dict[str, str | int] = {"artifact": str(artifact.id), "seconds": int(lifetime.total_seconds())}
        note_access(actor, events.LINK_ISSUED, ("link", link.id), purpose, what)
    return IssuedLink(link, token, url_of(link))


def revoke_playback_link(*, actor: Actor, link_id: UUID) -> PlaybackLink:
    """End a link at once. Revoking twice changes nothing."""
    rights.require(actor, "recordings.open_content")
    with tenancy.operation(actor):
        link = access.link_of(actor.organisation_id, link_id)
        if link.revoked_at is None:
            link.revoked_at = timezone.now()
            link.save(update_fields=["revoked_at"])
            routing.withdraw_routes(routing.PLAYBACK, object_id=link.id)
            what: dict[str, str | int] = {"artifact": str(link.artifact_id), "opened": link.opened}
            note_access(actor, events.LINK_REVOKED, ("link", link.id), link.purpose, what)
    return link


def withdraw_expired(organisation_id: UUID, now: datetime) -> int:
    """Take away the routes of links that ended on their own: they lead nowhere any more. Housekeeping, so no entry."""
    with tenancy.scope(organisation_id):
        ended = access.links(organisation_id).filter(expires_at__lte=now, expires_at__gt=now - timedelta(days=2))
        return sum(
            routing.withdraw_routes(routing.PLAYBACK, object_id=id_) for id_ in ended.values_list("id", flat=True)
        )


def token_of(link: PlaybackLink) -> str:
    """The link's token, made again from its id."""
    return tokens.make(link.id, settings.PLAYBACK_KEY)


def url_of(link: PlaybackLink) -> str:
    """The link's full address."""
    return f"{settings.PUBLIC_URL}/play/{token_of(link)}"


def stated_purpose(actor: Actor, purpose: str) -> str:
    """The purpose of an opening: content is never opened without one."""
    purpose = (purpose or actor.purpose).strip()
    if not purpose or len(purpose) > purposes.MAX_LENGTH:
        message = f"Content is opened for a stated purpose of 1 to {purposes.MAX_LENGTH} characters"
        raise Invalid(message, code="purpose_needed", errors={"purpose": [f"1 to {purposes.MAX_LENGTH} characters."]})
    return purpose


def refuse_unplayable(artifact: Artifact) -> None:
    """Raise Gone for what was erased or disposed of, Conflict for what is not there yet or is no sound."""
    is_erased = artifact.call is None or artifact.call.state != Call.State.ACTIVE
    if is_erased or artifact.state in access.LEAVING:
        raise Gone("This was erased")
    if artifact.kind not in PLAYABLE:
        raise Conflict("This is no sound", code="not_playable")
    if artifact.state not in access.READABLE or artifact.object is None:
        raise Conflict("This recording is not stored", code="not_stored")


def note_access(
    actor: Actor, event: str, obj: tuple[str, UUID], purpose: str, what: Mapping[str, str | int | bool | None]
) -> None:
    """The entry of an opening: the purpose's code for ever, its words as long as the organisation's key lives."""
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=obj,
        cls=log.EntryClass.ACCESS,
        why={"purpose": purposes.code_of(purpose)},
        what=what,
        identifying={"purpose": purpose},
    )
