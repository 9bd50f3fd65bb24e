"""Reading what the person told us. Sealed under the request's own key; each reading is an entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.errors import Gone


@dataclass(frozen=True, slots=True)
class Told:
    """Who asked, and by which identifiers they are to be found: (kind, value, whether it is proven)."""

    person: requests.Person = field(repr=False)
    identities: list[tuple[str, str, bool]] = field(repr=False)


def open_identities(*, actor: Actor, request_id: UUID) -> Told:
    """Name, address and claimed identities in clear. Gone once the request's file was minimised."""
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id)
        if request.sealed_person is None:
            raise Gone("The file of this request was minimised")
        claims = requests.claims_of(request)
        log.append(
            actor=actor,
            event=events.IDENTITIES_OPENED,
            organisation_id=actor.organisation_id,
            obj=("request", request_id),
            cls=log.EntryClass.ACCESS,
            what={"identities": len(claims)},
        )
        values = [(claim.kind, requests.value_of(claim), claim.verified_at is not None) for claim in claims]
        return Told(requests.person_of(request), values)
