"""Findings: what became of a reason that needed a person. The verdict stays what it was.

What can go wrong: a finding is called fixed while callers still hear the same text. So of a prompt only a judgement
says "fixed" (`succeeding`), and whoever says so here is asked to show it: the prompt in force must be judged without
that reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.disclosure import access as doors
from compliance.disclosure import events, following, judgements, queue, submissions
from compliance.disclosure.judgements import Resolution
from compliance.disclosure.models import DisclosureAudit, Finding
from compliance.disclosure.operations import ending, telling
from compliance.errors import Conflict, Invalid
from compliance.vault import store

MAX_NOTE = 4000
_STORED = ["state", "resolution", "resolved_by", "resolved_at", "sealed_note", "reopened_for", "due_on"]


def resolve_finding(*, actor: Actor, finding_id: UUID, resolution: str, note: str = "") -> Finding:
    """Say what became of a finding. The verdict stays, a waiver ends.

    Raises Invalid, NotFound, and Conflict: resolved before, or `still_found` by the newest judgement.
    """
    access.require(actor, "disclosure.resolve_finding")
    _check(note, "resolution", resolution, judgements.BY_PEOPLE)
    with tenancy.operation(actor):
        finding = doors.lock_finding(actor.organisation_id, finding_id)
        if finding.state == Finding.State.RESOLVED:
            raise Conflict("This finding is resolved already", code="already_resolved")
        if resolution == Resolution.FIXED:
            _check_fixed(finding)
        _end_waiver(actor, finding, "resolved")
        finding.state, finding.resolution = Finding.State.RESOLVED, resolution
        finding.resolved_by, finding.resolved_at = actor.reference, timezone.now()
        _add_note(finding, note)
        finding.save(update_fields=_STORED)
        _note(actor, events.FINDING_RESOLVED, finding, note, {"resolution": resolution})
        telling.tell_resolved(actor, finding)
    return finding


def reopen_finding(*, actor: Actor, finding_id: UUID, reason: str, note: str = "") -> Finding:
    """Take back a resolution, or a waiver before its day. Only what the newest judgement says can be open again: the
    findings of earlier ones have their successors. Raises Invalid, NotFound, Conflict.
    """
    access.require(actor, "disclosure.resolve_finding")
    _check(note, "reason", reason, tuple(following.REOPENINGS))
    with tenancy.operation(actor):
        finding = doors.lock_finding(actor.organisation_id, finding_id)
        if finding.state == queue.OPEN:
            raise Conflict("This finding is open", code="already_open")
        if _newest_audit(finding.audit) != finding.audit_id:
            raise Conflict("A later judgement took the place of this one", code="superseded")
        was = finding.resolution or finding.state
        _end_waiver(actor, finding, "reopened")
        due = queue.due_on(finding.verdict) if finding.state == Finding.State.RESOLVED else finding.due_on
        finding.state, finding.resolution, finding.reopened_for = queue.OPEN, "", reason
        finding.resolved_by, finding.resolved_at = "", None
        finding.due_on = max(due or queue.today(), queue.today())
        _add_note(finding, note)
        finding.save(update_fields=_STORED)
        _note(actor, events.FINDING_REOPENED, finding, note, {"because": reason, "was": was})
        telling.tell_opened(actor, [finding])
    return finding


def open_note(*, actor: Actor, finding_id: UUID) -> str:
    """What was noted when a finding was resolved and reopened; empty where nothing was. Raises Gone once its call is
    erased.
    """
    with tenancy.scope(actor.organisation_id):
        return _words(doors.finding_for(actor, finding_id))


def _check_fixed(finding: Finding) -> None:
    """Of a call nobody can change what was said: there, what was fixed is for people to say."""
    prompt = finding.audit.prompt
    if prompt is None:
        return
    newest = doors.prompt_in_force(finding.organisation_id, prompt.agent_id)
    judged = doors.audit_of_prompt(finding.organisation_id, newest.id)
    if judged is None:
        raise Conflict("The agent's newest prompt is not judged yet", code="not_judged")
    if finding.reason in judged.reasons:
        raise Conflict(
            "The agent's newest prompt still shows this fault; a prompt that passes closes it by itself",
            code="still_found",
        )


def _newest_audit(audit: DisclosureAudit) -> UUID | None:
    """The judgement that holds for what callers of this agent hear, or for the call."""
    if audit.prompt is None:
        newest = doors.audit_of_call(audit.organisation_id, audit.call_id) if audit.call_id else None
    else:
        in_force = doors.prompt_in_force(audit.organisation_id, audit.prompt.agent_id)
        newest = doors.audit_of_prompt(audit.organisation_id, in_force.id)
    return newest.id if newest else None


def _end_waiver(actor: Actor, finding: Finding, code: str) -> None:
    waiver = ending.lock_running(finding)
    if waiver is not None:
        ending.end_waiver(actor, waiver, code)


def _check(note: str, name: str, code: str, known: Sequence[str]) -> None:
    errors: dict[str, list[str]] = {}
    if code not in known:
        errors[name] = [f"One of: {', '.join(known)}."]
    if len(note) > MAX_NOTE or not submissions.is_encodable(note):
        errors["note"] = [f"At most {MAX_NOTE} characters of Unicode text."]
    if errors:
        raise Invalid("This cannot be said of a finding", errors=errors)


def _add_note(finding: Finding, note: str) -> None:
    """Below what was noted before. It may speak of the caller: it stands sealed in the row, to end with the call, and
    not in the log.
    """
    if not note.strip():
        return
    words = "\n\n".join(filter(None, [_words(finding), note]))
    scope = doors.note_scope(finding)
    finding.sealed_note = store.seal_value(finding.organisation_id, scope, _label(finding), words.encode())


def _words(finding: Finding) -> str:
    if finding.sealed_note is None:
        return ""
    sealed, scope = bytes(finding.sealed_note), doors.note_scope(finding)
    return store.open_value(finding.organisation_id, scope, _label(finding), sealed).decode()


def _label(finding: Finding) -> str:
    return f"disclosure_finding.note/{finding.id}"


def _note(actor: Actor, event: str, finding: Finding, note: str, what: dict[str, str]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("finding", finding.id),
        cls=log.EntryClass.DECISION,
        what={**what, "reason": finding.reason, "audit": str(finding.audit_id), "note": bool(note.strip())},
    )
