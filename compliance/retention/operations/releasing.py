"""The end of a legal hold: proposed by one person, approved by another, and then what waited goes on."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, OwnProposal
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState
from compliance.retention import events, holds
from compliance.retention.models import LegalHold
from compliance.retention.operations.legal_holds import items_held, lock_hold, note


def propose_release(*, actor: Actor, hold_id: UUID) -> LegalHold:
    """First half of a release."""
    access.require(actor, "retention.propose_release")
    with tenancy.operation(actor):
        hold = lock_hold(actor, hold_id)
        if hold.state != LegalHold.State.ACTIVE:
            raise Conflict("This hold is not active")
        hold.state = LegalHold.State.RELEASE_PROPOSED
        hold.release_proposed_by = actor.reference
        hold.release_proposed_at = timezone.now()
        hold.save(update_fields=["state", "release_proposed_by", "release_proposed_at"])
        note(actor, events.HOLD_RELEASE_PROPOSED, hold.id, log.EntryClass.DECISION)
    return hold


def approve_release(*, actor: Actor, hold_id: UUID) -> LegalHold:
    """Second half, by somebody else; erasures, schedules and deletions at platforms that waited go on."""
    access.require(actor, "retention.approve_release")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        hold = lock_hold(actor, hold_id)
        if hold.state != LegalHold.State.RELEASE_PROPOSED:
            raise Conflict("No release of this hold is proposed")
        if hold.release_proposed_by == actor.reference:
            raise OwnProposal()
        hold.state = LegalHold.State.RELEASED
        hold.released_by = actor.reference
        hold.released_at = timezone.now()
        hold.save(update_fields=["state", "released_by", "released_at"])
        freed, last = _let_go(hold, None)
        note(actor, events.HOLD_RELEASED, hold.id, log.EntryClass.DECISION, what={"freed": freed})
        if last is not None:
            jobs.enqueue_on_commit("retention.let_go", organisation_id=organisation_id, object_id=hold.id)
        jobs.enqueue_on_commit("dsr.continue_after_hold", organisation_id=organisation_id, object_id=hold.id)
    return hold


def let_go(*, actor: Actor, hold_id: UUID, after: UUID | None = None) -> UUID | None:
    """The next 500 calls that a released hold kept from their schedules. Returns the last one while there are more."""
    access.require(actor, "retention.place_hold")
    with tenancy.operation(actor):
        hold = lock_hold(actor, hold_id)
        if hold.state != LegalHold.State.RELEASED:
            return None
        freed, last = _let_go(hold, after)
        if freed:
            note(actor, events.HOLD_EASED, hold.id, log.EntryClass.CHANGE, what={"freed": freed})
    return last


def _let_go(hold: LegalHold, after: UUID | None) -> tuple[int, UUID | None]:
    """What a schedule wanted gone and the hold kept is due again, unless another hold covers it; and the platforms that
    were not asked because of it are asked now.
    """
    organisation_id = hold.organisation_id
    under = Q(call_id__in=items_held(hold).values("call_id"))
    if holds.asks_by_query(hold):
        under |= Q(call_id__in=holds.covered(hold).values("id"))
    kept = register.artifacts(organisation_id).filter(under)
    waiting = register.locations(organisation_id).filter(asked_at__isnull=False, last_code=holds.HELD)
    kept = kept.filter(Q(state=ArtifactState.HELD) | Q(id__in=waiting.values("artifact_id")))
    if after:
        kept = kept.filter(call_id__gt=after)
    call_ids = list(kept.order_by("call_id").values_list("call_id", flat=True).distinct()[: holds.BATCH])
    still_held = holds.held_calls(organisation_id, call_ids)
    freed = sum(_free_call(organisation_id, call_id) for call_id in call_ids if call_id not in still_held)
    return freed, call_ids[-1] if len(call_ids) == holds.BATCH else None


def _free_call(organisation_id: UUID, call_id: UUID) -> int:
    erasing.lock_call(organisation_id, call_id)
    freed = 0
    for artifact in erasing.lock_artifacts(organisation_id, call_id):
        if artifact.state == ArtifactState.HELD:
            erasing.move_artifact(artifact, ArtifactState.DUE)
            freed += 1
        for location in register.locations_of(organisation_id, artifact.id):
            if location.asked_at and location.last_code == holds.HELD:
                jobs.enqueue_on_commit(
                    "retention.check_location", organisation_id=organisation_id, object_id=location.id
                )
    return freed
