"""The request's own file is kept 24 months (11 CCR 7101(a)) and then reduced to dates, states and outcomes."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.dsr.models import ClaimedIdentity, OutboundMail, VerificationCode
from compliance.dsr.states import State, is_final
from compliance.errors import Conflict
from compliance.vault import store

GROUND = "request_minimised"


def minimise_request(*, actor: Actor, request_id: UUID) -> None:
    """Forget what the person told us: name, addresses, identifiers, letters, certificates. The register keeps the row.

    Goes on from wherever an earlier run stopped: the date is taken away last.
    """
    access.require(actor, "dsr.handle")
    organisation_id = actor.organisation_id
    sealed = _forget(actor, request_id)
    store.carry_out_destruction(organisation_id, requests.scope_of(request_id))
    for part in sealed:
        store.delete_bytes(part)
    with tenancy.scope(organisation_id):
        requests.requests(organisation_id).filter(id=request_id).update(minimise_on=None)


def _forget(actor: Actor, request_id: UUID) -> list[store.SealedObject]:
    """Take the sealed columns away and begin the end of the key; returns the objects whose bytes are left."""
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        request = requests.request_of(organisation_id, request_id, lock=True)
        due = request.minimise_on is not None and request.minimise_on <= timezone.now().date()
        if not due or not is_final(State(request.state)):
            raise Conflict("This request's file is still kept", code="not_due")
        rows = requests.certificates_of(request)
        sealed = [part for row in rows for part in (row.statement, row.pdf) if part]
        if request.sealed_person is None:
            return sealed
        request.sealed_person = None
        request.save(update_fields=["sealed_person"])
        claims = ClaimedIdentity.objects.for_organisation(organisation_id).filter(request=request)
        VerificationCode.objects.for_organisation(organisation_id).filter(claim__in=claims).delete()
        claims.update(sealed_value=None, fingerprint=None)
        OutboundMail.objects.for_organisation(organisation_id).filter(request=request).update(sealed_letter=None)
        store.begin_destruction(organisation_id, [requests.scope_of(request_id)], ground=GROUND, cause=entry_id)
        log.append(
            actor=actor,
            event=events.REQUEST_MINIMISED,
            organisation_id=organisation_id,
            obj=("request", request_id),
            cls=log.EntryClass.DELETE,
            what={"identities": claims.count(), "certificates": len(sealed)},
        )
    return sealed


def due_requests(organisation_id: UUID) -> list[UUID]:
    """Requests whose file has been kept long enough."""
    with tenancy.scope(organisation_id):
        rows = requests.requests(organisation_id).filter(minimise_on__lte=timezone.now().date())
        return list(rows.values_list("id", flat=True))
