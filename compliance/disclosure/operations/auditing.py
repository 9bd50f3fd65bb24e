"""Audits: what the judge says about a prompt version, or about what was said in a call, and the findings of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.connectors.facts import Message
from compliance.disclosure import access as doors
from compliance.disclosure import events, judgements, rules, speech, standing
from compliance.disclosure.judgements import Judgement
from compliance.disclosure.models import DisclosureAudit, PromptVersion
from compliance.disclosure.operations import conditions, succeeding, telling
from compliance.disclosure.rules import Verdict
from compliance.disclosure.rules.jurisdictions import Overrides
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing

Faults = Sequence[tuple[str, Verdict]]
_NOT_SPOKEN = frozenset({speech.NOT_SPOKEN})


def audit_prompt(*, actor: Actor, prompt_id: UUID) -> DisclosureAudit:
    """Judge a prompt version by today's rules; what they have judged since it was submitted is returned as it is."""
    access.require(actor, "disclosure.submit_prompt")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        prompt = doors.lock_prompt(organisation_id, prompt_id)
        decided = standing.decided(organisation_id)
        audit = conditions.of_prompt(prompt, decided)
        known = doors.audit_of_prompt(organisation_id, prompt_id)
        if known is not None and known.judged_at >= prompt.submitted_at and conditions.are_same(known, audit):
            return known
        result = judge_version(prompt, decided.overrides)
        audit.clause = str(speech.clause_in(prompt.id, result) or "")
        return _keep(actor, audit, judgements.of_prompt(result), events.PROMPT_JUDGED)


def judge_version(prompt: PromptVersion, overrides: Overrides | None = None) -> rules.PromptResult:
    """What today's rules say of a version; nothing is kept. Raises Gone where its words were destroyed.

    `overrides` are the organisation's, of today, where they are not given.
    """
    if overrides is None:
        overrides = standing.decided(prompt.organisation_id).overrides
    places = tuple(prompt.jurisdictions)
    return rules.judge_prompt(
        doors.text_of(prompt), language=prompt.language, jurisdictions=places, overrides=overrides
    )


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
        decided = standing.decided(organisation_id)
        audit = conditions.of_call(organisation_id, call, decided)
        audit.artifact = transcript
        known = doors.audit_of_call(organisation_id, call_id)
        if known is not None and conditions.are_same(known, audit):
            return known
        turns = [_turn(message) for message in register.messages_in(transcript)]
        result = _judge(audit, turns, decided.overrides)
        missed = _hold_against_prompt(audit, turns, result)
        return _keep(actor, audit, judgements.of_transcript(result), events.CALL_JUDGED, missed)


def _judge(audit: DisclosureAudit, turns: Sequence[Mapping[str, Any]], overrides: Overrides) -> rules.TranscriptResult:
    places = tuple(audit.jurisdictions)
    try:
        return rules.judge_transcript(turns, language=audit.language, jurisdictions=places, overrides=overrides)
    except rules.TooManyTurns as error:
        raise Conflict("This transcript has more turns than the judge reads", code="transcript_too_long") from error


def _hold_against_prompt(
    audit: DisclosureAudit, turns: Sequence[Mapping[str, Any]], result: rules.TranscriptResult
) -> Faults:
    """Was the disclosure of the prompt in force spoken? What was not is a fault beside the judge's own."""
    clause = speech.Clause.read(audit.clause)
    if clause is None:
        return ()
    audit.spoken = speech.outcome(turns, audit.language, result)
    turn = speech.turn_to_show(turns, result)
    audit.details["speech"] = {
        "prompt": str(clause.prompt_id), "clause": [clause.start, clause.end], "outcome": audit.spoken, "turn": turn,
    }  # fmt: skip
    if audit.spoken != speech.MISSED:
        return ()
    return ((speech.NOT_SPOKEN, Verdict.FAIL if result.verdict is Verdict.FAIL else Verdict.REVIEW),)


def _turn(message: Message) -> dict[str, Any]:
    at = message.timestamp
    return {
        "role": message.role,
        "content": message.content,
        "timestamp": at.isoformat() if isinstance(at, datetime) else at,
    }


def _keep(actor: Actor, audit: DisclosureAudit, judged: Judgement, event: str, missed: Faults = ()) -> DisclosureAudit:
    """Write the judgement and a finding for every fault; those of earlier judgements give way."""
    organisation_id = actor.organisation_id
    audit.organisation_id, audit.rulebook = organisation_id, rules.RULEBOOK_VERSION
    audit.verdict, audit.reasons = judged.verdict.value, list(judged.reasons)
    audit.details = audit.details | judged.details
    audit.ai_check = judgements.ai_verdict(judged.details)
    doors.audits_beside(audit).update(is_newest=False)
    audit.save(force_insert=True)
    replaced = succeeding.replace_findings(actor=actor, audit=audit, faults=judged.faults)
    if audit.call_id:
        found = succeeding.replace_findings(actor=actor, audit=audit, faults=missed, known=_NOT_SPOKEN)
        replaced = {name: count + found[name] for name, count in replaced.items()}
    what = judged.codes() | {"audit": str(audit.id), "findings": len(judged.faults) + len(missed), **replaced}
    if audit.artifact_id:
        what["transcript"] = str(audit.artifact_id)
    if audit.spoken:
        what["spoken"] = audit.spoken
    log.append(
        actor=actor,
        event=event,
        organisation_id=organisation_id,
        obj=("prompt", audit.prompt_id) if audit.prompt_id else ("call", audit.call_id),
        cls=log.EntryClass.DECISION,
        why={"purpose": "disclosure_audit"},
        what=what,
    )
    telling.tell_judged(actor, audit)
    return audit
