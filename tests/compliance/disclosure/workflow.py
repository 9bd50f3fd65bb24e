"""Findings to work on: an agent's prompts judged one after the other, and people who waive."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from accounts import tenancy
from accounts.actors import Actor
from compliance.disclosure import access, queue
from compliance.disclosure.models import Finding, PromptVersion, Waiver
from compliance.disclosure.operations import auditing, prompts, waiving
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room

GROUND = "fix_under_way"
WHY = "The new text is with Quentin."


def put_in_force(cast: Cast, agent: Any, text: str, **context: Any) -> PromptVersion:
    """The agent has this text from now on, and it is judged."""
    prompt = prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=text, **context).prompt
    auditing.audit_prompt(actor=Actor.scheduler(cast.organisation_id), prompt_id=prompt.id)
    return prompt


def found(cast: Cast, agent: Any, text: str = room.SILENT, **context: Any) -> Finding:
    """The first finding of a text that was just put in force."""
    prompt = put_in_force(cast, agent, text, **context)
    return room.findings(cast.officer.actor, audit__prompt=prompt, state="open")[0]


def again(cast: Cast, finding: Finding) -> Finding:
    """The row as it is now."""
    (row,) = room.findings(cast.officer.actor, id=finding.id)
    return row


def in_days(days: int) -> date:
    return queue.today() + timedelta(days=days)


def propose(cast: Cast, finding: Finding, *, days: int = 30, actor: Actor | None = None) -> Waiver:
    return waiving.propose_waiver(
        actor=actor or cast.engineer.actor, finding_id=finding.id, until=in_days(days), ground=GROUND, note=WHY
    )


def waive(cast: Cast, finding: Finding, *, days: int = 30) -> Waiver:
    """By the engineer and the officer."""
    return waiving.approve_waiver(actor=cast.officer.actor, waiver_id=propose(cast, finding, days=days).id)


def waivers(cast: Cast, **about: Any) -> list[Waiver]:
    """Oldest first."""
    with tenancy.scope(cast.organisation_id):
        return list(access.waivers(cast.organisation_id).filter(**about).order_by("id"))
