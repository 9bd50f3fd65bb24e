"""Deletion debt: places other than our store that still hold what we decided to delete.

Where a platform offers no deletion, a person asks it; its link is probed until it answers "not found". A link that is
merely refused (403) or unreachable proves nothing. Where there is no link to probe, a person attests with evidence, and
every report says "attested", never "proven".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors import access as connections
from compliance.connectors.destinations import parse_test_hosts
from compliance.connectors.fetching import SafeFetcher
from compliance.connectors.refusals import FetchError
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import LocationState
from compliance.retention import events
from compliance.retention.models import Disposal
from compliance.vault import store

_PROOF_CODES = frozenset({"not_found", "gone"})


def keep_addresses(artifact: Any) -> None:
    """Before the call's key dies: what is needed to ask and to probe goes under each location's own key, which ends
    with the debt.
    """
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.place == location.Place.PLATFORM and location.state != LocationState.CONFIRMED_GONE:
            address = {
                "url": register.source_of(artifact),
                "external_id": artifact.call.external_id if artifact.call else "",
            }
            erasing.keep_probe(location, json.dumps(address))


def confirm_store_gone(artifact: Any, proof: Mapping[str, Any]) -> None:
    """Our own location, after the store was asked again."""
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.place == location.Place.STORE:
            erasing.note_location(location, LocationState.CONFIRMED_GONE, proof=proof)


def ask_what_is_open(actor: Actor, artifact: Any) -> list[UUID]:
    """Locations that are not yet proven gone; each new one becomes a task (`asked`) and is probed until it is."""
    open_ones = []
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.state == LocationState.CONFIRMED_GONE:
            continue
        open_ones.append(location.id)
        if location.state != LocationState.ASKED:
            erasing.note_location(location, LocationState.ASKED, proof={"how": "task_for_a_person"})
            _note(actor, events.LOCATION_ASKED, location.id, {"artifact": str(artifact.id)})
            jobs.enqueue_on_commit(
                "retention.check_location", organisation_id=actor.organisation_id, object_id=location.id
            )
    return open_ones


def owed(organisation_id: UUID) -> QuerySet[Disposal]:
    """Disposals that are begun and not proven through."""
    return Disposal.objects.for_organisation(organisation_id).exclude(step=Disposal.Step.DONE)


def check_location(*, actor: Actor, location_id: UUID) -> bool:
    """Ask the platform's address now. True once it is proven gone."""
    access.require(actor, "retention.read")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        location = _location(organisation_id, location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return True
        address = json.loads(erasing.probe_of(location) or "{}")
        connection_id = location.artifact.call.connection_id if location.artifact.call else None
        hosts = connections.connection_of(organisation_id, connection_id).allowed_hosts if connection_id else []
    if not address.get("url"):
        return False
    answer = _probe(address["url"], hosts)
    return _record(actor, location_id, answer)


def attest_gone(*, actor: Actor, location_id: UUID, evidence: str) -> None:
    """A person states, with evidence (a support case, a letter), that a place without an address of its own no longer
    holds the data.
    """
    access.require(actor, "dsr.handle")
    if not 10 <= len(evidence.strip()) <= 4000:
        raise Invalid("Say what the evidence is", errors={"evidence": ["10 to 4000 characters."]})
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        location = _location(organisation_id, location_id)
        if location.state != LocationState.ASKED:
            raise Conflict("Nothing was asked of this place")
        if json.loads(erasing.probe_of(location) or "{}").get("url"):
            raise Conflict("This place has an address: it is proven by asking it", code="probe_instead")
        entry = _note(
            actor, events.LOCATION_ATTESTED, location_id, {"artifact": str(location.artifact_id)}, evidence=evidence
        )
        proof = {
            "how": "attested",
            "by": actor.reference,
            "entry": str(entry),
            "checked_at": timezone.now().isoformat(),
        }
        _confirm(actor, location, proof)


def _probe(url: str, hosts: list[str]) -> str:
    fetcher = SafeFetcher(test_hosts=parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS)))
    try:
        with fetcher.open(url, allowed_hosts=hosts):
            return "still_answers"
    except FetchError as error:
        return error.code


def _record(actor: Actor, location_id: UUID, answer: str) -> bool:
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        location = _location(organisation_id, location_id)
        proof = {"how": "probe", "answer": answer, "checked_at": timezone.now().isoformat()}
        if answer in _PROOF_CODES:
            _note(
                actor, events.LOCATION_CHECKED, location_id, {"answer": answer, "artifact": str(location.artifact_id)}
            )
            _confirm(actor, location, proof)
            return True
        if location.proof.get("answer") != answer:
            _note(
                actor, events.LOCATION_CHECKED, location_id, {"answer": answer, "artifact": str(location.artifact_id)}
            )
        erasing.note_location(location, LocationState.ASKED, proof=proof)
    return False


def _confirm(actor: Actor, location: Any, proof: dict[str, Any]) -> None:
    """The debt on this place is paid: its address is forgotten with its key, and the disposal goes on."""
    organisation_id = actor.organisation_id
    erasing.note_location(location, LocationState.CONFIRMED_GONE, proof=proof)
    cause = UUID(proof["entry"]) if "entry" in proof else location.id
    scope = store.Scope(store.ScopeKind.LOCATION, location.id)
    store.begin_destruction(organisation_id, [scope], ground="debt_paid", cause=cause)
    rows = Disposal.objects.for_organisation(organisation_id).filter(artifact_id=location.artifact_id)
    for row in rows.select_for_update():
        row.proofs = [*row.proofs, {"place": location.place, "name": location.name, **proof}]
        row.save(update_fields=["proofs"])
        target = row.call_id if row.whole_call and row.call_id else row.artifact_id
        jobs.enqueue_on_commit("retention.carry_out", organisation_id=organisation_id, object_id=target)


def _location(organisation_id: UUID, location_id: UUID) -> Any:
    rows = register.locations(organisation_id).select_related("artifact", "artifact__call")
    location = rows.select_for_update(of=("self",)).filter(id=location_id).first()
    if location is None:
        raise NotFound()
    return location


def _note(actor: Actor, event: str, location_id: UUID, what: dict[str, Any], **identifying: Any) -> UUID:
    return log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("location", location_id),
        cls=log.EntryClass.DELETE,
        what=what,
        identifying=identifying or None,
    )
