"""A request comes in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tenancy
from accounts.errors import Invalid, NotAllowed
from compliance import law
from compliance.dsr import access, notices
from compliance.dsr.models import ClaimedIdentity, SubjectRequest
from compliance.dsr.operations import receiving
from compliance.recordings.identifiers import IdentifierKind
from tests.cast import Cast
from tests.compliance.dsr.requests import MARIA, receive
from tests.entries import Entries


def _new(**changes: Any) -> receiving.NewRequest:
    fields: dict[str, Any] = {
        "rights": [law.Right.ACCESS],
        "identities": [MARIA],
        "regime": "eu-gdpr",
        "place": "DE-BY",
    }
    return receiving.NewRequest(**(fields | changes))


def test_its_dates_are_fixed_at_once_and_explain_themselves(cast: Cast) -> None:
    received = datetime(2026, 3, 31, 9, tzinfo=UTC)
    request = receiving.receive_request(actor=cast.officer.actor, new=_new(received_at=received))
    with tenancy.scope(cast.organisation_id):
        right = access.rights_of(request)[0]
    assert right.respond_by.isoformat() == "2026-04-30"  # one month; 31 April does not exist
    assert any("12(3)" in line for line in right.explanation)


def test_what_the_person_said_is_sealed(cast: Cast) -> None:
    request = receive(cast)
    with tenancy.scope(cast.organisation_id):
        row = SubjectRequest.objects.for_organisation(cast.organisation_id).values().get(id=request.id)
        claim = ClaimedIdentity.objects.for_organisation(cast.organisation_id).values().get(request_id=request.id)
        assert b"delgado" not in repr([row, claim]).lower().encode()
        assert access.person_of(request).name == "Maria Delgado"
        assert access.value_of(access.claims_of(request)[0]) == "maria.delgado@example.com"


def test_one_entry_and_one_letter(cast: Cast, entries: Entries) -> None:
    request = receive(cast, law.Right.ACCESS, law.Right.ERASURE)
    assert entries.events == ["dsr.request.received", "dsr.letter.queued"]
    assert entries[0].fields["what"]["rights"] == "access+erasure"
    assert "delgado" not in repr(entries[0].fields).lower()
    with tenancy.scope(cast.organisation_id):
        letter = notices.read(access.letters_of(request)[0])
    assert request.reference in letter.body


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rights": []}, "rights"),
        ({"rights": [law.Right.OBJECTION]}, "rights"),
        ({"identities": []}, "identities"),
        ({"identities": [(IdentifierKind.EMAIL, "not an address")]}, "identities.0"),
        ({"identities": [MARIA, (IdentifierKind.PHONE, "abc")]}, "identities.1"),
        ({"regime": "xx-law"}, "regime"),
        ({"place": "DE-QQ"}, "regime"),
        ({"received_at": timezone.now() + timedelta(days=1)}, "received_at"),
    ],
)
def test_what_cannot_be_used_changes_nothing(cast: Cast, changes: dict[str, Any], field: str, entries: Entries) -> None:
    with pytest.raises(Invalid) as refused:
        receiving.receive_request(actor=cast.officer.actor, new=_new(**changes))
    assert field in refused.value.errors
    assert entries == []
    with tenancy.scope(cast.organisation_id):
        assert not access.requests(cast.organisation_id).exists()


def test_a_reviewer_receives_nothing(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        receiving.receive_request(actor=cast.colleague.actor, new=_new())


def test_the_same_identity_twice_is_one_claim(cast: Cast) -> None:
    request = receive(cast, identities=[MARIA, (IdentifierKind.EMAIL, "maria.delgado@EXAMPLE.com ")])
    with tenancy.scope(cast.organisation_id):
        assert len(access.claims_of(request)) == 1
