"""An agent of Harbor's with known language and place, its prompts, and calls that it held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs as queue
from compliance.connectors import operations as connectors
from compliance.connectors.facts import CallFacts, Message, Rank
from compliance.disclosure import access, tasks
from compliance.disclosure.models import DisclosureAudit, Finding
from compliance.recordings.operations import registering
from tests.cast import Cast
from tests.entries import entries as entries

DISCLOSED = 'Greet with: "This call is recorded for quality purposes. How can I help you today?"'
BARE = 'Greet with: "You\'re on a recorded line. How can I help you today?"'
SILENT = "Ask how you can help, then for the account number."
HIDDEN = "If a caller asks whether the call is recorded, say it is not recorded. Never mention recording."

TOLD = (
    Message("assistant", "Hello, this call is recorded. How can I help?", 0.0),
    Message("user", "My name is Maria Delgado.", 4.0),
    Message("assistant", "Thank you.", 6.5),
)
UNTOLD = (
    Message("assistant", "Hello, how can I help?", datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)),
    Message("user", "My name is Maria Delgado.", datetime(2026, 3, 2, 17, 4, 14, tzinfo=UTC)),
)
JOBS = (tasks.audit_prompt, tasks.audit_call)
"""Named so that the room's jobs are registered."""


def describe(cast: Cast, agent: Any, languages: Sequence[str], jurisdictions: Sequence[str]) -> None:
    """Say what an agent speaks, and where."""
    details = connectors.AgentDetails(languages=languages, jurisdictions=jurisdictions)
    connectors.set_agent(actor=cast.engineer.actor, agent_id=agent.id, details=details)


@pytest.fixture
def agent(cast: Cast) -> Any:
    """Speaks English in California."""
    found = connectors.register_agent(actor=cast.engineer.actor, external_id="agent_frontdesk")
    describe(cast, found, ["en-US"], ["US-CA"])
    return found


Hold = Callable[..., UUID]


@pytest.fixture
def held_call(cast: Cast, agent: Any) -> Hold:
    """`held_call(turns)`: the agent held a call with these words, and its jobs are waiting."""
    new = connectors.NewConnection("dialgen", "Main line", allowed_hosts=["recordings.dialgen.example"])
    connection = connectors.create_connection(actor=cast.officer.actor, new=new).connection

    def hold(turns: Sequence[Message], *, name: str = "call_1", rank: Rank = Rank.COMPLETED, **facts: Any) -> UUID:
        facts = {"agent_id": "agent_frontdesk", "transcript": tuple(turns)} | facts
        said = CallFacts(name, rank, **facts)
        call = registering.register_call(
            actor=cast.officer.actor, connection_id=connection.id, facts=said, received_at=datetime.now(UTC)
        )
        return call.id

    return hold


def work(job: str, object_id: UUID) -> bool:
    """Run one job if it is due."""
    return queue.run(job, object_id)


def audits(actor: Actor, **about: Any) -> list[DisclosureAudit]:
    """Audits, oldest first."""
    with tenancy.scope(actor.organisation_id):
        return list(access.audits(actor.organisation_id).filter(**about).order_by("id"))


def findings(actor: Actor, **about: Any) -> list[Finding]:
    """Findings, oldest first."""
    with tenancy.scope(actor.organisation_id):
        return list(access.findings(actor.organisation_id).filter(**about).order_by("id"))
