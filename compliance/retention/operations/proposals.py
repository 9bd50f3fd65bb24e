"""Calls that should go because somebody did not want to be recorded: found by an audit or told by the platform,
proposed by an officer, approved by somebody else.

A hold wins: while it stands, an approval is refused and the proposal waits.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Gone, Invalid, NotFound, OwnProposal
from compliance.recordings.operations import erasing
from compliance.retention import disposal, events
from compliance.retention.disposal import Ground
from compliance.retention.models import DisposalProposal

GROUNDS: Final = (Ground.OBJECTION, Ground.CONSENT_REFUSED)
"""GDPR Art. 21(1) and 7(3), Cal. Penal Code 632: an objection, or a consent that was not given."""

DISMISSALS: Final = {
    "not_an_objection": "The caller did not object",
    "consent_given_later": "The caller agreed later in the call",
    "recording_stopped": "The recording ended where the caller objected",
    "duty_to_keep": "A law demands that this call is kept (GDPR Art. 17(3)(b))",
    "legal_claims": "Needed for legal claims (GDPR Art. 17(3)(e), 21(1))",
}
"""Why a proposal may be dismissed, as codes and in words."""


def proposals_of(organisation_id: UUID) -> QuerySet[DisposalProposal]:
    """Every proposal of an organisation, with its call."""
    return DisposalProposal.objects.for_organisation(organisation_id).select_related("call")


def proposal_for(actor: Actor, proposal_id: UUID) -> DisposalProposal:
    """From an outside id to a proposal; absent and somebody else's look the same."""
    access.require(actor, "retention.read")
    found = proposals_of(actor.organisation_id).filter(id=proposal_id).first()
    if found is None:
        raise NotFound()
    return found


def open_proposal(*, actor: Actor, call_id: UUID, ground: Ground, cause: UUID) -> DisposalProposal | None:
    """Note that a finding wants a call gone. None where that was said already, whatever was decided then, and where the
    call is going.
    """
    access.require(actor, "retention.propose_disposal")
    if ground not in GROUNDS:
        raise ValueError(f"{ground} is no ground of a proposal")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        call = erasing.lock_call(organisation_id, call_id)
        known = DisposalProposal.objects.for_organisation(organisation_id).filter(call=call, ground=ground.value)
        if call.state != call.State.ACTIVE or known.exists():
            return None
        row = DisposalProposal.objects.create(
            organisation_id=organisation_id, call=call, ground=ground.value, cause=cause
        )
        _note(actor, events.PROPOSAL_OPENED, row, cause=str(cause))
    return row


def propose_disposal(*, actor: Actor, proposal_id: UUID) -> DisposalProposal:
    """An officer's half: this call should go."""
    access.require(actor, "retention.propose_disposal")
    with tenancy.operation(actor):
        row = _lock(actor, proposal_id, DisposalProposal.State.OPEN)
        row.state, row.proposed_by = DisposalProposal.State.PROPOSED, actor.reference
        row.save(update_fields=["state", "proposed_by"])
        _note(actor, events.DISPOSAL_PROPOSED, row)
    return row


def dismiss_proposal(*, actor: Actor, proposal_id: UUID, code: str) -> DisposalProposal:
    """The call stays, for one of the coded reasons: said by an officer, or by whoever would have approved."""
    if code not in DISMISSALS:
        raise Invalid("Say why the call stays", errors={"code": [f"One of: {', '.join(DISMISSALS)}."]})
    states = [DisposalProposal.State.OPEN, DisposalProposal.State.PROPOSED]
    with tenancy.operation(actor):
        row = _lock(actor, proposal_id, *states)
        is_proposed = row.state == DisposalProposal.State.PROPOSED
        access.require(actor, "retention.approve_disposal" if is_proposed else "retention.propose_disposal")
        row.state, row.code = DisposalProposal.State.DISMISSED, code
        row.decided_by, row.decided_at = actor.reference, timezone.now()
        row.save(update_fields=["state", "code", "decided_by", "decided_at"])
        _note(actor, events.PROPOSAL_DISMISSED, row, code=code)
    return row


def approve_proposal(*, actor: Actor, proposal_id: UUID) -> DisposalProposal:
    """The second person's half: the call goes, with everything in it. Raises Held under a legal hold, and the proposal
    waits; Gone where the call went meanwhile.
    """
    access.require(actor, "retention.approve_disposal")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        row = _lock(actor, proposal_id, DisposalProposal.State.PROPOSED)
        if row.proposed_by == actor.reference:
            raise OwnProposal()
        call = erasing.lock_call(organisation_id, row.call_id)
        if call.state != call.State.ACTIVE:
            raise Gone("This call is going or gone already", code="call_erased")
        row.state = DisposalProposal.State.APPROVED
        row.decided_by, row.decided_at = actor.reference, timezone.now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        _note(actor, events.PROPOSAL_APPROVED, row)
        scheduler = Actor.scheduler(organisation_id)
        disposal.begin_call_disposal(actor=scheduler, call_id=row.call_id, ground=Ground(row.ground))
    return row


def _lock(actor: Actor, proposal_id: UUID, *states: str) -> DisposalProposal:
    rows = DisposalProposal.objects.for_organisation(actor.organisation_id).select_for_update(of=("self",))
    row = rows.filter(id=proposal_id).first()
    if row is None:
        raise NotFound()
    if row.state not in states:
        raise Conflict("This proposal is not waiting for that", code="already_decided")
    return row


def _note(actor: Actor, event: str, row: DisposalProposal, **what: Any) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("proposal", row.id),
        cls=log.EntryClass.DECISION,
        what={"call": str(row.call_id), "ground": row.ground, **what},
    )
