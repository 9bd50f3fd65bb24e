"""A request taken to a given point, as its users would."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from accounts import tenancy
from compliance import law
from compliance.dsr import access, notices
from compliance.dsr.models import SubjectRequest
from compliance.dsr.operations import deciding, receiving, verifying
from compliance.recordings.identifiers import IdentifierKind
from tests.cast import Cast

MARIA = (IdentifierKind.EMAIL, "Maria.Delgado@example.com")


def receive(cast: Cast, *rights: law.Right, identities: Any = (MARIA,)) -> SubjectRequest:
    """A request of Maria's, unless other identities are given."""
    new = receiving.NewRequest(
        rights=rights or (law.Right.ERASURE,),
        identities=identities,
        regime="us-ca",
        place="US-CA",
        person=access.Person("Maria Delgado", "maria.delgado@example.com"),
    )
    return receiving.receive_request(actor=cast.officer.actor, new=new)


def code_of(cast: Cast, request: SubjectRequest) -> str:
    """The newest code, read from the outbox."""
    with tenancy.scope(cast.organisation_id):
        letters = [letter for letter in access.letters_of(request) if letter.template == "one_time_code"]
        found = re.search(r"\b(\d{8})\b", notices.read(letters[-1]).body)
    assert found is not None
    return found.group(1)


def verify(cast: Cast, request: SubjectRequest) -> None:
    """By a code to the first claimed address."""
    with tenancy.scope(cast.organisation_id):
        claim = access.claims_of(request)[0]
    verifying.send_code(actor=cast.officer.actor, request_id=request.id, claim_id=claim.id)
    verifying.verify_identity(actor=cast.officer.actor, request_id=request.id, code=code_of(cast, request))


def approve(cast: Cast, jobs: Any, request: SubjectRequest) -> None:
    """Verified, located, proposed, approved by the colleague; nothing is carried out yet."""
    verify(cast, request)
    jobs.drain()
    deciding.propose_plan(actor=cast.officer.actor, request_id=request.id)
    digest = read(cast, request.id).plan_digest
    deciding.approve_request(actor=cast.colleague.actor, request_id=request.id, plan_digest=digest)


def read(cast: Cast, request_id: UUID) -> SubjectRequest:
    """The request as it stands."""
    with tenancy.scope(cast.organisation_id):
        return access.request_of(cast.organisation_id, request_id)
