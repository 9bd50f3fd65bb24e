"""From outside ids to requests and what belongs to them. Absent and somebody else's look the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from accounts import access
from accounts.actors import Actor
from accounts.models import Organisation
from compliance.dsr.models import (
    Certificate,
    ClaimedIdentity,
    OutboundMail,
    Package,
    PlanItem,
    RequestRight,
    SubjectRequest,
)
from compliance.dsr.states import State
from compliance.errors import Conflict, NotFound
from compliance.vault import store


@dataclass(frozen=True, slots=True)
class Person:
    """Who asked, as they told us: for letters only."""

    name: str = ""
    email: str = ""


def request_for(actor: Actor, request_id: UUID, *, lock: bool = False) -> SubjectRequest:
    """The request behind an outside id; with `lock`, held until the transaction ends."""
    access.require(actor, "dsr.read")
    return request_of(actor.organisation_id, request_id, lock=lock)


def request_of(organisation_id: UUID, request_id: UUID, *, lock: bool = False) -> SubjectRequest:
    """The same for our own machinery."""
    rows = requests(organisation_id)
    row = (rows.select_for_update() if lock else rows).filter(id=request_id).first()
    if row is None:
        raise NotFound()
    return row


def requests(organisation_id: UUID) -> models.QuerySet[SubjectRequest]:
    """Every request of an organisation."""
    return SubjectRequest.objects.for_organisation(organisation_id)


def rights(organisation_id: UUID) -> models.QuerySet[RequestRight]:
    """Every right of every request, each with its dates."""
    return RequestRight.objects.for_organisation(organisation_id)


def letters(organisation_id: UUID) -> models.QuerySet[OutboundMail]:
    """Every letter of an organisation; still sealed."""
    return OutboundMail.objects.for_organisation(organisation_id)


def rights_of(request: SubjectRequest) -> list[RequestRight]:
    """The rights asked for, earliest date first."""
    return list(rights(request.organisation_id).filter(request=request).order_by("respond_by", "right"))


def claims_of(request: SubjectRequest) -> list[ClaimedIdentity]:
    """The identifiers that the person named."""
    return list(
        ClaimedIdentity.objects.for_organisation(request.organisation_id).filter(request=request).order_by("id")
    )


def plan_of(request: SubjectRequest) -> list[PlanItem]:
    """What is to happen with each artifact, call by call."""
    rows = PlanItem.objects.for_organisation(request.organisation_id).filter(request=request)
    return list(rows.select_related("artifact", "call").order_by("call_id", "right", "artifact_id"))


def certificates_of(request: SubjectRequest) -> list[Certificate]:
    """Certificates, newest first."""
    rows = Certificate.objects.for_organisation(request.organisation_id).filter(request=request)
    return list(rows.select_related("statement", "pdf").order_by("-number"))


def packages_of(request: SubjectRequest) -> list[Package]:
    """Access packages, newest first."""
    rows = Package.objects.for_organisation(request.organisation_id).filter(request=request)
    return list(rows.select_related("artifact", "artifact__object").order_by("-created_at"))


def letters_of(request: SubjectRequest) -> list[OutboundMail]:
    """Letters, oldest first; still sealed."""
    return list(letters(request.organisation_id).filter(request=request).order_by("id"))


def organisation_of(organisation_id: UUID) -> Organisation:
    """The controller, for letters and dates."""
    return Organisation.objects.get(id=organisation_id)


def scope_of(request_id: UUID) -> store.Scope:
    """The request's own key: what the person told us, letters, certificates."""
    return store.Scope(store.ScopeKind.REQUEST, request_id)


def person_of(request: SubjectRequest) -> Person:
    """Name and address for letters; empty once the request was minimised."""
    if request.sealed_person is None:
        return Person()
    label = f"dsr_subjectrequest.person/{request.id}"
    data = store.open_value(request.organisation_id, scope_of(request.id), label, bytes(request.sealed_person))
    fields: dict[str, Any] = json.loads(data)
    return Person(name=fields.get("name", ""), email=fields.get("email", ""))


def value_of(claim: ClaimedIdentity) -> str:
    """A claimed identifier in clear."""
    if claim.sealed_value is None:
        return ""
    label = f"dsr_claimedidentity.value/{claim.id}"
    return store.open_value(
        claim.organisation_id, scope_of(claim.request_id), label, bytes(claim.sealed_value)
    ).decode()


def require_state(request: SubjectRequest, *states: State) -> None:
    """Refuse unless the request is in one of these states."""
    if request.state not in states:
        raise Conflict(f"The request is {request.state.replace('_', ' ')}", code="wrong_state")
