"""What does not hold any more is judged again, and nothing else: what was judged by older rules, by older law or
overrides of its own places, in its agent's older language or places, or was held against another prompt. Every night,
and when an override changes.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, UUIDField, Value
from django.db.models.functions import Coalesce

from accounts import access, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import judgements, overriding, rules, standing
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactKind

BATCH = 500
_NONE = Value(UUID(int=0), UUIDField())  # null is not equal to null


def recheck(*, actor: Actor) -> int:
    """Ask for a judgement of every prompt in force, and every call with words, whose last one does not hold any more.

    Asks, and does not judge: each is a job of its own with its own entry. Returns how many were asked for.
    """
    access.require(actor, "disclosure.submit_prompt")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        stale = _stale_law(organisation_id)
        found = agents.agents_of(organisation_id)
        known = [(agent.id, judgements.given_by_agent(agent.languages, agent.jurisdictions)) for agent in found]
    asked = _enqueue("disclosure.audit_prompt", organisation_id, outdated_prompts(organisation_id, stale))
    for agent_id, given in [*known, (None, judgements.given_by_agent())]:
        with tenancy.scope(organisation_id):
            rows = outdated_calls(organisation_id, agent_id, given, stale)
        asked += _enqueue("disclosure.audit_call", organisation_id, rows)
    return asked


def _stale_law(organisation_id: UUID) -> Q:
    """Audits that rest on law, or on overrides, that have changed since: which places, and what they knew of them.

    There are few such pairs however many audits there are, so they are compared here and looked up there. A changed
    row of one place leaves the judgements of all other places alone.
    """
    overrides = standing.decided(organisation_id).overrides
    rows = doors.audits(organisation_id).filter(is_newest=True).order_by()
    kinds = rows.values_list("jurisdictions", "details__law", "details__ends", "details__agent__jurisdictions")
    stale = Q(pk__in=[])
    for codes, law, ends, of_agent in kinds.distinct():
        now = codes if ends is None else list(judgements.places_of_call(of_agent or (), ends, overrides))
        if now != codes or overriding.law_mark(codes, overrides) != law:
            about = Q(details__ends=ends) if ends is not None else Q(call=None)
            stale |= about & Q(jurisdictions=codes, details__law=law)
    return stale


def outdated_prompts(organisation_id: UUID, stale: Q) -> QuerySet[Any]:
    """Prompts in force (each agent's newest) whose newest audit is not of today's rules and law."""
    audits = doors.audits(organisation_id).filter(prompt=OuterRef("pk"), is_newest=True)
    fresh = audits.filter(details__judging=rules.JUDGING_VERSION).exclude(stale)
    return doors.prompts_in_force(organisation_id).exclude(Exists(fresh))


def outdated_calls(
    organisation_id: UUID, agent_id: UUID | None, given: dict[str, list[str]], stale: Q
) -> QuerySet[Any]:
    """Calls of one agent (or of none) with words, whose newest audit is not of today's rules, law and agent, or was
    held against another prompt than the one that is now known to have been in force.
    """
    words = register.artifacts(organisation_id).filter(
        call_id=OuterRef("pk"), kind=ArtifactKind.TRANSCRIPT.value, state__in=register.READABLE
    )
    calls = register.calls(organisation_id).filter(state="active")
    own = calls.filter(agent_id=agent_id) if agent_id else calls.filter(agent=None)
    told = standing.with_prompt_in_force(own.filter(Exists(words)), organisation_id)
    audits = doors.audits(organisation_id).filter(agent=agent_id) if agent_id else doors.audits(organisation_id)
    audits = audits.filter(call=OuterRef("pk"), is_newest=True, details__agent=given)
    fresh = (
        audits.filter(details__judging=rules.JUDGING_VERSION).exclude(stale).exclude(_moved(organisation_id, agent_id))
    )
    held_against = fresh.annotate(of=Coalesce("clause_of_id", _NONE, output_field=UUIDField()))
    told = told.annotate(told_or_none=Coalesce("told_by", _NONE, output_field=UUIDField()))
    outdated: QuerySet[Any] = told.exclude(Exists(held_against.filter(of=OuterRef("told_or_none"))))
    return outdated


def _moved(organisation_id: UUID, agent_id: UUID | None) -> Q:
    """Audits of calls that were held against a clause which their prompt, as it is judged now, has elsewhere or not."""
    judged = doors.audits(organisation_id).filter(prompt__agent=agent_id, is_newest=True).order_by()
    moved = Q(pk__in=[])
    for prompt_id, clause in judged.values_list("prompt_id", "clause") if agent_id else ():
        moved |= Q(clause_of=prompt_id) & ~Q(clause=clause)
    return moved


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
