"""Doors to connections and agents. Absent and somebody else's look the same."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import access, routing
from accounts.actors import Actor
from compliance.connectors.models import Agent, Connection, ConnectionSecret
from compliance.connectors.providers.base import Secret, TokenPlace
from compliance.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a webhook address leads."""

    organisation_id: UUID
    connection_id: UUID
    platform: str


@dataclass(frozen=True, slots=True)
class Governance:
    """Why calls are recorded, on what basis, who else gets them (GDPR Art. 15(1), Art. 30)."""

    purposes: tuple[str, ...] = ()
    lawful_basis: str = ""
    recipients: tuple[str, ...] = ()


def connections_of(organisation_id: UUID) -> QuerySet[Connection]:
    """Every connection of an organisation."""
    return Connection.objects.for_organisation(organisation_id)


def agents_of(organisation_id: UUID) -> QuerySet[Agent]:
    """Every agent of an organisation, with its connection."""
    return Agent.objects.for_organisation(organisation_id).select_related("connection")


def connection_for(actor: Actor, connection_id: UUID) -> Connection:
    """The actor's connection of this id."""
    access.require(actor, "connectors.read")
    return connection_of(actor.organisation_id, connection_id)


def connection_of(organisation_id: UUID, connection_id: UUID) -> Connection:
    """The organisation's connection of this id, for machinery that asked for its rights already."""
    found = connections_of(organisation_id).filter(id=connection_id).first()
    if found is None:
        raise NotFound()
    return found


def agent_for(actor: Actor, reference: UUID | str) -> Agent:
    """The actor's agent by our id or by the platform's.

    Two connections may use one platform id: then only ours is exact.
    """
    access.require(actor, "connectors.read")
    return agent_named(actor.organisation_id, reference)


def agent_named(organisation_id: UUID, reference: UUID | str) -> Agent:
    """The organisation's agent by our id or by the platform's, for callers that asked for their rights already."""
    found = list(agents_of(organisation_id).filter(_naming(reference))[:2])
    if not found:
        raise NotFound()
    if len(found) > 1:
        raise Conflict("More than one agent has this id at its platform: use our id", code="ambiguous_id")
    return found[0]


def agent_known_as(organisation_id: UUID, connection_id: UUID, external_id: str) -> Agent | None:
    """The agent that a platform names so."""
    return agents_of(organisation_id).filter(connection_id=connection_id, external_id=external_id).first()


def _naming(reference: UUID | str) -> Q:
    if isinstance(reference, UUID):
        return Q(id=reference)
    try:
        return Q(id=UUID(reference)) | Q(external_id=reference)
    except ValueError:
        return Q(external_id=reference)


def connection_at(platform: str, address: str) -> Reached | None:
    """Where a webhook address leads, before the organisation is known. None for every kind of wrong address."""
    found = routing.resolve_route(routing.CONNECTION, route_of(platform, address))
    return Reached(found.organisation_id, found.object_id, platform) if found else None


def route_of(platform: str, address: str) -> str:
    """What the routing table knows the address by: under another platform's name it leads nowhere."""
    return f"{platform}/{address}"


def secrets_of(connection: Connection) -> list[Secret]:
    """What a delivery may prove itself with now: one token, or two while one of them is being replaced."""
    now = timezone.now()
    rows = ConnectionSecret.objects.for_organisation(connection.organisation_id).filter(connection=connection)
    usable = rows.filter(Q(valid_until=None) | Q(valid_until__gt=now))
    return [Secret(bytes(row.digest or b""), TokenPlace(row.place), row.valid_from, row.valid_until) for row in usable]


def webhook_url(connection: Connection) -> str:
    """The address to enter at the platform, without the token."""
    return f"{settings.PUBLIC_URL}/hooks/{connection.platform}/{connection.address}"


def governance_of(organisation_id: UUID, connection_id: UUID, agent_id: UUID | None = None) -> Governance:
    """What holds for calls of this connection and agent: the agent's word where it has one, else the connection's."""
    connection = connection_of(organisation_id, connection_id)
    agent = agents_of(organisation_id).filter(id=agent_id).first() if agent_id else None
    first = agent or connection
    return Governance(
        purposes=tuple(first.purposes or connection.purposes),
        lawful_basis=first.lawful_basis or connection.lawful_basis,
        recipients=tuple(first.recipients or connection.recipients),
    )
