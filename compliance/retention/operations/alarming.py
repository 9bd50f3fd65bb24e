"""Telling somebody: debts that a platform has not settled in time, and tasks that a person has not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.outlet import operations as outlet
from compliance.retention import debt, events, holds
from compliance.retention.models import UpstreamTask

_log = structlog.get_logger(__name__)

AFTER: Final = (("day", timedelta(hours=24)), ("week", timedelta(days=7)))
OVERDUE: Final = "task_overdue"


def alarm_debt(*, actor: Actor) -> int:
    """An entry and a log line, once each, for every place that owes a proof for a day and for a week, and for every
    task past its day. How many were told. What a hold keeps is not late.
    """
    access.require(actor, "retention.read")
    told = 0
    for location_id, alarm in _late(actor.organisation_id):
        told += _alarm(actor, location_id, alarm)
    return told


def _late(organisation_id: UUID) -> list[tuple[UUID, str]]:
    with tenancy.scope(organisation_id):
        return [*_slow_platforms(organisation_id), *_slow_people(organisation_id)]


def _slow_platforms(organisation_id: UUID) -> Iterator[tuple[UUID, str]]:
    """A person has the task's day; a platform that takes orders has a day, then a week."""
    now = timezone.now()
    rows = debt.owing(organisation_id).exclude(last_code=holds.HELD).filter(asked_at__lte=now - AFTER[0][1])
    with_people = set(_open_tasks(organisation_id).filter(location__in=rows).values_list("location_id", flat=True))
    for row in rows.order_by("asked_at").iterator(chunk_size=500):
        for alarm, age in AFTER:
            if row.asked_at <= now - age and alarm not in row.proof.get("alarms", ()) and row.id not in with_people:
                yield row.id, alarm


def _slow_people(organisation_id: UUID) -> Iterator[tuple[UUID, str]]:
    tasks = _open_tasks(organisation_id).filter(due_on__lt=timezone.now().date()).select_related("location")
    for task in tasks.order_by("due_on"):
        if OVERDUE not in task.location.proof.get("alarms", ()):
            yield task.location_id, OVERDUE


def _open_tasks(organisation_id: UUID) -> Any:
    return UpstreamTask.objects.for_organisation(organisation_id).filter(state=UpstreamTask.State.OPEN)


def _alarm(actor: Actor, location_id: UUID, alarm: str) -> bool:
    with tenancy.operation(actor):
        location = debt.lock_location(actor.organisation_id, location_id)
        alarms = location.proof.get("alarms", [])
        if alarm in alarms or location.state == "confirmed_gone":
            return False
        location.proof = location.proof | {"alarms": [*alarms, alarm]}
        location.save(update_fields=["proof"])
        what = {"after": alarm, "code": location.last_code or None, "artifact": str(location.artifact_id)}
        debt.note(actor, events.DEBT_ALARMED, location_id, what)
        told = {"location_id": location_id, "artifact_id": location.artifact_id}
        told |= {"after": alarm, "code": location.last_code or None}
        outlet.announce_event(actor=actor, type="deletion_debt.overdue", data=told)
    _log.error("retention.debt_alarm", location=str(location_id), after=alarm, code=location.last_code)
    return True
