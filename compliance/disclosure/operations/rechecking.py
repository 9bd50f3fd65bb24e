"""The nightly look: what an older rulebook, or an agent's older language and places, judged last is judged again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts import access, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import judgements, rules
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactKind

BATCH = 500


def recheck(*, actor: Actor) -> int:
    """Ask for a judgement of every prompt in force, and every call with words, whose last one does not hold any more.

    Asks, and does not judge: each is a job of its own with its own entry. Returns how many were asked for.
    """
    access.require(actor, "disclosure.submit_prompt")
    organisation_id = actor.organisation_id
    asked = _enqueue("disclosure.audit_prompt", organisation_id, outdated_prompts(organisation_id))
    with tenancy.scope(organisation_id):
        found = agents.agents_of(organisation_id)
        known = [(agent.id, judgements.given_by_agent(agent.languages, agent.jurisdictions)) for agent in found]
    for agent_id, given in [*known, (None, judgements.given_by_agent())]:
        asked += _enqueue("disclosure.audit_call", organisation_id, outdated_calls(organisation_id, agent_id, given))
    return asked


def outdated_prompts(organisation_id: UUID) -> QuerySet[Any]:
    """Prompts in force (each agent's newest) whose newest audit is not of today's rules."""
    rows = doors.prompts(organisation_id)
    in_force = rows.filter(agent_id=OuterRef("agent_id")).order_by("-submitted_at").values("id")[:1]
    held = rows.filter(id=Subquery(in_force)).annotate(last=doors.newest_audit(organisation_id, "prompt", "id"))
    fresh = doors.audits(organisation_id).filter(id=OuterRef("last"), rulebook=rules.RULEBOOK_VERSION)
    return held.exclude(Exists(fresh))


def outdated_calls(organisation_id: UUID, agent_id: UUID | None, given: dict[str, list[str]]) -> QuerySet[Any]:
    """Calls of one agent (or of none) with words, whose newest audit is not of today's rules and agent."""
    words = register.artifacts(organisation_id).filter(
        call_id=OuterRef("pk"), kind=ArtifactKind.TRANSCRIPT.value, state__in=register.READABLE
    )
    calls = register.calls(organisation_id).filter(state="active")
    own = calls.filter(agent_id=agent_id) if agent_id else calls.filter(agent=None)
    judged = own.filter(Exists(words)).annotate(last=doors.newest_audit(organisation_id, "call", "id"))
    audits = doors.audits(organisation_id)
    fresh = audits.filter(id=OuterRef("last"), rulebook=rules.RULEBOOK_VERSION, details__agent=given)
    return judged.exclude(Exists(fresh))


def _enqueue(job: str, organisation_id: UUID, rows: QuerySet[Any]) -> int:
    """One transaction a batch. Asking does not change what is outdated, so the walk goes by id."""
    asked, last = 0, UUID(int=0)
    while True:
        with tenancy.scope(organisation_id):
            batch = list(rows.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:BATCH])
            for object_id in batch:
                jobs.enqueue_on_commit(job, organisation_id=organisation_id, object_id=object_id)
        if not batch:
            return asked
        asked, last = asked + len(batch), batch[-1]
