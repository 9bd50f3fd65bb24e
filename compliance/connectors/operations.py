"""Changes of connections and agents."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access, routing, tenancy
from accounts.actors import Actor
from audit import log
from compliance.connectors import events
from compliance.connectors.access import Governance, agent_known_as, agents_of, route_of, webhook_url
from compliance.connectors.destinations import AllowedHost
from compliance.connectors.models import Agent, Connection, ConnectionSecret, Governed, LawfulBasis
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import token_digest
from compliance.errors import Invalid, NotFound

TOKEN_OVERLAP = timedelta(hours=24)
MAX_LIST = 50
MAX_WORDS = 300


@dataclass(frozen=True, slots=True)
class NewConnection:
    """What a new connection is."""

    platform: str
    name: str
    account_id: str = ""
    allowed_hosts: Sequence[str] = ()
    governance: Governance = field(default_factory=Governance)


@dataclass(frozen=True, slots=True)
class NewAddress:
    """What must be entered at the platform. The token is told once and kept nowhere."""

    connection: Connection
    token: str

    @property
    def url(self) -> str:
        """The address for platforms that can send `Authorization: Bearer`."""
        return webhook_url(self.connection)

    @property
    def url_with_token(self) -> str:
        """The address for platforms that cannot."""
        return f"{self.url}/{self.token}"


@dataclass(frozen=True, slots=True)
class AgentDetails:
    """What an organisation knows about its agent."""

    name: str = ""
    languages: Sequence[str] = ()
    jurisdictions: Sequence[str] = ()
    governance: Governance = field(default_factory=Governance)


def create_connection(*, actor: Actor, new: NewConnection) -> NewAddress:
    """Connect an account at a platform: a fresh address that nobody can guess, and a first token."""
    access.require(actor, "connectors.manage")
    if new.platform not in registry.names():
        raise Invalid("This platform is not known", errors={"platform": [f"One of: {', '.join(registry.names())}."]})
    if not new.name.strip():
        raise Invalid("A connection needs a name", errors={"name": ["Empty."]})
    with tenancy.operation(actor):
        connection = Connection(
            organisation_id=actor.organisation_id,
            platform=new.platform,
            name=new.name.strip(),
            address=secrets.token_urlsafe(24),
            account_id=new.account_id.strip(),
            allowed_hosts=_hosts(new.allowed_hosts),
        )
        _govern(connection, new.governance)
        connection.save(force_insert=True)
        routing.publish_route(
            routing.CONNECTION,
            route_of(connection.platform, connection.address),
            organisation_id=actor.organisation_id,
            object_id=connection.id,
        )
        token = _add_token(connection)
        what: dict[str, str | int | bool | None] = {"platform": connection.platform}
        _note(actor, events.CONNECTION_CREATED, "connection", connection.id, what=what, name=connection.name)
    return NewAddress(connection, token)


def rotate_token(*, actor: Actor, connection_id: UUID, overlap: timedelta = TOKEN_OVERLAP) -> NewAddress:
    """A new token; the old ones work on for the overlap (0: a leaked token ends now), then no more."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = _lock_connection(actor, connection_id)
        end = timezone.now() + overlap
        rows = ConnectionSecret.objects.for_organisation(actor.organisation_id).filter(connection=connection)
        rows.filter(valid_until=None).update(valid_until=end)
        rows.filter(valid_until__gt=end).update(valid_until=end)
        token = _add_token(connection)
        what = {"overlap_seconds": int(overlap.total_seconds())}
        _note(actor, events.TOKEN_ROTATED, "connection", connection.id, what=what)
    return NewAddress(connection, token)


def set_connection_state(*, actor: Actor, connection_id: UUID, state: Connection.State) -> Connection:
    """Pause a connection (its deliveries are answered with "try again later") or take it up again."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = _lock_connection(actor, connection_id)
        before, connection.state = connection.state, state.value
        connection.save(update_fields=["state"])
        _note(actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"from": before, "to": state.value})
    return connection


def set_allowed_hosts(*, actor: Actor, connection_id: UUID, hosts: Sequence[str]) -> Connection:
    """The hosts from which recordings may be fetched: the main wall around the fetcher."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = _lock_connection(actor, connection_id)
        before, connection.allowed_hosts = connection.allowed_hosts, _hosts(hosts)
        connection.save(update_fields=["allowed_hosts"])
        change = {"from": before, "to": connection.allowed_hosts}
        _note(
            actor, events.CONNECTION_CHANGED, "connection", connection.id, what={"field": "allowed_hosts"}, hosts=change
        )
    return connection


def set_connection_governance(*, actor: Actor, connection_id: UUID, governance: Governance) -> Connection:
    """Purposes, lawful basis and recipients of what comes through a connection."""
    access.require(actor, "connectors.manage")
    with tenancy.operation(actor):
        connection = _lock_connection(actor, connection_id)
        _govern(connection, governance)
        connection.save(update_fields=["purposes", "lawful_basis", "recipients"])
        _note_governance(actor, events.CONNECTION_CHANGED, "connection", connection)
    return connection


def register_agent(*, actor: Actor, external_id: str) -> Agent:
    """An agent that is known before its first call (its prompt is checked first).

    The first connection that names it adopts it.
    """
    access.require(actor, "connectors.manage_agents")
    if not external_id.strip() or len(external_id) > 200:
        raise Invalid(
            "An agent needs the id that the platform gives it", errors={"external_id": ["1 to 200 characters."]}
        )
    with tenancy.operation(actor):
        known = agents_of(actor.organisation_id).filter(external_id=external_id.strip()).first()
        return known or _new_agent(actor, None, external_id.strip())


def ensure_agent(*, actor: Actor, connection_id: UUID, external_id: str) -> Agent:
    """The agent that a platform names so, registered at its first word. Safe against two at once."""
    access.require(actor, "recordings.register")
    found = agent_known_as(actor.organisation_id, connection_id, external_id)
    if found is not None:
        return found
    with tenancy.operation(actor):
        return _adopted(actor, connection_id, external_id) or _new_agent(actor, connection_id, external_id)


def _adopted(actor: Actor, connection_id: UUID, external_id: str) -> Agent | None:
    """The agent that was registered without a connection, now with this one."""
    rows = Agent.objects.for_organisation(actor.organisation_id)
    agent: Agent | None = rows.select_for_update().filter(connection=None, external_id=external_id).first()
    if agent is None:
        return None
    agent.connection_id = connection_id
    agent.save(update_fields=["connection"])
    _note(actor, events.AGENT_CHANGED, "agent", agent.id, what={"connection": str(connection_id)})
    return agent


def _new_agent(actor: Actor, connection_id: UUID | None, external_id: str) -> Agent:
    try:
        with transaction.atomic():
            agent: Agent = Agent.objects.create(
                organisation_id=actor.organisation_id, connection_id=connection_id, external_id=external_id
            )
    except IntegrityError:
        # Two first words at once: the other one's row is committed, or this insert would still wait.
        rows = agents_of(actor.organisation_id).filter(external_id=external_id)
        return rows.get(connection_id=connection_id) if connection_id else rows.get(connection=None)
    connection = str(connection_id) if connection_id else None
    _note(actor, events.AGENT_REGISTERED, "agent", agent.id, what={"connection": connection})
    return agent


def set_agent(*, actor: Actor, agent_id: UUID, details: AgentDetails) -> Agent:
    """What is known about an agent: name, languages (BCP 47), jurisdictions (ISO 3166), governance.

    Replaces all of it.
    """
    access.require(actor, "connectors.manage_agents")
    with tenancy.operation(actor):
        agent: Agent | None = (
            Agent.objects.for_organisation(actor.organisation_id)
            .select_for_update(of=("self",))
            .filter(id=agent_id)
            .first()
        )
        if agent is None:
            raise NotFound()
        agent.name = details.name.strip()
        agent.languages, agent.jurisdictions = list(details.languages), list(details.jurisdictions)
        _govern(agent, details.governance)
        agent.save(update_fields=["name", "languages", "jurisdictions", "purposes", "lawful_basis", "recipients"])
        _note_governance(actor, events.AGENT_CHANGED, "agent", agent)
    return agent


def touch_connection(connection: Connection) -> None:
    """Note that a delivery came, at most once a minute: the row would otherwise be the queue in front of every
    delivery.
    """
    now = timezone.now()
    if connection.last_delivery_at is None or now - connection.last_delivery_at > timedelta(minutes=1):
        rows = Connection.objects.for_organisation(connection.organisation_id).filter(id=connection.id)
        # Deliveries of the same second skip the row instead of waiting for each other.
        if rows.select_for_update(skip_locked=True).exists():
            rows.update(last_delivery_at=now)


def _lock_connection(actor: Actor, connection_id: UUID) -> Connection:
    found: Connection | None = (
        Connection.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=connection_id).first()
    )
    if found is None:
        raise NotFound()
    return found


def _add_token(connection: Connection) -> str:
    token = secrets.token_urlsafe(32)
    ConnectionSecret.objects.create(
        organisation_id=connection.organisation_id, connection=connection, digest=token_digest(token)
    )
    return token


def _hosts(hosts: Sequence[str]) -> list[str]:
    """Normal forms of the list, each once."""
    if len(hosts) > MAX_LIST:
        raise Invalid("Too many hosts", errors={"allowed_hosts": [f"At most {MAX_LIST}."]})
    parsed: dict[str, None] = {}
    for host in hosts:
        try:
            parsed[str(AllowedHost.parse(host))] = None
        except ValueError as error:
            raise Invalid("A host cannot be used", errors={"allowed_hosts": [f"{host[:100]}: {error}."]}) from error
    return list(parsed)


def _govern(row: Governed, governance: Governance) -> None:
    if governance.lawful_basis and governance.lawful_basis not in LawfulBasis.values:
        raise Invalid(
            "Not a lawful basis of Art. 6(1) GDPR",
            errors={"lawful_basis": [f"One of: {', '.join(LawfulBasis.values)}."]},
        )
    for name in ("purposes", "recipients"):
        words = getattr(governance, name)
        if len(words) > MAX_LIST or any(not word.strip() or len(word) > MAX_WORDS for word in words):
            raise Invalid(
                "A list cannot be used", errors={name: [f"At most {MAX_LIST} entries of 1 to {MAX_WORDS} characters."]}
            )
    row.purposes, row.recipients = list(governance.purposes), list(governance.recipients)
    row.lawful_basis = governance.lawful_basis


def _note_governance(actor: Actor, event: str, kind: str, row: Governed) -> None:
    what = {"field": "governance", "basis": row.lawful_basis or None, "purposes": len(row.purposes)}
    _note(actor, event, kind, row.id, what=what, purposes=row.purposes, recipients=row.recipients)


def _note(
    actor: Actor,
    event: str,
    kind: str,
    id_: UUID,
    *,
    what: Mapping[str, str | int | bool | None],
    **identifying: object,
) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=(kind, id_),
        cls=log.EntryClass.CONFIG,
        what=what,
        identifying=identifying or None,  # type: ignore[arg-type]
    )
