"""Is it really the person?"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.errors import Conflict, NotAllowed, NotFound
from compliance.dsr import access
from compliance.dsr.operations import opening, verifying
from compliance.recordings.identifiers import IdentifierKind
from tests.cast import Cast
from tests.compliance.dsr.requests import code_of, read, receive, verify
from tests.entries import Entries


@pytest.fixture
def request_id(cast: Cast, arrived: Callable[..., Any]) -> Any:
    """A request of somebody whom the register knows, with a code sent."""
    arrived("01")
    request = receive(cast)
    with tenancy.scope(cast.organisation_id):
        claim = access.claims_of(request)[0]
    verifying.send_code(actor=cast.officer.actor, request_id=request.id, claim_id=claim.id)
    return request.id


def test_the_right_code_verifies_once(cast: Cast, request_id: Any, jobs: Any) -> None:
    code = code_of(cast, read(cast, request_id))
    verifying.verify_identity(actor=cast.officer.actor, request_id=request_id, code=code)
    assert read(cast, request_id).verified_by == "one_time_code"
    assert "dsr.locate_calls" in jobs.names
    with pytest.raises(verifying.CodeRefused):
        verifying.verify_identity(actor=cast.officer.actor, request_id=request_id, code=code)


def test_guessing_ends_after_five_tries(cast: Cast, request_id: Any, entries: Entries) -> None:
    code = code_of(cast, read(cast, request_id))
    for _ in range(verifying.MAX_TRIES):
        with pytest.raises(verifying.CodeRefused):
            verifying.verify_identity(actor=cast.officer.actor, request_id=request_id, code="00000000")
    with pytest.raises(verifying.CodeRefused):
        verifying.verify_identity(actor=cast.officer.actor, request_id=request_id, code=code)
    assert len(entries.of("dsr.code.refused")) == verifying.MAX_TRIES + 1


def test_a_wrong_code_over_http_costs_its_try(cast: Cast, request_id: Any, api: APIClient) -> None:
    """The answer is an error, and yet the try is committed."""
    code = code_of(cast, read(cast, request_id))
    for _ in range(verifying.MAX_TRIES):
        answer = api.post(f"/api/v1/requests/{request_id}/verification", {"code": "00000000"}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, "code_refused")
    answer = api.post(f"/api/v1/requests/{request_id}/verification", {"code": code}, format="json")
    assert answer.status_code == 400


def test_a_code_dies_of_age(cast: Cast, request_id: Any, time_machine: Any) -> None:
    code = code_of(cast, read(cast, request_id))
    time_machine.move_to(timezone.now() + verifying.CODE_LIFETIME + timedelta(seconds=1))
    with pytest.raises(verifying.CodeRefused):
        verifying.verify_identity(actor=cast.officer.actor, request_id=request_id, code=code)


def test_an_address_that_nobody_recorded_proves_nothing(cast: Cast) -> None:
    request = receive(cast, identities=[(IdentifierKind.EMAIL, "stranger@example.com")])
    with pytest.raises(Conflict) as refused:
        verify(cast, request)
    assert refused.value.code == "claim_not_recorded"
    assert read(cast, request.id).state == "open"


def test_codes_are_not_sent_without_end(cast: Cast, request_id: Any) -> None:
    with tenancy.scope(cast.organisation_id):
        claim = access.claims_of(read(cast, request_id))[0]
    for _ in range(verifying.MAX_CODES_A_DAY - 1):
        verifying.send_code(actor=cast.officer.actor, request_id=request_id, claim_id=claim.id)
    with pytest.raises(Conflict) as refused:
        verifying.send_code(actor=cast.officer.actor, request_id=request_id, claim_id=claim.id)
    assert refused.value.code == "too_many_codes"


def test_an_officer_vouches_with_evidence_and_a_robot_cannot(cast: Cast, request_id: Any, entries: Entries) -> None:
    with pytest.raises(Conflict) as refused:
        verifying.verify_by_officer(actor=cast.robot, request_id=request_id, evidence="known to us in person")
    assert refused.value.code == "person_needed"
    verifying.verify_by_officer(actor=cast.officer.actor, request_id=request_id, evidence="known to us in person")
    assert entries.of("dsr.identity.verified")[0].fields["identifying"] == {"evidence": "known to us in person"}
    assert read(cast, request_id).verified_by == "officer"


def test_another_organisation_cannot_even_see_it(cast: Cast, request_id: Any, outsider_api: APIClient) -> None:
    with pytest.raises(NotFound):
        verifying.verify_identity(actor=cast.outsider.actor, request_id=request_id, code="12345678")
    assert outsider_api.get(f"/api/v1/requests/{request_id}").status_code == 404


def test_reading_who_asked_is_an_entry(cast: Cast, entries: Entries) -> None:
    request = receive(cast)
    with pytest.raises(NotAllowed):
        opening.open_identities(actor=cast.auditor.actor, request_id=request.id)
    told = opening.open_identities(actor=cast.officer.actor, request_id=request.id)
    assert told.person.name == "Maria Delgado"
    assert told.identities == [("email", "maria.delgado@example.com", False)]
    assert entries.events[-1] == "dsr.identities.opened"
    assert "delgado" not in repr(entries[-1].fields["what"])
