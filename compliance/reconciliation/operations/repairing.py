"""Repairs: one person proposes, another approves, a job does it, asks the store again, and says what it got.

What can go wrong: a repair destroys what was right. So what was found is looked at again just before, an object whose
latest version is not proven right loses no version, and whatever the store refuses leaves the finding open with the
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, OwnProposal, Unavailable
from compliance.reconciliation import access, events
from compliance.reconciliation.models import Finding
from compliance.reconciliation.rules.comparing import Guard
from compliance.reconciliation.rules.kinds import REPAIRS, Kind, Repair
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState, LocationState
from compliance.retention import holds
from compliance.vault import inventory, store
from compliance.vault.inventory import Verdict
from compliance.vault.items import Item, Unfinished

_SPOILED = frozenset({Verdict.ABSENT, Verdict.SIZE, Verdict.HASH, Verdict.WRONG_KEY})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repair came to. `code` says why not, where it did not; `proof` is what was asked afterwards."""

    is_done: bool
    code: str = ""
    proof: Mapping[str, Any] = field(default_factory=dict)
    move: ArtifactState | None = None


def propose_repair(*, actor: Actor, finding_id: UUID) -> Finding:
    """First half. Raises Conflict where the finding is not open or its kind has no repair."""
    rights.require(actor, "reconciliation.propose_repair")
    with tenancy.operation(actor):
        finding = access.finding_of(actor.organisation_id, finding_id, lock=True)
        if finding.state != Finding.State.OPEN:
            raise Conflict("This finding is not open")
        repair = REPAIRS.get(Kind(finding.kind))
        if repair is None:
            raise Conflict("Nothing here repairs this kind of finding", code="no_repair")
        finding.state, finding.repair, finding.code = Finding.State.PROPOSED, repair.value, ""
        finding.proposed_by, finding.proposed_at = actor.reference, timezone.now()
        finding.save(update_fields=["state", "repair", "code", "proposed_by", "proposed_at"])
        _note(actor, events.REPAIR_PROPOSED, finding, log.EntryClass.DECISION)
    return finding


def approve_repair(*, actor: Actor, finding_id: UUID) -> Finding:
    """Second half, by somebody else; a job carries it out. Raises OwnProposal."""
    rights.require(actor, "reconciliation.approve_repair")
    with tenancy.operation(actor):
        finding = access.finding_of(actor.organisation_id, finding_id, lock=True)
        if finding.state != Finding.State.PROPOSED:
            raise Conflict("No repair of this finding is proposed")
        if finding.proposed_by == actor.reference:
            raise OwnProposal()
        finding.state, finding.decided_by, finding.decided_at = (
            Finding.State.APPROVED,
            actor.reference,
            timezone.now(),
        )
        finding.save(update_fields=["state", "decided_by", "decided_at"])
        _note(actor, events.REPAIR_APPROVED, finding, log.EntryClass.DECISION)
        jobs.enqueue_on_commit(
            "reconciliation.carry_out_repair", organisation_id=actor.organisation_id, object_id=finding.id
        )
    return finding


def carry_out_repair(*, actor: Actor, finding_id: UUID) -> Finding:
    """Do what was approved; safe to run twice. Raises Unavailable where the store does not answer: call again."""
    rights.require(actor, "reconciliation.run")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        finding = access.finding_of(organisation_id, finding_id)
        sealed = _sealed(finding)
        held = _is_held(finding)
    if finding.state != Finding.State.APPROVED:
        return finding
    outcome = _attempt(finding, sealed, is_held=held)
    with tenancy.operation(actor):
        finding = access.finding_of(organisation_id, finding_id, lock=True)
        if finding.state != Finding.State.APPROVED:
            return finding
        outcome = _move(finding, outcome)
        finding.state = Finding.State.REPAIRED if outcome.is_done else Finding.State.OPEN
        finding.code, finding.proof = outcome.code, {**outcome.proof, "checked_at": timezone.now().isoformat()}
        finding.settled_at = timezone.now() if outcome.is_done else None
        finding.save(update_fields=["state", "code", "proof", "settled_at"])
        _note(
            actor,
            events.REPAIR_CARRIED_OUT,
            finding,
            log.EntryClass.DELETE,
            outcome="ok" if outcome.is_done else "failed",
            code=outcome.code or "done",
        )
    return finding


def _attempt(finding: Finding, sealed: Any | None, *, is_held: bool) -> Outcome:
    if is_held and not _doomed(finding) and finding.repair in {Repair.DELETE_OBJECT, Repair.DELETE_EXTRA_VERSIONS}:
        return Outcome(False, "held")
    repair: Callable[[Finding, Any], Outcome] = _REPAIRERS[Repair(finding.repair)]
    try:
        return repair(finding, sealed)
    except Unavailable as refusal:
        if refusal.code != "store_refused":
            raise
        return Outcome(False, refusal.code, {"place": inventory.place()})


def _delete_object(finding: Finding, sealed: Any | None) -> Outcome:
    if not _is_unwanted(finding):
        return Outcome(False, "changed_meanwhile")
    return _remove(finding, lambda item: True)


def _is_unwanted(finding: Finding) -> bool:
    """Whether still no living row wants the object."""
    organisation_id = finding.organisation_id
    with tenancy.scope(organisation_id):
        row = inventory.registered_under(organisation_id, [finding.thing]).get(finding.thing)
        if row is None or row.deleted_at is not None:
            return True
        return register.artifacts(organisation_id).filter(object_id=row.id, state=ArtifactState.DELETED).exists()


def _delete_extra_versions(finding: Finding, sealed: Any | None) -> Outcome:
    if sealed is None or inventory.read_whole(sealed).verdict not in {Verdict.WHOLE, Verdict.HASH_ONLY}:
        return Outcome(False, "latest_does_not_fit")
    return _remove(finding, lambda item: not item.is_latest and not item.is_delete_marker)


def _delete_markers(finding: Finding, sealed: Any | None) -> Outcome:
    return _remove(finding, lambda item: item.is_delete_marker)


def _remove(finding: Finding, is_doomed: Callable[[Item], bool]) -> Outcome:
    """Remove the doomed versions and list again what is left.

    What is doomed is written down first: a second run after a crash removes those and no others, and knows that what
    it does not find any more was there. What came since the finding is young, and stops the repair before it begins.
    """
    doomed = _doomed(finding)
    if not doomed:
        found = [item for item in inventory.versions_of(finding.thing) if is_doomed(item)]
        if not found:
            return Outcome(False, "was_absent", {"place": inventory.place()})
        guard = Guard(timezone.now(), settings.RECONCILE_GUARD_HOURS)
        if any(guard.is_young(item.modified) for item in found):
            return Outcome(False, "too_young", {"place": inventory.place()})
        doomed = {_mark(item) for item in found}
        _write_down(finding, doomed)
    there = [item for item in inventory.versions_of(finding.thing) if _mark(item) in doomed]
    left = inventory.remove_versions(finding.thing, [item.version_id for item in there])
    proof = {"place": inventory.place(), "removed": len(doomed), "left": len(left)}
    survived = any(_mark(item) in doomed for item in left)
    return Outcome(not survived, "still_there" if survived else "", proof)


def _mark(item: Item) -> tuple[str, str]:
    """What tells a version from one that was written over it."""
    return item.version_id, item.etag


def _doomed(finding: Finding) -> set[tuple[str, str]]:
    return {(version_id, etag) for version_id, etag in finding.proof.get("doomed", [])}


def _write_down(finding: Finding, doomed: set[tuple[str, str]]) -> None:
    with tenancy.scope(finding.organisation_id):
        finding.proof = {"doomed": sorted(doomed)}
        finding.save(update_fields=["proof"])


def _end_unfinished(finding: Finding, sealed: Any | None) -> Outcome:
    gone = inventory.end_unfinished(Unfinished(finding.thing, str(finding.facts.get("handle", "")), None))
    return Outcome(gone, "" if gone else "still_there", {"place": inventory.place()})


def _mark_missing(finding: Finding, sealed: Any | None) -> Outcome:
    if sealed is None or finding.artifact_id is None:
        return Outcome(False, "no_artifact")
    verdict = inventory.read_whole(sealed).verdict
    if verdict not in _SPOILED:
        return Outcome(False, "is_whole", {"verdict": verdict.value})
    return Outcome(True, "", {"verdict": verdict.value}, ArtifactState.MISSING)


def _mark_found(finding: Finding, sealed: Any | None) -> Outcome:
    verdict = inventory.read_whole(sealed).verdict if sealed is not None else Verdict.ABSENT
    if verdict is not Verdict.WHOLE:
        return Outcome(False, "does_not_fit", {"verdict": verdict.value})
    return Outcome(True, "", {"verdict": verdict.value}, ArtifactState.STORED)


_REPAIRERS: Mapping[Repair, Callable[[Finding, Any], Outcome]] = {
    Repair.DELETE_OBJECT: _delete_object,
    Repair.DELETE_EXTRA_VERSIONS: _delete_extra_versions,
    Repair.DELETE_MARKERS: _delete_markers,
    Repair.END_UNFINISHED: _end_unfinished,
    Repair.MARK_MISSING: _mark_missing,
    Repair.MARK_FOUND: _mark_found,
}


def _move(finding: Finding, outcome: Outcome) -> Outcome:
    """The artifact's own move, under its lock. Where its state has no such move, nothing is done."""
    if outcome.move is None or finding.artifact_id is None:
        return outcome
    artifact = erasing.lock_artifact(finding.organisation_id, finding.artifact_id)
    is_found = outcome.move is ArtifactState.STORED
    try:
        erasing.move_artifact(artifact, outcome.move)
    except Conflict as refusal:
        return Outcome(False, refusal.code, outcome.proof)
    for location in register.locations_of(finding.organisation_id, artifact.id):
        if location.place == location.Place.STORE:
            state = LocationState.PRESENT if is_found else LocationState.UNKNOWN
            erasing.note_location(location, state, proof={"how": "reconciliation", **outcome.proof})
    return outcome


def _sealed(finding: Finding) -> Any | None:
    return store.sealed_object(finding.organisation_id, finding.object_id) if finding.object_id else None


def _is_held(finding: Finding) -> bool:
    call_id = finding.artifact.call_id if finding.artifact else None
    return bool(call_id and holds.held_calls(finding.organisation_id, [call_id]))


def _note(
    actor: Actor, event: str, finding: Finding, cls: log.EntryClass, *, outcome: str = "ok", code: str = ""
) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("discrepancy", finding.id),
        cls=cls,
        outcome=outcome,
        what={
            "kind": finding.kind,
            "repair": finding.repair,
            "artifact": str(finding.artifact_id) if finding.artifact_id else None,
        }
        | ({"code": code} if code else {}),
    )
