"""A request of a data subject at the console: in, proven, planned, approved by two, answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tenancy
from compliance import law
from compliance.dsr import access as files
from compliance.dsr.models import OutboundMail, SubjectRequest
from tests.cast import Cast, Member
from tests.compliance.dsr import requests
from tests.walks.desk import Desk, button_of, page_of

Arrived = Callable[..., dict[str, UUID]]
OWN = "Somebody else must approve what you proposed"


@pytest.fixture
def desk(console: Callable[[Member], Client]) -> Callable[[Member], Desk]:
    return lambda member: Desk(console(member))


@pytest.fixture
def officer(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.officer)


@pytest.fixture
def reviewer(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.colleague)


def test_a_request_comes_in_at_the_console_with_its_dates_and_its_letter(cast: Cast, officer: Desk) -> None:
    asked = {
        "rights": ["access", "erasure"],
        "regime": "us-ca",
        "place": "us-ca",
        "received_at": timezone.now().strftime("%Y-%m-%dT%H:%M"),
        "name": "Maria Delgado",
        "address": "maria.delgado@example.com",
        "email": "Maria.Delgado@example.com",
    }
    officer.press("dsr.SubjectRequest", "receive", **asked | {"email": ""}).assert_refused("Name at least one", 400)
    later = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    officer.press("dsr.SubjectRequest", "receive", **asked | {"received_at": later}).assert_refused(
        "In the future", 400
    )
    officer.press("dsr.SubjectRequest", "receive", **asked | {"place": "Mars"}).assert_refused(
        "is not an ISO 3166 code", 400
    )
    assert _requests(cast) == []
    done = officer.press("dsr.SubjectRequest", "receive", **asked)
    done.assert_done("The request is open, and an acknowledgement is in the outbox.")
    [request] = _requests(cast)
    assert (request.channel, request.place) == ("console", "US-CA")
    assert done.url == page_of("dsr.SubjectRequest", request.id)
    with tenancy.scope(cast.organisation_id):
        assert [letter.template for letter in files.letters_of(request)] == ["acknowledgement"]
        assert files.person_of(request) == files.Person("Maria Delgado", "maria.delgado@example.com")


def test_identity_is_proven_by_code_and_a_wrong_one_costs_a_try(
    cast: Cast, officer: Desk, arrived: Arrived, entries: Any
) -> None:
    arrived("01")
    request = requests.receive(cast)
    with tenancy.scope(cast.organisation_id):
        claim = files.claims_of(request)[0]
    sent = officer.press("dsr.SubjectRequest", "send_code", request.id, claim=str(claim.id))
    assert (sent.status, len(sent.said)) == (302, 1)
    officer.press("dsr.SubjectRequest", "verify_code", request.id, code="00000000").assert_refused(
        "This code is not valid", 400
    )
    assert entries.of("dsr.code.refused")
    assert requests.read(cast, request.id).verified_at is None
    right = officer.press("dsr.SubjectRequest", "verify_code", request.id, code=requests.code_of(cast, request))
    right.assert_done("The identity is proven; the calls are being located.")
    assert requests.read(cast, request.id).verified_by == "one_time_code"


def test_an_unknown_address_gets_no_code(cast: Cast, officer: Desk) -> None:
    request = requests.receive(cast)
    with tenancy.scope(cast.organisation_id):
        claim = files.claims_of(request)[0]
    answer = officer.press("dsr.SubjectRequest", "send_code", request.id, claim=str(claim.id))
    answer.assert_refused("The register does not know this address", 409)


def test_a_plan_is_decided_proposed_and_approved_by_two(
    cast: Cast, officer: Desk, reviewer: Desk, arrived: Arrived, jobs: Any
) -> None:
    arrived("01")
    request = requests.receive(cast)
    early = officer.press("dsr.SubjectRequest", "propose", request.id)
    early.assert_refused("The request is open", 409)
    vouched = officer.press(
        "dsr.SubjectRequest", "verify_by_officer", request.id, evidence="Called back on the recorded number."
    )
    assert vouched.status == 302
    jobs.drain()
    found = officer.press("dsr.SubjectRequest", "locate", request.id)
    assert "artifacts in 1 calls" in found.said[0]
    item = _plan(cast, request.id)[0]
    keep = {"item": str(item.id), "decision": "keep", "ground": "others_rights"}
    officer.press("dsr.SubjectRequest", "decide", request.id, **keep).assert_refused("Does not fit", 400)
    assert {row.decision for row in _plan(cast, request.id)} == {"fulfil"}
    keep["ground"] = "gdpr_17_3_e"
    officer.press("dsr.SubjectRequest", "decide", request.id, **keep).assert_done("The decision is changed.")
    assert officer.press("dsr.SubjectRequest", "propose", request.id).status == 302
    digest = requests.read(cast, request.id).plan_digest
    officer.press("dsr.SubjectRequest", "approve", request.id, plan_digest=digest).assert_refused(OWN, 403)
    other = reviewer.press("dsr.SubjectRequest", "approve", request.id, plan_digest="0" * 64)
    other.assert_refused("The plan is not the one that was proposed", 409)
    assert officer.press("dsr.SubjectRequest", "withdraw", request.id).status == 302
    assert officer.press("dsr.SubjectRequest", "propose", request.id).status == 302
    approved = reviewer.press("dsr.SubjectRequest", "approve", request.id, plan_digest=digest)
    approved.assert_done("The plan is approved and is being carried out.")
    assert requests.read(cast, request.id).approved_by == cast.colleague.actor.reference
    assert "needed to establish, exercise or defend legal claims" in reviewer.open(
        page_of("dsr.SubjectRequest", request.id)
    )


def test_a_package_is_handed_over_as_a_file_by_those_who_may_open_content(
    cast: Cast, desk: Callable[[Member], Desk], officer: Desk, arrived: Arrived, jobs: Any, entries: Any
) -> None:
    arrived("01")
    request = requests.receive(cast, law.Right.ACCESS)
    requests.approve(cast, jobs, request)
    jobs.settle()
    answer: Any = officer.client.post(button_of("dsr.SubjectRequest", "download_package", request.id))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert b"".join(answer.streaming_content)[:2] == b"PK"
    assert len(entries.of("dsr.package.opened")) == 1
    auditor = desk(cast.auditor)
    assert auditor.press("dsr.SubjectRequest", "download_package", request.id).status == 403


def test_a_request_is_denied_with_its_reason_or_taken_back(cast: Cast, officer: Desk, reviewer: Desk) -> None:
    request, other = requests.receive(cast), requests.receive(cast)
    words = {"reason": "no_match", "explanation": "We found no recorded call that belongs to you."}
    assert reviewer.press("dsr.SubjectRequest", "deny", request.id, **words).status == 403
    officer.press("dsr.SubjectRequest", "deny", request.id, reason="no_match", explanation="no").assert_refused(
        "10", 400
    )
    assert officer.press("dsr.SubjectRequest", "deny", request.id, **words).status == 302
    assert requests.read(cast, request.id).state == "denied"
    officer.press("dsr.SubjectRequest", "deny", request.id, **words).assert_refused("The request is denied", 409)
    assert officer.press("dsr.SubjectRequest", "revoke", other.id).status == 302
    assert requests.read(cast, other.id).state == "revoked"


def test_a_letter_opens_for_officers_and_the_opening_is_an_entry(
    cast: Cast, officer: Desk, reviewer: Desk, entries: Any
) -> None:
    request = requests.receive(cast)
    with tenancy.scope(cast.organisation_id):
        letter = files.letters_of(request)[0]
    assert letter.state == OutboundMail.State.OUTBOX
    assert "maria" not in officer.open(page_of("dsr.OutboundMail", letter.id)).lower()
    opened = officer.press("dsr.OutboundMail", "open_letter", letter.id)
    assert opened.status == 200
    assert "Dear Maria Delgado" in opened.words
    assert [entry.fields["obj"] for entry in entries.of("dsr.letter.opened")] == [("letter", letter.id)]
    assert reviewer.press("dsr.OutboundMail", "open_letter", letter.id).status == 403


def _plan(cast: Cast, request_id: UUID) -> list[Any]:
    with tenancy.scope(cast.organisation_id):
        return list(files.plan_of(requests.read(cast, request_id)))


def _requests(cast: Cast) -> list[SubjectRequest]:
    with tenancy.scope(cast.organisation_id):
        return list(files.requests(cast.organisation_id))
