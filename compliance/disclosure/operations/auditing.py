"""Audits: what the judge says about a prompt version, or about what was said in a call, and the findings of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.connectors import access as agents
from compliance.connectors.facts import Message
from compliance.disclosure import access as doors
from compliance.disclosure import events, judgements, rules, submissions
from compliance.disclosure.judgements import Judgement, Resolution
from compliance.disclosure.models import DisclosureAudit, Finding
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import access as register
from compliance.recordings import places
from compliance.recordings.operations import erasing


def audit_prompt(*, actor: Actor, prompt_id: UUID) -> DisclosureAudit:
    """Judge a prompt version by today's rules; what they have judged since it was submitted is returned as it is."""
    access.require(actor, "disclosure.submit_prompt")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        rows = doors.prompts(organisation_id).select_for_update(of=("self",), no_key=True)
        prompt = rows.filter(id=prompt_id).first()
        if prompt is None:
            raise NotFound()
        known = doors.audit_of_prompt(organisation_id, prompt_id)
        if known is not None and known.rulebook == rules.RULEBOOK_VERSION and known.judged_at >= prompt.submitted_at:
            return known
        result = rules.judge_prompt(
            doors.text_of(prompt), language=prompt.language, jurisdictions=tuple(prompt.jurisdictions)
        )
        audit = DisclosureAudit(prompt=prompt, language=prompt.language, jurisdictions=prompt.jurisdictions)
        return _keep(actor, audit, judgements.of_prompt(result), events.PROMPT_JUDGED)


def audit_call(*, actor: Actor, call_id: UUID) -> DisclosureAudit:
    """Judge what was said in a call by today's rules, in the language and places of its agent.

    Reads the newest transcript; what was judged already under the same conditions is returned as it is. Raises NotFound
    where there are no words, Gone for an erased call, Conflict for more words than the judge reads.
    """
    # Opening the words is what needs a right here; the entry of the judgement is the entry of that opening.
    access.require(actor, "recordings.open_content")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        # Under the call's lock: an erasure comes before or after this, never between the reading and the row.
        call = erasing.lock_call(organisation_id, call_id)
        if call.state != call.State.ACTIVE:
            raise Gone("This call was erased", code="call_erased")
        transcript = register.transcript_of(organisation_id, call_id)
        if transcript is None:
            raise NotFound("This call has no transcript", code="no_transcript")
        audit = _conditions(organisation_id, call)
        audit.artifact = transcript
        known = doors.audit_of_call(organisation_id, call_id)
        if known is not None and _conditions_of(known) == _conditions_of(audit):
            return known
        judged = judgements.of_transcript(_judge(audit, register.messages_in(transcript)))
        return _keep(actor, audit, judged, events.CALL_JUDGED)


def _conditions(organisation_id: UUID, call: Any) -> DisclosureAudit:
    """An audit of a call, not yet judged: under which rules, language and places it will be."""
    agent = agents.agent_named(organisation_id, call.agent_id) if call.agent_id else None
    given = judgements.given_by_agent(agent.languages, agent.jurisdictions) if agent else judgements.given_by_agent()
    codes = judgements.places_of_call(given["jurisdictions"], places.that_count(places.from_json(call.places)))
    return DisclosureAudit(
        call=call,
        rulebook=rules.RULEBOOK_VERSION,
        language=submissions.only_language(given["languages"]),
        jurisdictions=list(codes),
        details={"agent": given},
    )


def _conditions_of(audit: DisclosureAudit) -> tuple[Any, ...]:
    return audit.artifact_id, audit.rulebook, audit.language, audit.jurisdictions, audit.details["agent"]


def _judge(audit: DisclosureAudit, messages: Sequence[Message]) -> rules.TranscriptResult:
    turns = [_turn(message) for message in messages]
    try:
        return rules.judge_transcript(turns, language=audit.language, jurisdictions=tuple(audit.jurisdictions))
    except rules.TooManyTurns as error:
        raise Conflict("This transcript has more turns than the judge reads", code="transcript_too_long") from error


def _turn(message: Message) -> dict[str, Any]:
    at = message.timestamp
    return {
        "role": message.role,
        "content": message.content,
        "timestamp": at.isoformat() if isinstance(at, datetime) else at,
    }


def _keep(actor: Actor, audit: DisclosureAudit, judged: Judgement, event: str) -> DisclosureAudit:
    """Write the judgement and a finding for every fault; the open findings of earlier ones are superseded."""
    organisation_id = actor.organisation_id
    audit.organisation_id, audit.rulebook = organisation_id, rules.RULEBOOK_VERSION
    audit.verdict, audit.reasons = judged.verdict.value, list(judged.reasons)
    audit.details = audit.details | judged.details
    audit.save(force_insert=True)
    superseded = _supersede(actor, audit)
    Finding.objects.bulk_create(
        [
            Finding(organisation_id=organisation_id, audit=audit, reason=reason, verdict=verdict.value)
            for reason, verdict in judged.faults
        ]
    )
    what = judged.codes() | {"audit": str(audit.id), "findings": len(judged.faults), "superseded": superseded}
    if audit.artifact_id:
        what["transcript"] = str(audit.artifact_id)
    log.append(
        actor=actor,
        event=event,
        organisation_id=organisation_id,
        obj=("prompt", audit.prompt_id) if audit.prompt_id else ("call", audit.call_id),
        cls=log.EntryClass.DECISION,
        why={"purpose": "disclosure_audit"},
        what=what,
    )
    return audit


def _supersede(actor: Actor, audit: DisclosureAudit) -> int:
    subject = {"audit__prompt_id": audit.prompt_id} if audit.prompt_id else {"audit__call_id": audit.call_id}
    rows = Finding.objects.for_organisation(audit.organisation_id).filter(**subject, state=Finding.State.OPEN)
    return rows.update(
        state=Finding.State.RESOLVED,
        resolution=Resolution.SUPERSEDED.value,
        resolved_by=actor.reference,
        resolved_at=timezone.now(),
    )
