"""The plan, and the two people who decide."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.errors import Conflict, Invalid
from accounts.models import DueWork, Organisation
from compliance import law
from compliance.dsr import access
from compliance.dsr.operations import deciding, planning
from compliance.dsr.states import Decision, Ground, Reason
from compliance.errors import OwnProposal
from compliance.recordings import access as register
from compliance.recordings.identifiers import IdentifierKind
from compliance.retention import operations as retention
from tests.cast import Cast
from tests.compliance.dsr.requests import MARIA, approve, read, receive, verify


@pytest.fixture
def located(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> Any:
    """Maria's erasure request with its calls located; beside hers, two calls of other people."""
    arrived("01", "02", "03", "05")
    request = receive(cast)
    verify(cast, request)
    jobs.drain()
    return request.id


def _plan(cast: Cast, request_id: Any) -> list[Any]:
    with tenancy.scope(cast.organisation_id):
        return access.plan_of(access.request_of(cast.organisation_id, request_id))


def test_one_address_finds_every_call_of_the_person_and_nobody_elses(cast: Cast, located: Any) -> None:
    """Call 05 knows her under another contact id; only the address that she spoke ties it to her."""
    items = _plan(cast, located)
    with tenancy.scope(cast.organisation_id):
        assert {item.call.external_id for item in items} == {"call_s01", "call_s05"}
    assert {item.decision for item in items} == {Decision.FULFIL}
    assert {kind for item in items for kind in item.matched_by} == {"email"}


def test_what_only_an_unproven_claim_finds_is_kept(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    arrived("01", "02")
    request = receive(cast, identities=[MARIA, (IdentifierKind.PHONE, "+12065550198")])
    verify(cast, request)
    jobs.drain()
    by_call = {item.call_id: (item.decision, item.ground) for item in _plan(cast, request.id)}
    assert sorted(by_call.values()) == [("fulfil", ""), ("keep", Ground.NOT_IDENTIFIED)]


def test_what_a_hold_covers_is_kept_and_says_so(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    calls = arrived("01", "05")
    retention.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[calls["05"]])
    request = receive(cast)
    verify(cast, request)
    jobs.drain()
    grounds = {item.call_id: item.ground for item in _plan(cast, request.id)}
    assert grounds == {calls["01"]: "", calls["05"]: Ground.LEGAL_HOLD}


def test_nobody_approves_their_own_proposal(cast: Cast, located: Any) -> None:
    deciding.propose_plan(actor=cast.officer.actor, request_id=located)
    digest = read(cast, located).plan_digest
    with pytest.raises(OwnProposal):
        deciding.approve_request(actor=cast.officer.actor, request_id=located, plan_digest=digest)
    deciding.approve_request(actor=cast.colleague.actor, request_id=located, plan_digest=digest)
    assert read(cast, located).approved_by == cast.colleague.actor.reference


def test_only_the_plan_that_was_proposed_is_approved(cast: Cast, located: Any) -> None:
    deciding.propose_plan(actor=cast.officer.actor, request_id=located)
    with pytest.raises(Conflict) as refused:
        deciding.approve_request(actor=cast.colleague.actor, request_id=located, plan_digest="0" * 64)
    assert refused.value.code == "plan_changed"
    item = _plan(cast, located)[0]
    with pytest.raises(Conflict) as refused:
        planning.set_decision(
            actor=cast.officer.actor, item_id=item.id, decision=Decision.KEEP, ground=Ground.LEGAL_CLAIMS
        )
    assert refused.value.code == "plan_proposed"


def test_a_decision_needs_a_ground_that_carries_it(cast: Cast, located: Any) -> None:
    item = _plan(cast, located)[0]
    with pytest.raises(Invalid):
        planning.set_decision(actor=cast.officer.actor, item_id=item.id, decision=Decision.KEEP, ground=None)
    changed = planning.set_decision(
        actor=cast.officer.actor, item_id=item.id, decision=Decision.KEEP, ground=Ground.LEGAL_CLAIMS
    )
    assert changed.ground == "gdpr_17_3_e"


def test_one_officer_alone_waits(cast: Cast, located: Any) -> None:
    with tenancy.scope(cast.organisation_id):
        Organisation.objects.filter(id=cast.organisation_id).update(approval="delayed", approval_delay_hours=48)
    deciding.propose_plan(actor=cast.officer.actor, request_id=located)
    digest = read(cast, located).plan_digest
    deciding.approve_request(actor=cast.officer.actor, request_id=located, plan_digest=digest)
    work = DueWork.objects.get(job="dsr.fulfil_request")
    assert work.due_at - timezone.now() > timedelta(hours=47)
    deciding.withdraw_proposal(actor=cast.officer.actor, request_id=located)
    assert read(cast, located).approved_at is None


def test_a_denial_names_its_reason_and_tells_the_person(cast: Cast, located: Any) -> None:
    with pytest.raises(Invalid):
        deciding.deny_request(
            actor=cast.officer.actor, request_id=located, reason=Reason.NEED_USER_VERIFICATION, explanation="x" * 20
        )
    deciding.deny_request(
        actor=cast.officer.actor, request_id=located, reason=Reason.SUSPECTED_FRAUD, explanation="The letters differ."
    )
    request = read(cast, located)
    assert (request.state, request.reason) == ("denied", "suspected_fraud")
    assert request.minimise_on is not None
    with tenancy.scope(cast.organisation_id):
        assert "denial" in {letter.template for letter in access.letters_of(request)}


def test_nothing_happens_before_the_identity_is_verified(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    arrived("01")
    request = receive(cast)
    with pytest.raises(Conflict):
        deciding.propose_plan(actor=cast.officer.actor, request_id=request.id)
    with pytest.raises(Conflict):
        planning.locate_calls(actor=cast.officer.actor, request_id=request.id)


def test_an_approved_plan_can_be_taken_back_until_it_is_begun(
    cast: Cast, arrived: Callable[..., Any], jobs: Any
) -> None:
    arrived("01")
    request = receive(cast, law.Right.ERASURE)
    approve(cast, jobs, request)
    deciding.withdraw_proposal(actor=cast.officer.actor, request_id=request.id)
    jobs.drain()
    assert read(cast, request.id).state == "in_progress"
    assert {item.result for item in _plan(cast, request.id)} == {""}


def test_a_copy_of_a_call_with_another_principal_is_not_given(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be redacted yet: it fails closed, with its ground, until an officer decides otherwise."""
    calls = arrived("01", "05")
    known = register.principals

    def principals(organisation_id: Any, call_id: Any) -> tuple[Any, ...]:
        others = (uuid4(),) if call_id == calls["05"] else ()
        return (*known(organisation_id, call_id), *others)

    monkeypatch.setattr(register, "principals", principals)
    request = receive(cast, law.Right.ACCESS)
    verify(cast, request)
    jobs.drain()
    grounds = {item.call_id: item.ground for item in _plan(cast, request.id)}
    assert grounds == {calls["01"]: "", calls["05"]: Ground.OTHERS_RIGHTS}
