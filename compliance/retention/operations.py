"""Schedules and legal holds: every change of how long something is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, Invalid, NotFound, OwnProposal
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState
from compliance.retention import disposal, events, holds, rules
from compliance.retention.models import HoldItem, LegalHold, RetentionSchedule
from compliance.vault import store

_SETTLED = (ArtifactState.DELETING, ArtifactState.DELETE_FAILED, ArtifactState.DELETED, ArtifactState.NEVER_RECORDED)


def current_schedule(organisation_id: UUID) -> tuple[int, rules.Schedule]:
    """(version, rules) in force; version 0 is the default that nobody changed."""
    row = RetentionSchedule.objects.for_organisation(organisation_id).order_by("-version").first()
    return (row.version, rules.parse_schedule(row.document)) if row else (0, rules.DEFAULT_SCHEDULE)


def set_schedule(*, actor: Actor, document: Mapping[str, Any]) -> RetentionSchedule:
    """Put a new version of the rules in force; every artifact gets its date anew."""
    access.require(actor, "retention.set_schedule")
    try:
        schedule = rules.parse_schedule(document)
    except rules.RuleError as error:
        raise Invalid(str(error), code="schedule_invalid", errors={"document": [str(error)]}) from error
    with tenancy.operation(actor):
        version, _ = current_schedule(actor.organisation_id)
        row = RetentionSchedule.objects.create(
            organisation_id=actor.organisation_id,
            version=version + 1,
            document=rules.to_document(schedule),
            created_by=actor.reference,
        )
        _note(actor, events.SCHEDULE_SET, ("schedule", row.id), log.EntryClass.CONFIG, what={"version": row.version})
        jobs.enqueue_on_commit("retention.assign_all", organisation_id=actor.organisation_id, object_id=row.id)
    return row


def assign_retention(*, actor: Actor, call_id: UUID) -> int:
    """Give every artifact of a call its date and the reason for it. Returns how many changed."""
    access.require(actor, "retention.set_schedule")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        version, schedule = current_schedule(organisation_id)
        call = erasing.lock_call(organisation_id, call_id)
        changed = sum(_assign(schedule, artifact, call) for artifact in register.artifacts_of(organisation_id, call_id))
        if changed:
            _note(
                actor,
                events.DUE_ASSIGNED,
                ("call", call_id),
                log.EntryClass.CHANGE,
                what={"artifacts": changed, "schedule": version},
            )
    return changed


def assign_retention_alone(*, actor: Actor, artifact_id: UUID) -> bool:
    """The same for an artifact that belongs to no call, such as a body that could not be understood."""
    access.require(actor, "retention.set_schedule")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        version, schedule = current_schedule(organisation_id)
        changed = _assign(schedule, erasing.lock_artifact(organisation_id, artifact_id), None)
        if changed:
            _note(
                actor,
                events.DUE_ASSIGNED,
                ("artifact", artifact_id),
                log.EntryClass.CHANGE,
                what={"artifacts": 1, "schedule": version},
            )
    return changed


def place_hold(*, actor: Actor, matter: str, reason: str, call_ids: Sequence[UUID]) -> LegalHold:
    """Forbid disposal of these calls, now and until two people release it. What is already going or gone is told
    truthfully per call.
    """
    access.require(actor, "retention.place_hold")
    _check_hold(matter, reason, call_ids)
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        calls = [erasing.lock_call(organisation_id, call_id) for call_id in sorted(set(call_ids))]
        hold = LegalHold(organisation_id=organisation_id, matter=matter.strip(), placed_by=actor.reference)
        hold.sealed_reason = store.seal_value(
            organisation_id, _scope(organisation_id), f"retention_legalhold.reason/{hold.id}", reason.encode()
        )
        hold.save(force_insert=True)
        results = {call.id: _result(call) for call in calls}
        HoldItem.objects.bulk_create(
            [
                HoldItem(organisation_id=organisation_id, hold=hold, call_id=call_id, result=result)
                for call_id, result in results.items()
            ]
        )
        counts = {name: list(results.values()).count(name) for name in (holds.HELD, holds.TOO_LATE, holds.GONE)}
        _note(
            actor,
            events.HOLD_PLACED,
            ("hold", hold.id),
            log.EntryClass.DECISION,
            what=counts,
            identifying={"matter": hold.matter, "reason": reason},
        )
    return hold


def propose_release(*, actor: Actor, hold_id: UUID) -> LegalHold:
    """First half of a release."""
    access.require(actor, "retention.propose_release")
    with tenancy.operation(actor):
        hold = _lock_hold(actor, hold_id)
        if hold.state != LegalHold.State.ACTIVE:
            raise Conflict("This hold is not active")
        hold.state = LegalHold.State.RELEASE_PROPOSED
        hold.release_proposed_by = actor.reference
        hold.release_proposed_at = timezone.now()
        hold.save(update_fields=["state", "release_proposed_by", "release_proposed_at"])
        _note(actor, events.HOLD_RELEASE_PROPOSED, ("hold", hold.id), log.EntryClass.DECISION)
    return hold


def approve_release(*, actor: Actor, hold_id: UUID) -> LegalHold:
    """Second half, by somebody else; erasures and schedules that waited go on."""
    access.require(actor, "retention.approve_release")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        hold = _lock_hold(actor, hold_id)
        if hold.state != LegalHold.State.RELEASE_PROPOSED:
            raise Conflict("No release of this hold is proposed")
        if hold.release_proposed_by == actor.reference:
            raise OwnProposal()
        hold.state = LegalHold.State.RELEASED
        hold.released_by = actor.reference
        hold.released_at = timezone.now()
        hold.save(update_fields=["state", "released_by", "released_at"])
        _note(actor, events.HOLD_RELEASED, ("hold", hold.id), log.EntryClass.DECISION)
        _let_go(organisation_id, calls_under(hold))
        jobs.enqueue_on_commit("dsr.continue_after_hold", organisation_id=organisation_id, object_id=hold.id)
    return hold


def open_reason(*, actor: Actor, hold_id: UUID) -> str:
    """The hold's reason in words; that it was read is an entry."""
    access.require(actor, "retention.read")
    with tenancy.operation(actor):
        hold = hold_for(actor, hold_id)
        _note(actor, events.HOLD_REASON_OPENED, ("hold", hold.id), log.EntryClass.ACCESS)
        label = f"retention_legalhold.reason/{hold.id}"
        return store.open_value(
            actor.organisation_id, _scope(actor.organisation_id), label, bytes(hold.sealed_reason)
        ).decode()


def hold_for(actor: Actor, hold_id: UUID) -> LegalHold:
    """From an outside id to a hold; absent and somebody else's look the same."""
    hold = LegalHold.objects.for_organisation(actor.organisation_id).filter(id=hold_id).first()
    if hold is None:
        raise NotFound()
    return hold


def calls_under(hold: LegalHold) -> list[UUID]:
    """The calls that a hold kept."""
    rows = HoldItem.objects.for_organisation(hold.organisation_id).filter(hold=hold, result=holds.HELD)
    return list(rows.values_list("call_id", flat=True))


def apply_schedules(*, actor: Actor, limit: int = disposal.BATCH) -> int:
    """Begin the disposal of what is due today; how many artifacts were looked at."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        rows = register.artifacts(organisation_id).filter(due_on__lte=timezone.now().date()).exclude(state__in=_SETTLED)
        due = list(
            rows.exclude(state=ArtifactState.HELD).order_by("call_id", "id").values_list("id", flat=True)[:limit]
        )
    if due:
        disposal.begin_artifact_disposal(actor=actor, artifact_ids=due, ground=disposal.Ground.RETENTION_EXPIRED)
    return len(due)


def _let_go(organisation_id: UUID, call_ids: Sequence[UUID]) -> None:
    """What a schedule wanted gone and the hold kept is due again, unless another hold covers it."""
    still_held = holds.held_calls(organisation_id, call_ids)
    for call_id in sorted(set(call_ids) - still_held):
        erasing.lock_call(organisation_id, call_id)
        for artifact in erasing.lock_artifacts(organisation_id, call_id):
            if artifact.state == ArtifactState.HELD:
                erasing.move_artifact(artifact, ArtifactState.DUE)


def _assign(schedule: rules.Schedule, artifact: Any, call: Any | None) -> bool:
    if artifact.state in _SETTLED:
        return False
    facts = rules.ArtifactFacts(
        kind=artifact.kind,
        registered_on=artifact.registered_at.date(),
        call_ended_on=(call.ended_at or call.started_at).date()
        if call and (call.ended_at or call.started_at)
        else None,
        stored_on=artifact.stored_at.date() if artifact.stored_at else None,
        agent=str(call.agent_id) if call and call.agent_id else None,
        batch=call.batch_id or None if call else None,
        direction=call.direction or None if call else None,
        place=call.place or None if call else None,
        outcome=call.status or None if call else None,
    )
    found = rules.assign(schedule, facts)
    reason = f"{found.reason} ({found.warning})" if found.warning else found.reason
    return erasing.assign_retention(artifact, due_on=found.due_on, rule=found.rule_id, reason=reason[:500])


def _result(call: Any) -> str:
    return {call.State.ACTIVE: holds.HELD, call.State.ERASING: holds.TOO_LATE}.get(call.state, holds.GONE)


def _check_hold(matter: str, reason: str, call_ids: Sequence[UUID]) -> None:
    errors: dict[str, list[str]] = {}
    if not 1 <= len(matter.strip()) <= 200:
        errors["matter"] = ["1 to 200 characters."]
    if not 1 <= len(reason.strip()) <= 4000:
        errors["reason"] = ["1 to 4000 characters."]
    if not 1 <= len(set(call_ids)) <= holds.MOST_CALLS:
        errors["calls"] = [f"1 to {holds.MOST_CALLS} calls."]
    if errors:
        raise Invalid("A hold needs a matter, a reason and calls", errors=errors)


def _scope(organisation_id: UUID) -> store.Scope:
    return store.Scope(store.ScopeKind.ORGANISATION, organisation_id)


def _lock_hold(actor: Actor, hold_id: UUID) -> LegalHold:
    hold = LegalHold.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=hold_id).first()
    if hold is None:
        raise NotFound()
    return hold


def _note(actor: Actor, event: str, obj: tuple[str, UUID], cls: log.EntryClass, **parts: Any) -> UUID:
    return log.append(actor=actor, event=event, organisation_id=actor.organisation_id, obj=obj, cls=cls, **parts)
