"""Waivers: one person proposes to live with a finding until a day, another approves. The verdict stays what it is.

What can go wrong: a fault is waved through by one person, or for ever, or for another text than the one that two people
looked at. So only a person proposes and only another approves, no waiver is longer than a year, and a new judgement
ends it unless it is about the same fault in the same text (`following`).
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor, ActorKind
from compliance.disclosure import access as doors
from compliance.disclosure import events, following, queue, submissions
from compliance.disclosure.models import Finding, Waiver
from compliance.disclosure.operations import ending, telling
from compliance.errors import Conflict, Invalid, NotAllowed, OwnProposal
from compliance.vault import store

MAX_NOTE = 4000
_State = Waiver.State


def propose_waiver(*, actor: Actor, finding_id: UUID, until: date, ground: str, note: str) -> Waiver:
    """One person's half: this finding is lived with up to and including `until`. Raises Invalid, NotFound, Conflict."""
    access.require(actor, "disclosure.propose_waiver")
    if actor.kind is not ActorKind.PERSON:
        raise NotAllowed("Two people waive a finding; no machine is one of them")
    _check_proposal(until, ground, note)
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        finding = doors.lock_finding(organisation_id, finding_id)
        if finding.state != queue.OPEN:
            raise Conflict("Only an open finding can be waived", code=f"already_{finding.state}")
        if ending.lock_running(finding) is not None:
            raise Conflict("A waiver of this finding is proposed already", code="already_proposed")
        waiver = Waiver(
            organisation_id=organisation_id,
            finding=finding,
            ground=ground,
            until_on=until,
            proposed_by=actor.reference,
        )
        scope = doors.note_scope(finding)
        waiver.sealed_note = store.seal_value(organisation_id, scope, _label(waiver), note.strip().encode())
        waiver.save(force_insert=True)
        ending.note_waiver(actor, events.WAIVER_PROPOSED, waiver)
    return waiver


def approve_waiver(*, actor: Actor, waiver_id: UUID) -> Waiver:
    """The second person's half. Raises OwnProposal, Conflict (decided before, or its last day is over)."""
    access.require(actor, "disclosure.approve_waiver")
    with tenancy.operation(actor):
        waiver = _lock_proposed(actor, waiver_id)
        if waiver.proposed_by == actor.reference:
            raise OwnProposal()
        if waiver.until_on < queue.today():
            raise Conflict("The last day of this waiver is over", code="waiver_over")
        _decide(actor, waiver, _State.IN_FORCE)
        ending.set_state(waiver.finding, Finding.State.WAIVED)
        ending.note_waiver(actor, events.WAIVER_APPROVED, waiver)
        telling.tell_waived(actor, waiver.finding, waiver.until_on)
    return waiver


def refuse_waiver(*, actor: Actor, waiver_id: UUID) -> Waiver:
    """The second person's no. Raises OwnProposal (whoever proposed withdraws), Conflict."""
    access.require(actor, "disclosure.approve_waiver")
    with tenancy.operation(actor):
        waiver = _lock_proposed(actor, waiver_id)
        if waiver.proposed_by == actor.reference:
            raise OwnProposal("Withdraw what you proposed yourself")
        _decide(actor, waiver, _State.REFUSED)
        ending.note_waiver(actor, events.WAIVER_REFUSED, waiver)
    return waiver


def withdraw_waiver(*, actor: Actor, waiver_id: UUID) -> Waiver:
    """Whoever proposed takes it back. Raises NotAllowed for anybody else, Conflict."""
    access.require(actor, "disclosure.propose_waiver")
    with tenancy.operation(actor):
        waiver = _lock_proposed(actor, waiver_id)
        if waiver.proposed_by != actor.reference:
            raise NotAllowed("Only whoever proposed it withdraws it")
        _decide(actor, waiver, _State.WITHDRAWN)
        ending.note_waiver(actor, events.WAIVER_WITHDRAWN, waiver)
    return waiver


def open_waiver_note(*, actor: Actor, waiver_id: UUID) -> str:
    """Why, in the proposer's words. Raises Gone once the call that it speaks of is erased."""
    with tenancy.scope(actor.organisation_id):
        waiver = doors.waiver_for(actor, waiver_id)
        scope = doors.note_scope(waiver.finding)
        return store.open_value(actor.organisation_id, scope, _label(waiver), bytes(waiver.sealed_note)).decode()


def _decide(actor: Actor, waiver: Waiver, state: Waiver.State) -> None:
    waiver.state, waiver.decided_by, waiver.decided_at = state, actor.reference, timezone.now()
    waiver.save(update_fields=["state", "decided_by", "decided_at"])


def _lock_proposed(actor: Actor, waiver_id: UUID) -> Waiver:
    """A waiver that waits for its second person, locked after its finding."""
    found = doors.waiver_for(actor, waiver_id)
    finding = doors.lock_finding(actor.organisation_id, found.finding_id)
    waiver = ending.lock_running(finding)
    if waiver is None or waiver.id != waiver_id or waiver.state != _State.PROPOSED:
        raise Conflict("This waiver is decided already", code="already_decided")
    waiver.finding = finding
    return waiver


def _check_proposal(until: date, ground: str, note: str) -> None:
    errors: dict[str, list[str]] = {}
    first, last = following.last_days(queue.today())
    if not first <= until <= last:
        errors["until"] = [f"From {first.isoformat()} to {last.isoformat()}."]
    if ground not in following.GROUNDS:
        errors["ground"] = [f"One of: {', '.join(following.GROUNDS)}."]
    if not 1 <= len(note.strip()) <= MAX_NOTE or not submissions.is_encodable(note):
        errors["note"] = [f"1 to {MAX_NOTE} characters of Unicode text."]
    if errors:
        raise Invalid("This finding cannot be waived so", errors=errors)


def _label(waiver: Waiver) -> str:
    return f"disclosure_waiver.note/{waiver.id}"
