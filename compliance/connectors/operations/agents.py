"""Agents: known before their first call, registered at it, described by an officer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors import events
from compliance.connectors.access import Governance, agent_known_as, agents_of
from compliance.connectors.models import Agent
from compliance.connectors.operations.noting import govern, note, note_governance
from compliance.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class AgentDetails:
    """What an organisation knows about its agent."""

    name: str = ""
    languages: Sequence[str] = ()
    jurisdictions: Sequence[str] = ()
    governance: Governance = field(default_factory=Governance)


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


def ensure_agent(*, actor: Actor, connection_id: UUID, external_id: str, name: str = "", version: str = "") -> Agent:
    """The agent that a platform names so, registered at its first word. Safe against two at once.

    Its version follows the platform's word; its name only until somebody gave it one.
    """
    access.require(actor, "recordings.register")
    found = agent_known_as(actor.organisation_id, connection_id, external_id)
    if found is None:
        with tenancy.operation(actor):
            found = _adopted(actor, connection_id, external_id) or _new_agent(actor, connection_id, external_id)
    new = {"name": found.name or name.strip()[:200], "version": version.strip()[:80] or found.version}
    if new != {"name": found.name, "version": found.version}:
        _follow_word(actor, found, new)
    return found


def _follow_word(actor: Actor, agent: Agent, new: Mapping[str, str]) -> None:
    with tenancy.operation(actor):
        Agent.objects.for_organisation(actor.organisation_id).filter(id=agent.id).update(**new)
        agent.name, agent.version = new["name"], new["version"]
        note(actor, events.AGENT_CHANGED, "agent", agent.id, what={"field": "version_or_name"})


def _adopted(actor: Actor, connection_id: UUID, external_id: str) -> Agent | None:
    """The agent that was registered without a connection, now with this one."""
    rows = Agent.objects.for_organisation(actor.organisation_id)
    agent: Agent | None = rows.select_for_update().filter(connection=None, external_id=external_id).first()
    if agent is None:
        return None
    agent.connection_id = connection_id
    agent.save(update_fields=["connection"])
    note(actor, events.AGENT_CHANGED, "agent", agent.id, what={"connection": str(connection_id)})
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
    note(actor, events.AGENT_REGISTERED, "agent", agent.id, what={"connection": connection})
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
        govern(agent, details.governance)
        agent.save(update_fields=["name", "languages", "jurisdictions", "purposes", "lawful_basis", "recipients"])
        note_governance(actor, events.AGENT_CHANGED, "agent", agent)
    return agent
