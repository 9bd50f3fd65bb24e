"""Artifacts whose rule asks for a person on the day: nothing of them leaves or stays by silence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import EXPIRING
from compliance.retention import events
from compliance.retention.models import RetentionReview
from compliance.retention.operations import assigning
from compliance.retention.operations.schedules import current_schedule
from compliance.retention.rules import Action

CODES = {Action.REVIEW.value: "review", Action.REDACT.value: "no_redaction"}
"""Why an artifact waits for a person, by its action. Redaction is not available yet."""

LONGEST_DAYS = 3660
_State = RetentionReview.State


def reviews(organisation_id: UUID) -> QuerySet[RetentionReview]:
    """Every review."""
    return RetentionReview.objects.for_organisation(organisation_id)


def extend_review(*, actor: Actor, review_id: UUID, days: int, reason: str) -> RetentionReview:
    """Keep an artifact for so many days more from today; then it is asked about again."""
    access.require(actor, "retention.set_schedule")
    errors = {}
    if not 1 <= days <= LONGEST_DAYS:
        errors["days"] = [f"1 to {LONGEST_DAYS}."]
    if not 1 <= len(reason.strip()) <= 4000:
        errors["reason"] = ["1 to 4000 characters."]
    if errors:
        raise Invalid("Keeping longer needs days and a reason", errors=errors)
    with tenancy.operation(actor):
        row = _locked(actor, review_id)
        row.until_on = timezone.now().date() + timedelta(days=days)
        _decide(actor, row, _State.EXTENDED)
        log.append(
            actor=actor,
            event=events.REVIEW_EXTENDED,
            organisation_id=actor.organisation_id,
            obj=("artifact", row.artifact_id),
            cls=log.EntryClass.DECISION,
            what={"days": days, "until_on": row.until_on.isoformat()},
            identifying={"reason": reason.strip()},
        )
        _assign(actor, row.artifact_id)
    return row


def approve_review(*, actor: Actor, review_id: UUID) -> RetentionReview:
    """A person has looked: the artifact may go with the next run, unless a hold keeps it."""
    access.require(actor, "retention.approve_disposal")
    with tenancy.operation(actor):
        row = _locked(actor, review_id)
        _decide(actor, row, _State.APPROVED)
        log.append(
            actor=actor,
            event=events.REVIEW_APPROVED,
            organisation_id=actor.organisation_id,
            obj=("artifact", row.artifact_id),
            cls=log.EntryClass.DECISION,
            why={"code": row.code},
        )
        _assign(actor, row.artifact_id)
    return row


def open_reviews(*, actor: Actor, limit: int = assigning.BATCH) -> int:
    """Ask a person about what is due and may not simply go; how many questions are new. One entry each."""
    access.require(actor, "retention.dispose")
    organisation_id, today = actor.organisation_id, timezone.now().date()
    with tenancy.operation(actor):
        ids = _unasked(organisation_id, today, limit)
        erasing.lock_ids(organisation_id, ids)
        rows = register.artifacts(organisation_id).filter(id__in=ids)
        version, schedule = current_schedule(organisation_id)
        assigning.note_dates(actor, assigning.write_dates(organisation_id, rows, schedule), version)
        asked = [_ask(actor, artifact) for artifact in rows if _asks(artifact, today)]
    return len(asked)


def _unasked(organisation_id: UUID, today: date, limit: int) -> list[UUID]:
    waiting = reviews(organisation_id).filter(artifact_id=OuterRef("id"), state=_State.OPEN)
    due = Q(due_on__lte=today, retention_action__in=list(CODES), state__in=EXPIRING)
    rows = register.artifacts(organisation_id).filter(due).exclude(Exists(waiting))
    return list(rows.order_by("due_on", "id").values_list("id", flat=True)[:limit])


def _asks(artifact: Any, today: date) -> bool:
    return artifact.due_on is not None and artifact.due_on <= today and artifact.retention_action in CODES


def _ask(actor: Actor, artifact: Any) -> RetentionReview:
    code, organisation_id, artifact_id = CODES[artifact.retention_action], actor.organisation_id, artifact.id
    row = reviews(organisation_id).filter(artifact_id=artifact_id).first()
    row = row or RetentionReview(organisation_id=organisation_id, artifact_id=artifact_id)
    row.state, row.code, row.rule, row.due_on = _State.OPEN, code, artifact.retention_rule, artifact.due_on
    row.until_on, row.opened_at, row.decided_by, row.decided_at = None, timezone.now(), "", None
    row.save()
    log.append(
        actor=actor,
        event=events.REVIEW_OPENED,
        organisation_id=organisation_id,
        obj=("artifact", artifact_id),
        cls=log.EntryClass.CHANGE,
        why={"code": code},
    )
    return row


def _assign(actor: Actor, artifact_id: UUID) -> None:
    version, schedule = current_schedule(actor.organisation_id)
    rows = register.artifacts(actor.organisation_id).filter(id=artifact_id)
    assigning.note_dates(actor, assigning.write_dates(actor.organisation_id, rows, schedule), version)


def _locked(actor: Actor, review_id: UUID) -> RetentionReview:
    """An open review, locked after its artifact."""
    found = reviews(actor.organisation_id).filter(id=review_id).first()
    if found is None:
        raise NotFound()
    erasing.lock_ids(actor.organisation_id, [found.artifact_id])
    row = reviews(actor.organisation_id).select_for_update().get(id=review_id)
    if row.state != _State.OPEN:
        raise Conflict("This was decided already", code="decided")
    return row


def _decide(actor: Actor, row: RetentionReview, state: str) -> None:
    row.state, row.decided_by, row.decided_at = state, actor.reference, timezone.now()
    row.save(update_fields=["state", "until_on", "decided_by", "decided_at"])
