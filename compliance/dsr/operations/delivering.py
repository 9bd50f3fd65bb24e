"""Handing the package over: an expiring link that opens nothing by itself, and a code that is sent again to the proven
address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, routing, tenancy
from accounts.actors import Actor, ActorKind, Origin
from audit import log
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.dsr.models import Package
from compliance.dsr.operations import verifying
from compliance.errors import Conflict, Gone, NotFound
from compliance.vault import store


@dataclass(frozen=True, slots=True)
class Opened:
    """A package ready to be streamed; every row is loaded."""

    package: Package
    sealed: Any


def package_behind(token: str) -> tuple[UUID, UUID]:
    """(organisation, package) of a link; NotFound where it leads nowhere or its time is over."""
    found = routing.resolve_route(routing.PACKAGE, token)
    if found is None:
        raise NotFound()
    with tenancy.scope(found.organisation_id):
        _live(found.organisation_id, found.object_id)
    return found.organisation_id, found.object_id


def send_package_code(*, token: str, origin: Origin) -> None:
    """Send a code to the address that proved the request."""
    organisation_id, package_id = package_behind(token)
    actor = _subject(organisation_id, origin)
    with tenancy.operation(actor):
        request = _live(organisation_id, package_id).request
        claim = next((c for c in requests.claims_of(request) if c.verified_at and c.kind == "email"), None)
        if claim is None:
            raise Conflict("No address was proven; ask us to hand the package over", code="no_address")
        verifying.new_code(actor, request, claim)


def open_package(*, token: str, code: str, origin: Origin) -> Opened | None:
    """The package for the right code; None for a wrong one, which costs a try and is an entry."""
    organisation_id, package_id = package_behind(token)
    actor = _subject(organisation_id, origin)
    with tenancy.operation(actor):
        package = _live(organisation_id, package_id)
        if verifying.use_code(package.request, code) is None:
            verifying.note_refusal(actor, package.request)
            return None
        return _open(actor, package)


def hand_over(*, actor: Actor, request_id: UUID) -> Opened:
    """An officer fetches the package, to give it to the person by another way."""
    access.require(actor, "dsr.handle")
    access.require(actor, "recordings.open_content")
    with tenancy.operation(actor):
        request = requests.request_for(actor, request_id)
        packages = requests.packages_of(request)
        if not packages:
            raise NotFound()
        return _open(actor, _live(actor.organisation_id, packages[0].id))


def _open(actor: Actor, package: Package) -> Opened:
    object_id = package.artifact.object_id
    if object_id is None:
        raise Gone("This package is no longer there; ask for a new one")
    rows = Package.objects.for_organisation(package.organisation_id).filter(id=package.id)
    rows.update(downloads=package.downloads + 1, delivered_at=package.delivered_at or timezone.now())
    log.append(
        actor=actor,
        event=events.PACKAGE_OPENED,
        organisation_id=package.organisation_id,
        obj=("package", package.id),
        cls=log.EntryClass.ACCESS,
        why={"request": str(package.request_id)},
        what={"sha256": package.sha256, "size": package.artifact.size},
    )
    return Opened(package, store.sealed_object(package.organisation_id, object_id))


def _live(organisation_id: UUID, package_id: UUID) -> Package:
    rows = Package.objects.for_organisation(organisation_id).select_related("artifact", "request")
    package = rows.filter(id=package_id).first()
    if package is None:
        raise NotFound()
    if package.expires_at <= timezone.now() or package.artifact.deleted_at is not None:
        raise Gone("This package is no longer there; ask for a new one")
    return package


def _subject(organisation_id: UUID, origin: Origin) -> Actor:
    return Actor(kind=ActorKind.SUBJECT, organisation_id=organisation_id, origin=origin)
