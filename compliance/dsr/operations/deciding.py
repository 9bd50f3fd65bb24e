"""Two people decide: one proposes the plan, another approves exactly that plan. Or one person, after a wait that is on
the record.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from accounts.models import Organisation
from audit import log
from compliance import jobs
from compliance.dsr import access as requests
from compliance.dsr import events, notices
from compliance.dsr.models import SubjectRequest
from compliance.dsr.operations import planning, telling
from compliance.dsr.states import Reason, State, reason_fits
from compliance.errors import Conflict, Invalid, OwnProposal
from compliance.law.calendars import add_months

KEPT_MONTHS = 24  # 11 CCR 7101(a)


def propose_plan(*, actor: Actor, request_id: UUID) -> SubjectRequest:
    """Freeze the plan and put it before a second person."""
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.IN_PROGRESS)
        if request.located_at is None:
            raise Conflict("The calls are not located yet", code="not_located")
        if request.proposed_at is not None:
            raise Conflict("The plan is proposed already", code="plan_proposed")
        items = requests.plan_of(request)
        if not items:
            raise Conflict("Nothing was found; refuse the request with its reason", code="nothing_found")
        request.proposed_by, request.proposed_at = actor.reference, timezone.now()
        request.plan_digest = planning.digest_of(items)
        request.save(update_fields=["proposed_by", "proposed_at", "plan_digest"])
        _note(actor, events.PLAN_PROPOSED, request, {"plan": request.plan_digest, "artifacts": len(items)})
    return request


def approve_request(*, actor: Actor, request_id: UUID, plan_digest: str) -> SubjectRequest:
    """Approve the proposed plan by its digest. In an organisation of one officer the proposer may, and then it
    waits.
    """
    access.require(actor, "dsr.approve")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.IN_PROGRESS)
        if request.proposed_at is None or request.approved_at is not None:
            raise Conflict("There is no plan to approve", code="nothing_to_approve")
        items = requests.plan_of(request)
        if plan_digest != request.plan_digest or planning.digest_of(items) != request.plan_digest:
            raise Conflict("The plan is not the one that was proposed", code="plan_changed")
        wait = _wait(actor, request)
        request.approved_by, request.approved_at = actor.reference, timezone.now()
        request.save(update_fields=["approved_by", "approved_at"])
        _note(
            actor,
            events.PLAN_APPROVED,
            request,
            {"plan": plan_digest, "delayed_hours": int(wait.total_seconds() // 3600)},
        )
        due_at = timezone.now() + wait if wait else None
        jobs.enqueue_on_commit(
            "dsr.fulfil_request", organisation_id=actor.organisation_id, object_id=request.id, due_at=due_at
        )
    return request


def withdraw_proposal(*, actor: Actor, request_id: UUID) -> SubjectRequest:
    """Take a plan back while nothing of it has been done: before approval, or during the waiting time."""
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.IN_PROGRESS)
        if any(item.result for item in requests.plan_of(request)):
            raise Conflict("The plan is being carried out", code="too_late")
        request.proposed_by = request.approved_by = request.plan_digest = ""
        request.proposed_at = request.approved_at = None
        request.save(update_fields=["proposed_by", "proposed_at", "approved_by", "approved_at", "plan_digest"])
        _note(actor, events.APPROVAL_WITHDRAWN, request, {})
    return request


def deny_request(*, actor: Actor, request_id: UUID, reason: Reason, explanation: str) -> SubjectRequest:
    """Refuse with a coded reason; the person is told, with their right to complain (GDPR Art. 12(4))."""
    access.require(actor, "dsr.handle")
    if not reason_fits(State.DENIED, reason):
        raise Invalid("A denial needs a reason of its own", errors={"reason": ["Not a reason to deny."]})
    if not 10 <= len(explanation.strip()) <= 4000:
        raise Invalid("The person is owed an explanation", errors={"explanation": ["10 to 4000 characters."]})
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.OPEN, State.IN_PROGRESS)
        if any(item.result for item in requests.plan_of(request)):
            raise Conflict("The plan is being carried out", code="too_late")
        close(actor, request, State.DENIED, reason)
        log.append(
            actor=actor,
            event=events.REQUEST_DENIED,
            organisation_id=actor.organisation_id,
            obj=("request", request.id),
            cls=log.EntryClass.DECISION,
            why={"reason": reason.value},
            identifying={"explanation": explanation},
        )
        notices.queue(actor, request, notices.denial(request, reason, explanation))
    return request


def revoke_request(*, actor: Actor, request_id: UUID) -> SubjectRequest:
    """The person withdrew it."""
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id, lock=True)
        requests.require_state(request, State.OPEN, State.IN_PROGRESS)
        if any(item.result for item in requests.plan_of(request)):
            raise Conflict("The plan is being carried out", code="too_late")
        close(actor, request, State.REVOKED, None)
        _note(actor, events.REQUEST_REVOKED, request, {})
    return request


def close(actor: Actor, request: SubjectRequest, state: State, reason: Reason | None) -> None:
    """Put a request into a final state; its file is kept 24 months, then minimised."""
    before = request.state
    request.state = state.value
    request.reason = reason.value if reason else ""
    request.minimise_on = add_months(timezone.now().date(), KEPT_MONTHS)
    if state is State.FULFILLED:
        request.fulfilled_at = timezone.now()
    request.save(update_fields=["state", "reason", "minimise_on", "fulfilled_at"])
    telling.tell_state(actor, request, before)


def _wait(actor: Actor, request: SubjectRequest) -> timedelta:
    if request.proposed_by != actor.reference:
        return timedelta()
    organisation = requests.organisation_of(actor.organisation_id)
    if organisation.approval != Organisation.Approval.DELAYED:
        raise OwnProposal()
    return timedelta(hours=organisation.approval_delay_hours)


def _note(actor: Actor, event: str, request: SubjectRequest, what: dict[str, str | int | bool | None]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("request", request.id),
        cls=log.EntryClass.DECISION,
        what=what,
    )
