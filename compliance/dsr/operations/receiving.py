"""A request comes in: its dates are fixed at once, and what the person said is sealed under the request's own key."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from compliance import law
from compliance.dsr import access as requests
from compliance.dsr import events, notices
from compliance.dsr.models import ClaimedIdentity, RequestRight, SubjectRequest
from compliance.dsr.operations import telling
from compliance.errors import Invalid
from compliance.recordings import identifiers
from compliance.vault import store

MAX_CLAIMS = 20
FULFILLED_HERE = frozenset({law.Right.ACCESS, law.Right.ERASURE})
_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # nothing that a person mistakes on the telephone


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What a person asked for."""

    rights: Sequence[law.Right]
    identities: Sequence[tuple[identifiers.IdentifierKind, str]] = field(repr=False)
    regime: str
    place: str
    person: requests.Person = field(default_factory=requests.Person, repr=False)
    received_at: datetime | None = None
    channel: str = SubjectRequest.Channel.API


def receive_request(*, actor: Actor, new: NewRequest) -> SubjectRequest:
    """Open a request. Its clock runs from `received_at` in the organisation's zone, whatever we do with it later."""
    access.require(actor, "dsr.receive")
    claims = _normalised(new)
    organisation_id = actor.organisation_id
    received_at = new.received_at or timezone.now()
    if received_at > timezone.now():
        raise Invalid("A request cannot have been received in the future", errors={"received_at": ["In the future."]})
    with tenancy.operation(actor):
        zone = requests.organisation_of(organisation_id).time_zone
        received_on = law.received_on(received_at, zone)
        clocks = {right: _clock(new, right, received_on) for right in dict.fromkeys(new.rights)}
        request = SubjectRequest(
            id=uuid7(),
            organisation_id=organisation_id,
            reference=_reference(),
            channel=new.channel,
            regime=new.regime,
            place=new.place,
            received_at=received_at,
            received_on=received_on,
        )
        request.sealed_person = store.seal_value(
            organisation_id,
            requests.scope_of(request.id),
            f"dsr_subjectrequest.person/{request.id}",
            json.dumps({"name": new.person.name, "email": new.person.email}).encode(),
        )
        request.save(force_insert=True)
        _keep_rights(request, clocks)
        _keep_claims(request, claims)
        log.append(
            actor=actor,
            event=events.REQUEST_RECEIVED,
            organisation_id=organisation_id,
            obj=("request", request.id),
            cls=log.EntryClass.CHANGE,
            what={
                "regime": new.regime,
                "rights": "+".join(sorted(clocks)),
                "received_on": received_on.isoformat(),
                "respond_by": min(clock.respond_by for clock in clocks.values()).isoformat(),
                "identities": len(claims),
                "channel": new.channel,
            },
        )
        notices.queue(actor, request, notices.acknowledgement(request, requests.rights_of(request)))
        telling.tell_state(actor, request, None)
    return request


def _normalised(new: NewRequest) -> list[tuple[identifiers.IdentifierKind, str]]:
    """The identities in the form in which calls are found; a claim that is no identifier of its kind is the caller's
    error.
    """
    errors: dict[str, list[str]] = {}
    if not new.rights:
        errors["rights"] = ["At least one right."]
    elif unknown := sorted(set(new.rights) - FULFILLED_HERE):
        errors["rights"] = [f"Not handled yet: {', '.join(unknown)}."]
    if not 1 <= len(new.identities) <= MAX_CLAIMS:
        errors["identities"] = [f"1 to {MAX_CLAIMS} identities."]
    claims: dict[tuple[identifiers.IdentifierKind, str], None] = {}
    for index, (kind, value) in enumerate(new.identities[:MAX_CLAIMS]):
        try:
            claims[kind, identifiers.normalise(kind, value, new.place.partition("-")[0] or None)] = None
        except identifiers.IdentifierError as error:
            errors[f"identities.{index}"] = [str(error)]
    if errors:
        raise Invalid("The request cannot be opened like this", errors=errors)
    return list(claims)


def _clock(new: NewRequest, right: law.Right, received_on: object) -> law.Deadlines:
    try:
        return law.deadlines(new.regime, right, received_on, new.place)  # type: ignore[arg-type]
    except law.LawError as error:
        raise Invalid(str(error), code="no_clock", errors={"regime": [str(error)]}) from error


def _keep_rights(request: SubjectRequest, clocks: dict[law.Right, law.Deadlines]) -> None:
    RequestRight.objects.bulk_create(
        [
            RequestRight(
                organisation_id=request.organisation_id,
                request=request,
                right=right.value,
                acknowledge_by=clock.acknowledge_by,
                respond_by=clock.respond_by,
                extended_respond_by=clock.extended_respond_by,
                explanation=list(clock.explanation),
            )
            for right, clock in clocks.items()
        ]
    )


def _keep_claims(request: SubjectRequest, claims: Sequence[tuple[identifiers.IdentifierKind, str]]) -> None:
    values = store.values(request.organisation_id, requests.scope_of(request.id))
    rows = []
    for kind, value in claims:
        row = ClaimedIdentity(organisation_id=request.organisation_id, request=request, kind=kind.value)
        row.sealed_value = values.seal(f"dsr_claimedidentity.value/{row.id}", value.encode())
        row.fingerprint = store.fingerprint(request.organisation_id, kind.value, value)
        rows.append(row)
    ClaimedIdentity.objects.bulk_create(rows)


def _reference() -> str:
    """Eight characters in two groups: some 39 bits, enough never to meet twice in an organisation's lifetime (and
    unique by constraint).
    """
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"
