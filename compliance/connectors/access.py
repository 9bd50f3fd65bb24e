"""Doors to connections and agents. Absent and somebody else's look the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import access
from accounts.actors import Actor
from compliance.connectors import receiving
from compliance.connectors.models import Agent, ConnectionSecret
from compliance.connectors.models import Connection as Connection
from compliance.connectors.providers import registry
from compliance.connectors.providers.questions import Credentials
from compliance.connectors.receiving import Kept
from compliance.connectors.receiving import Reached as Reached
from compliance.connectors.receiving import Receiver as Receiver
from compliance.connectors.receiving import connection_at as connection_at
from compliance.connectors.receiving import receiver as receiver
from compliance.connectors.receiving import route_of as route_of
from compliance.errors import Conflict, NotFound


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


def credentials_of(connection: Connection) -> Credentials:
    """What we may show the platform's API."""
    rows = list(_usable(connection.organisation_id, connection.id, ConnectionSecret.Use.API))
    values = {row.name: value.decode() for row, value in zip(rows, _opened(rows), strict=True)}
    return Credentials(account_id=connection.account_id, secrets=values)


def recording_key_of(connection: Connection, key_id: str) -> bytes | None:
    """The private key (PEM) of this id, by which recordings are opened that the platform encrypted for us."""
    rows = _usable(connection.organisation_id, connection.id, ConnectionSecret.Use.RECORDING_KEY)
    found = list(rows.filter(name=key_id).order_by("-valid_from")[:1])
    return _opened(found)[0] if found else None


def usable_secrets(organisation_id: UUID) -> QuerySet[ConnectionSecret]:
    """Every secret that counts now, of every connection and use. What they hold stays sealed."""
    now = timezone.now()
    rows = ConnectionSecret.objects.for_organisation(organisation_id)
    return rows.filter(Q(valid_until=None) | Q(valid_until__gt=now))


def names_of_secrets(organisation_id: UUID) -> dict[UUID, dict[str, list[str]]]:
    """Connection → use → names of the secrets that are entered, never what they hold."""
    found: dict[UUID, dict[str, list[str]]] = {}
    rows = usable_secrets(organisation_id).exclude(use=ConnectionSecret.Use.WEBHOOK).order_by("name")
    for connection_id, use, name in rows.values_list("connection_id", "use", "name"):
        found.setdefault(connection_id, {}).setdefault(use, []).append(name)
    return found


def options_of(connection: Connection | Receiver) -> dict[str, str]:
    """The connection's choices, and the platform's defaults for the rest."""
    offered = registry.provider_for(connection.platform).options
    return {option.name: connection.options.get(option.name, option.default) for option in offered}


def _usable(organisation_id: UUID, connection_id: UUID, use: ConnectionSecret.Use) -> QuerySet[ConnectionSecret]:
    return usable_secrets(organisation_id).filter(connection_id=connection_id, use=use)


def _opened(rows: Sequence[ConnectionSecret]) -> list[bytes]:
    kept = [Kept(row.id, _bytes(row.digest), _bytes(row.sealed_value)) for row in rows]
    return receiving.opened(rows[0].organisation_id, kept) if rows else []


def _bytes(value: bytes | memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)


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
