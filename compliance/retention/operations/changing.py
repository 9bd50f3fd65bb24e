"""A change of the rules: at once where little would go, by two people where much would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, NotFound, OwnProposal
from compliance.retention import events, rules
from compliance.retention.models import RetentionSchedule
from compliance.retention.operations import previewing

_State = RetentionSchedule.State


def set_schedule(*, actor: Actor, document: Mapping[str, Any]) -> RetentionSchedule:
    """Save a new version of the rules with what it would delete. It is in force at once, and every artifact gets its
    date anew; above the threshold it only waits for a second person.
    """
    access.require(actor, "retention.set_schedule")
    schedule = previewing.parsed(document)
    with tenancy.operation(actor):
        preview = previewing.measure(actor.organisation_id, schedule)
        row = _saved(actor, schedule, preview)
        if row.state == _State.PROPOSED:
            _note(actor, events.SCHEDULE_PROPOSED, row, log.EntryClass.DECISION)
        else:
            _put_in_force(actor, row)
    return row


def approve_schedule(*, actor: Actor, version: int) -> RetentionSchedule:
    """The second person's yes. What it would delete is counted again, and must not have grown by more than 10 %.

    Raises OwnProposal; Conflict where it does not wait, was overtaken by newer rules, or has grown.
    """
    access.require(actor, "retention.approve_schedule")
    with tenancy.operation(actor):
        row = _locked(actor, version)
        if row.created_by == actor.reference:
            raise OwnProposal()
        newer = RetentionSchedule.objects.for_organisation(actor.organisation_id).filter(version__gt=version)
        if newer.filter(state=_State.ACTIVE).exists():
            raise Conflict("Newer rules are in force: save these again", code="schedule_overtaken")
        then = int(row.preview.get("newly", 0))
        now = previewing.measure(actor.organisation_id, rules.parse_schedule(row.document))
        if now.newly * 10 > then * 11:
            raise Conflict(
                f"It would now make {now.newly} artifacts newly due, not {then}: save it again", code="preview_grew"
            )
        _decide(actor, row, _State.ACTIVE)
        _put_in_force(actor, row)
    return row


def reject_schedule(*, actor: Actor, version: int) -> RetentionSchedule:
    """The second person's no."""
    access.require(actor, "retention.approve_schedule")
    with tenancy.operation(actor):
        row = _locked(actor, version)
        if row.created_by == actor.reference:
            raise OwnProposal("Withdraw what you have proposed yourself")
        _decide(actor, row, _State.REJECTED)
        _note(actor, events.SCHEDULE_REJECTED, row, log.EntryClass.DECISION)
    return row


def withdraw_schedule(*, actor: Actor, version: int) -> RetentionSchedule:
    """Whoever proposed takes it back."""
    access.require(actor, "retention.set_schedule")
    with tenancy.operation(actor):
        row = _locked(actor, version)
        if row.created_by != actor.reference:
            raise Conflict("Only who proposed it can withdraw it", code="not_yours")
        _decide(actor, row, _State.WITHDRAWN)
        _note(actor, events.SCHEDULE_WITHDRAWN, row, log.EntryClass.DECISION)
    return row


def _saved(actor: Actor, schedule: rules.Schedule, preview: previewing.Preview) -> RetentionSchedule:
    newest = RetentionSchedule.objects.for_organisation(actor.organisation_id).order_by("-version").first()
    try:
        with transaction.atomic():
            return RetentionSchedule.objects.create(
                organisation_id=actor.organisation_id,
                version=newest.version + 1 if newest else 1,
                document=rules.to_document(schedule),
                created_by=actor.reference,
                state=_State.PROPOSED if preview.needs_second_person else _State.ACTIVE,
                preview=preview.counts(),
            )
    except IntegrityError as error:
        raise Conflict("Somebody saved other rules at the same moment", code="schedule_overtaken") from error


def _put_in_force(actor: Actor, row: RetentionSchedule) -> None:
    _note(actor, events.SCHEDULE_SET, row, log.EntryClass.CONFIG)
    jobs.enqueue_on_commit("retention.assign_all", organisation_id=actor.organisation_id, object_id=row.id)


def _locked(actor: Actor, version: int) -> RetentionSchedule:
    rows = RetentionSchedule.objects.for_organisation(actor.organisation_id).select_for_update()
    row = rows.filter(version=version).first()
    if row is None:
        raise NotFound()
    if row.state != _State.PROPOSED:
        raise Conflict("This version does not wait for anybody", code="not_proposed")
    return row


def _decide(actor: Actor, row: RetentionSchedule, state: str) -> None:
    row.state, row.decided_by, row.decided_at = state, actor.reference, timezone.now()
    row.save(update_fields=["state", "decided_by", "decided_at"])


def _note(actor: Actor, event: str, row: RetentionSchedule, cls: log.EntryClass) -> UUID:
    return log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("schedule", row.id),
        cls=cls,
        what={"version": row.version, "newly_due": int(row.preview.get("newly", 0))},
    )
