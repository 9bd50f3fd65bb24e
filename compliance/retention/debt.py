"""Deletion debt: places other than our store that still hold what we decided to delete.

A platform that deletes on our call is asked by `operations.upstream`. Where a platform offers no deletion, or does not
let us in, a person asks it: a task with a day. Its link is probed until it answers "not found"; a link that is merely
refused (403) or unreachable proves nothing. Where there is no link to probe, or it has died without giving a proof, a
person attests with evidence, and every report says "attested", never "proven".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
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
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import Provider, UnknownPlatform
from compliance.connectors.providers.questions import Part
from compliance.connectors.refusals import FetchError
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing, keeping
from compliance.recordings.states import ArtifactKind, LocationState
from compliance.retention import events, holds
from compliance.retention.models import Disposal, UpstreamTask
from compliance.vault import store

TASK = "task_for_a_person"
WAITING = "waiting"
STILL_ANSWERS = "still_answers"
_PROOF_CODES = frozenset({"not_found", "gone"})
# What a proof takes over from the one before it, until the place is proven empty.
_CARRIED = ("order", "order_status", "ordered_at", "alarms")


def keep_addresses(artifact: Any) -> None:
    """Before the call's key dies: what is needed to ask and to probe goes under each location's own key, which ends
    with the debt.
    """
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.place == location.Place.PLATFORM and location.state != LocationState.CONFIRMED_GONE:
            with suppress(store.KeyDestroyed):  # after a restore: the place was proven empty, and its key ended then
                erasing.keep_probe(location, json.dumps(_address_of(location, artifact)))


def _address_of(location: Any, artifact: Any) -> dict[str, str | None]:
    """By what the platform is asked. After a restore the call's key is gone already, and with it the link."""
    try:
        url, part_id = register.source_of(artifact), _part_id(location, artifact)
    except store.KeyDestroyed:
        url, part_id = None, ""
    return {"url": url, "external_id": artifact.call.external_id if artifact.call else "", "part_id": part_id}


def _part_id(location: Any, artifact: Any) -> str:
    """The platform's own id of a recording, where it deletes recordings one by one. It stands in the call's facts."""
    provider = provider_of(location)
    is_sound = artifact.kind in {ArtifactKind.RECORDING, ArtifactKind.REDACTED_COPY, ArtifactKind.VOICEMAIL}
    if not (provider and provider.api and Part.RECORDING in provider.api.parts and is_sound):
        return ""
    call = artifact.call
    if call is None or call.state != call.State.ACTIVE or call.sealed_facts is None:
        return ""
    told = {
        (keeping.kind_of(one).value, keeping.variant_of(one)): one.external_id or ""
        for one in register.kept_facts(call).recordings
    }
    return told.get((artifact.kind, artifact.variant), "")


def provider_of(location: Any) -> Provider | None:
    """The file of the platform that a place is named after; None for a place that is none of theirs."""
    try:
        return registry.provider_for(location.name)
    except UnknownPlatform:
        return None


def deletes_on_call(location: Any) -> bool:
    """Whether the platform of this place takes an order of ours."""
    provider = provider_of(location) if location.place == location.Place.PLATFORM else None
    return provider is not None and provider.can_delete and provider.api is not None


def confirm_store_gone(artifact: Any, proof: Mapping[str, Any]) -> None:
    """Our own location, after the store was asked again."""
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.place == location.Place.STORE:
            erasing.note_location(location, LocationState.CONFIRMED_GONE, proof=proof)


def ask_what_is_open(actor: Actor, artifact: Any) -> list[UUID]:
    """Locations that are not yet proven gone. Each new one is debt from now on: a platform that deletes on our call is
    asked by the job, any other by a person, and its address is probed.
    """
    open_ones = []
    for location in register.locations_of(artifact.organisation_id, artifact.id):
        if location.state == LocationState.CONFIRMED_GONE:
            continue
        open_ones.append(location.id)
        if location.asked_at is None:
            begin_debt(actor, location, artifact.call_id)
    return open_ones


def begin_debt(actor: Actor, location: Any, call_id: UUID | None) -> None:
    """From now on this place owes a proof of absence. Inside the operation that decided it."""
    held = call_id is not None and call_id in holds.held_calls(actor.organisation_id, [call_id])
    if held or deletes_on_call(location):
        defer(location, holds.HELD if held else WAITING)
    else:
        ask_person(actor, location, reason="")
    jobs.enqueue_on_commit("retention.check_location", organisation_id=actor.organisation_id, object_id=location.id)


def defer(location: Any, code: str) -> None:
    """Note why a place is not asked yet."""
    location.asked_at, location.last_code = location.asked_at or timezone.now(), code
    location.save(update_fields=["asked_at", "last_code"])


def ask_person(actor: Actor, location: Any, *, reason: str) -> None:
    """The platform takes no order of ours: a person asks it, by a day. `reason` says why, where it takes orders."""
    organisation_id = actor.organisation_id
    is_new = not UpstreamTask.objects.for_organisation(organisation_id).filter(location=location).exists()
    due_on = (timezone.now() + timedelta(days=settings.UPSTREAM_TASK_DAYS)).date()
    if is_new:
        UpstreamTask.objects.create(
            organisation_id=organisation_id, location=location, platform=location.name[:32], due_on=due_on
        )
    defer(location, reason or TASK)
    if location.state != LocationState.ASKED or is_new:
        proof = carried(location) | {"how": TASK} | ({"reason": reason} if reason else {})
        erasing.note_location(location, LocationState.ASKED, proof=proof)
        what = {"artifact": str(location.artifact_id), "how": TASK, "due_on": due_on.isoformat()}
        note(actor, events.LOCATION_ASKED, location.id, what | ({"reason": reason} if reason else {}))


def carried(location: Any) -> dict[str, Any]:
    """What every newer proof of a place that is not proven empty keeps of the older one."""
    return {name: location.proof[name] for name in _CARRIED if name in location.proof}


def owed(organisation_id: UUID) -> QuerySet[Disposal]:
    """Disposals that are begun and not proven through."""
    return Disposal.objects.for_organisation(organisation_id).exclude(step=Disposal.Step.DONE)


def missing(location: Any) -> str:
    """What this place still lacks: credentials, hold_release, others_secured, document, or proof."""
    by_code = {"no_credentials": "credentials", holds.HELD: "hold_release", "others_not_secured": "others_secured"}
    if location.last_code in by_code:
        return by_code[location.last_code]
    return "document" if location.proof.get("how") == TASK else "proof"


def owing(organisation_id: UUID) -> QuerySet[Any]:
    """Places that owe a proof of absence, each with its artifact and call."""
    rows = register.locations(organisation_id).filter(asked_at__isnull=False)
    return rows.exclude(state=LocationState.CONFIRMED_GONE.value).select_related("artifact__call")


def check_location(*, actor: Actor, location_id: UUID) -> bool:
    """Ask the place's address now. True once it is proven gone."""
    access.require(actor, "retention.read")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        location = lock_location(organisation_id, location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return True
        url, hosts = address_of(location).get("url"), hosts_of(location)
    if not url:
        return False
    return _record(actor, location_id, _probe(url, hosts))


def attest_gone(*, actor: Actor, location_id: UUID, evidence: str) -> None:
    """A person states, with evidence (a support case, a letter), that a place no longer holds the data.

    A place that has an address is proven by asking it, unless the address has died without giving a proof and a
    document lies with the task.
    """
    access.require(actor, "dsr.handle")
    if not 10 <= len(evidence.strip()) <= 4000:
        raise Invalid("Say what the evidence is", errors={"evidence": ["10 to 4000 characters."]})
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        location = lock_location(organisation_id, location_id)
        if location.state != LocationState.ASKED:
            raise Conflict("Nothing was asked of this place")
        task = UpstreamTask.objects.for_organisation(organisation_id).filter(location=location).first()
        if address_of(location).get("url") and not _is_silent(location, task):
            raise Conflict("This place has an address: it is proven by asking it", code="probe_instead")
        what: dict[str, Any] = {"artifact": str(location.artifact_id), "document": bool(task and task.evidence_id)}
        entry = note(actor, events.LOCATION_ATTESTED, location_id, what, evidence=evidence)
        proof = {
            "how": "attested",
            "by": actor.reference,
            "entry": str(entry),
            "checked_at": timezone.now().isoformat(),
        }
        confirm(actor, location, proof, closes=UpstreamTask.State.DONE)


def _is_silent(location: Any, task: UpstreamTask | None) -> bool:
    """Whether the address was asked, neither answers nor proves anything, and a document stands in for it."""
    answer = location.proof.get("answer")
    return bool(task and task.evidence_id and answer and answer != STILL_ANSWERS)


def probe(url: str, hosts: list[str]) -> str:
    """What an address answers to a stranger: a code."""
    return _probe(url, hosts)


def _probe(url: str, hosts: list[str]) -> str:
    fetcher = SafeFetcher(test_hosts=parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS)))
    try:
        with fetcher.open(url, allowed_hosts=hosts):
            return STILL_ANSWERS
    except FetchError as error:
        return error.code


def _record(actor: Actor, location_id: UUID, answer: str) -> bool:
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        location = lock_location(organisation_id, location_id)
        if location.state == LocationState.CONFIRMED_GONE:
            return True
        proof = {"how": "probe", "answer": answer, "checked_at": timezone.now().isoformat()}
        what = {"answer": answer, "artifact": str(location.artifact_id)}
        erasing.note_attempt(location, answer)
        if answer in _PROOF_CODES:
            note(actor, events.LOCATION_CHECKED, location_id, what)
            confirm(actor, location, proof, closes=UpstreamTask.State.NEEDLESS)
            return True
        if location.proof.get("answer") != answer:
            note(actor, events.LOCATION_CHECKED, location_id, what)
        erasing.note_location(location, LocationState.ASKED, proof=carried(location) | proof)
    return False


def confirm(actor: Actor, location: Any, proof: Mapping[str, Any], *, closes: UpstreamTask.State) -> None:
    """The debt on this place is paid: its address is forgotten with its key, its task is closed, and the disposal goes
    on. Inside the operation that found it out.
    """
    organisation_id = actor.organisation_id
    erasing.note_location(location, LocationState.CONFIRMED_GONE, proof=proof)
    tasks = UpstreamTask.objects.for_organisation(organisation_id).filter(location=location)
    tasks.filter(state=UpstreamTask.State.OPEN).update(
        state=closes, closed_at=timezone.now(), closed_by=actor.reference
    )
    if location.sealed_probe is not None:
        cause = UUID(proof["entry"]) if "entry" in proof else location.id
        scope = store.Scope(store.ScopeKind.LOCATION, location.id)
        store.begin_destruction(organisation_id, [scope], ground="debt_paid", cause=cause)
    rows = Disposal.objects.for_organisation(organisation_id).filter(artifact_id=location.artifact_id)
    for row in rows.select_for_update():
        row.proofs = [*row.proofs, {"place": location.place, "name": location.name, **proof}]
        row.save(update_fields=["proofs"])
        target = row.call_id if row.whole_call and row.call_id else row.artifact_id
        jobs.enqueue_on_commit("retention.carry_out", organisation_id=organisation_id, object_id=target)


def address_of(location: Any) -> dict[str, str]:
    """What is kept to ask and to probe this place: its link, the platform's id of the call, and of the part."""
    return {name: text or "" for name, text in json.loads(erasing.probe_of(location) or "{}").items()}


def hosts_of(location: Any) -> list[str]:
    """Hosts at which the platform of this place may be probed."""
    call = location.artifact.call
    return connections.connection_of(location.organisation_id, call.connection_id).allowed_hosts if call else []


def lock_location(organisation_id: UUID, location_id: UUID) -> Any:
    """One place with its artifact and call, locked in the order of everybody: call, disposals, place. Raises
    NotFound.
    """
    rows = register.locations(organisation_id).filter(id=location_id)
    found: list[UUID | None] = list(rows.values_list("artifact__call_id", flat=True)[:1])
    if not found:
        raise NotFound()
    if found[0] is not None:
        erasing.lock_call(organisation_id, found[0])
        disposals = Disposal.objects.for_organisation(organisation_id).filter(call_id=found[0])
        list(disposals.select_for_update().order_by("artifact_id").values_list("id"))
    return rows.select_related("artifact", "artifact__call").select_for_update(of=("self",)).get()


def note(actor: Actor, event: str, location_id: UUID, what: Mapping[str, Any], **identifying: Any) -> UUID:
    """An entry about a place."""
    return log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("location", location_id),
        cls=log.EntryClass.DELETE,
        what=dict(what),
        identifying=identifying or None,
    )
