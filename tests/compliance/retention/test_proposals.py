"""Refused but recorded: found by the audit or told by the platform, proposed by one, approved by another, stopped by a
hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors_access
from compliance.connectors import operations as connectors
from compliance.connectors.facts import CallFacts, Consent, Rank
from compliance.disclosure import access as doors
from compliance.disclosure.models import Finding
from compliance.disclosure.operations import objections
from compliance.errors import Conflict, Gone, Held, Invalid, NotAllowed, NotFound, OwnProposal
from compliance.recordings import access as register
from compliance.recordings.operations import registering
from compliance.retention import disposal, holds, operations
from compliance.retention.disposal import Ground
from compliance.retention.models import DisposalProposal
from compliance.retention.operations import proposals
from tests.calls import Media
from tests.cast import Cast, Member
from tests.compliance.retention.platform import Account
from tests.compliance.retention.platform import account as account
from tests.compliance.retention.platform import far_end as far_end
from tests.entries import Entries

Arrived = Callable[..., dict[str, UUID]]


def proposals_of(cast: Cast) -> list[DisposalProposal]:
    with tenancy.scope(cast.organisation_id):
        return list(proposals.proposals_of(cast.organisation_id))


@pytest.fixture
def refused(cast: Cast, arrived: Arrived) -> DisposalProposal:
    """Sample 04: the caller says no at once, the agent says that it stops, and the recording goes on to the end."""
    arrived("04")
    (found,) = proposals_of(cast)
    return found


def propose(cast: Cast, row: DisposalProposal) -> None:
    proposals.propose_disposal(actor=cast.officer.actor, proposal_id=row.id)


# --- found ------------------------------------------------------------------------------------------------------------


def test_a_caller_who_objected_and_was_recorded_on_is_found(cast: Cast, refused: DisposalProposal) -> None:
    assert (refused.ground, refused.state) == ("objection", "open")
    with tenancy.scope(cast.organisation_id):
        audit = doors.audit_of_call(cast.organisation_id, refused.call_id)
        assert audit is not None
        assert (audit.details["objection_turn"], audit.details["seconds_to_objection"]) == (1, 7.1)
        assert refused.cause == audit.id  # nobody has said which language the agent speaks: heard, and no verdict


def test_the_verdict_on_an_objection_is_the_cause_where_there_is_one(cast: Cast, arrived: Arrived, jobs: Any) -> None:
    """Sample 01 has the same agent, of which somebody says that it speaks English before 04 comes."""
    arrived("01")
    with tenancy.scope(cast.organisation_id):
        agent = connectors_access.agent_named(cast.organisation_id, "agent_frontdesk")
    details = connectors.AgentDetails(languages=["en"])
    connectors.set_agent(actor=cast.officer.actor, agent_id=agent.id, details=details)
    call_id = arrived("04")["04"]
    (found,) = proposals_of(cast)
    with tenancy.scope(cast.organisation_id):
        audit = doors.audit_of_call(cast.organisation_id, call_id)
        assert audit is not None
        assert {"objection", "objection_honored"} <= set(audit.reasons)
        findings = Finding.objects.for_organisation(cast.organisation_id).filter(audit=audit)
        assert found.cause in set(findings.filter(reason="objection").values_list("id", flat=True))


def test_calls_of_those_who_did_not_object_are_not_proposed(cast: Cast, arrived: Arrived) -> None:
    arrived("01", "02", "05")
    assert proposals_of(cast) == []


def test_a_promise_that_was_kept_is_no_finding(cast: Cast, arrived: Arrived, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that ends where the caller objected."""
    monkeypatch.setattr(objections, "GRACE_SECONDS", 60.0)
    arrived("04")
    assert proposals_of(cast) == []


def test_found_once_however_often_it_is_looked_for(cast: Cast, refused: DisposalProposal, entries: Entries) -> None:
    clock = Actor.scheduler(cast.organisation_id)
    assert objections.find_refusals(actor=clock, call_id=refused.call_id) == []
    assert objections.sweep_refusals(actor=clock) == 0
    assert entries.of("retention.proposal.opened") == []


def told(account: Account, external_id: str, **facts: Any) -> None:
    registering.register_call(
        actor=account.clock,
        connection_id=account.connection_id,
        facts=CallFacts(external_id, Rank.ANALYSED, **facts),
        received_at=timezone.now(),
    )
    account.jobs.drain()


def test_a_platforms_word_that_consent_was_refused_is_enough(account: Account) -> None:
    call_id = account.call("call-1", consent=Consent.REFUSED)
    account.call("call-2", consent=Consent.GRANTED)
    (found,) = proposals_of(account.cast)
    assert (found.call_id, found.ground, found.cause) == (call_id, "consent_refused", call_id)


def test_a_refusal_that_is_told_after_the_recording_is_found_by_the_sweep(account: Account) -> None:
    call_id = account.call("call-1")
    assert proposals_of(account.cast) == []
    told(account, "call-1", consent=Consent.REFUSED)
    objections.sweep_refusals(actor=account.clock)
    assert [row.call_id for row in proposals_of(account.cast)] == [call_id]


def test_without_a_recording_there_is_nothing_to_propose(account: Account) -> None:
    account.call("call-1", consent=Consent.REFUSED, recordings=())
    objections.sweep_refusals(actor=account.clock)
    assert proposals_of(account.cast) == []


# --- decided ----------------------------------------------------------------------------------------------------------


def test_two_people_let_the_call_go(cast: Cast, refused: DisposalProposal, jobs: Any, entries: Entries) -> None:
    with pytest.raises(Conflict):
        proposals.approve_proposal(actor=cast.colleague.actor, proposal_id=refused.id)
    propose(cast, refused)
    with pytest.raises(OwnProposal):
        proposals.approve_proposal(actor=cast.officer.actor, proposal_id=refused.id)
    done = proposals.approve_proposal(actor=cast.colleague.actor, proposal_id=refused.id)
    assert (done.state, done.decided_by) == ("approved", cast.colleague.actor.reference)
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        assert register.call_of(cast.organisation_id, refused.call_id).state == "erased"
        rows = disposal.disposals_for(cast.organisation_id, call_ids=[refused.call_id])
    assert {row.ground for row in rows} == {"objection"}
    wanted = ("retention.disposal.proposed", "retention.proposal.approved")
    assert [len(entries.of(event)) for event in wanted] == [1, 1]


def test_a_hold_wins_and_the_proposal_waits(cast: Cast, refused: DisposalProposal, jobs: Any) -> None:
    hold = operations.place_hold(
        actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[refused.call_id]
    )
    propose(cast, refused)
    with pytest.raises(Held):
        proposals.approve_proposal(actor=cast.colleague.actor, proposal_id=refused.id)
    assert proposals_of(cast)[0].state == "proposed"
    operations.propose_release(actor=cast.officer.actor, hold_id=hold.id)
    operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id)
    assert proposals.approve_proposal(actor=cast.colleague.actor, proposal_id=refused.id).state == "approved"


def test_a_call_that_went_meanwhile_is_said_to_be_gone(cast: Cast, refused: DisposalProposal) -> None:
    propose(cast, refused)
    clock = Actor.scheduler(cast.organisation_id)
    disposal.begin_call_disposal(actor=clock, call_id=refused.call_id, ground=Ground.ERASURE_REQUEST)
    with pytest.raises(Gone):
        proposals.approve_proposal(actor=cast.colleague.actor, proposal_id=refused.id)


def test_a_dismissal_has_a_reason_and_stays(cast: Cast, refused: DisposalProposal) -> None:
    with pytest.raises(Invalid):
        proposals.dismiss_proposal(actor=cast.officer.actor, proposal_id=refused.id, code="no reason")
    with pytest.raises(NotAllowed):  # nothing is proposed yet that a reviewer could turn down
        proposals.dismiss_proposal(actor=cast.colleague.actor, proposal_id=refused.id, code="legal_claims")
    proposals.dismiss_proposal(actor=cast.officer.actor, proposal_id=refused.id, code="legal_claims")
    with pytest.raises(Conflict):
        propose(cast, refused)
    objections.sweep_refusals(actor=Actor.scheduler(cast.organisation_id))
    assert [(row.state, row.code) for row in proposals_of(cast)] == [("dismissed", "legal_claims")]


def test_who_may(cast: Cast, refused: DisposalProposal) -> None:
    for member in (cast.colleague, cast.auditor, cast.engineer):
        with pytest.raises(NotAllowed):
            proposals.propose_disposal(actor=member.actor, proposal_id=refused.id)
    with pytest.raises(NotFound):
        proposals.propose_disposal(actor=cast.outsider.actor, proposal_id=refused.id)
    propose(cast, refused)
    for actor in (cast.auditor.actor, cast.engineer.actor, Actor.scheduler(cast.organisation_id)):
        with pytest.raises(NotAllowed):
            proposals.approve_proposal(actor=actor, proposal_id=refused.id)


def test_over_http(cast: Cast, refused: DisposalProposal, signed_in: Callable[[Member], APIClient]) -> None:
    officer, path = signed_in(cast.officer), f"/api/v1/disposal-proposals/{refused.id}"
    listed = officer.get("/api/v1/disposal-proposals?state=open&ground=objection").json()["results"]
    assert [one["call"] for one in listed] == [str(refused.call_id)]
    assert signed_in(cast.outsider).get(path).status_code == 404
    assert signed_in(cast.engineer).get(path).status_code == 403
    assert officer.post(f"{path}/proposal").json()["state"] == "proposed"
    assert officer.post(f"{path}/approval").json()["code"] == "own_proposal"
    assert officer.post(f"{path}/dismissal", {"code": "because"}, format="json").status_code == 400
    assert signed_in(cast.colleague).post(f"{path}/approval").json()["state"] == "approved"


def test_in_the_console(cast: Cast, refused: DisposalProposal, console: Callable[[Member], Client]) -> None:
    officer, colleague = console(cast.officer), console(cast.colleague)
    assert b"objected" in officer.get(reverse("admin:retention_disposalproposal_changelist")).content
    assert officer.get(reverse("admin:retention_disposalproposal_change", args=[refused.id])).status_code == 200
    assert officer.post(reverse("admin:retention_disposalproposal_propose", args=[refused.id])).status_code == 302
    assert colleague.post(reverse("admin:retention_disposalproposal_approve", args=[refused.id])).status_code == 302
    assert proposals_of(cast)[0].state == "approved"


def test_tasks_and_holds_in_the_console(cast: Cast, arrived: Arrived, jobs: Any, media: Media, console: Any) -> None:
    calls = arrived("01", "05")
    officer = console(cast.officer)
    fields = {"matter": "case 7", "reason": "litigation", "calls": "", "filter": "direction=inbound"}
    shown = officer.post(reverse("admin:retention_legalhold_preview"), fields)
    assert (shown.status_code, b"Would be kept" in shown.content) == (200, True)
    assert officer.post(reverse("admin:retention_legalhold_place"), fields).status_code == 302
    assert officer.post(reverse("admin:retention_legalhold_place"), fields | {"filter": "x=y"}).status_code == 400
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        (hold,) = holds.holds_of(cast.organisation_id)
    page = officer.get(reverse("admin:retention_legalhold_change", args=[hold.id])).content
    assert b"the calls that a filter found" in page
    clock = Actor.scheduler(cast.organisation_id)
    disposal.begin_call_disposal(actor=clock, call_id=calls["05"], ground=Ground.ERASURE_REQUEST)
    jobs.drain()
    assert b"DialGen" in officer.get(reverse("admin:retention_upstreamtask_changelist")).content
    assert officer.get(reverse("admin:recordings_location_changelist")).status_code == 200
