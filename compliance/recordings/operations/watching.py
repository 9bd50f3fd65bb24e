"""Recordings that we have not got while the platform's clock runs: which they are, and the alarm before it is too late.

What can go wrong: a platform deletes a recording while every try fails quietly. So an artifact without bytes of ours is
on the list of what is not secured from its first minute, and the alarm is raised, once for each threshold, where the
platform names the day, or where a link that nobody can renew ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db.models import F, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.recordings import access, events
from compliance.recordings.models import Artifact, Call, Location
from compliance.recordings.operations import announcing, erasing, keeping, renewing
from compliance.recordings.states import UNSECURED, ArtifactKind, LocationState

_log = structlog.get_logger(__name__)

WARN_DAYS = 3
_STAGES: Mapping[int, str] = {0: "platform_deletes_today", 1: "within_1_day", WARN_DAYS: "within_3_days"}
"""Days left → the alarm. The last one is given where the day is over, too."""

_SETTLES = timedelta(hours=1)
"""The first tries of a fetch are not news."""

_SOUND = (ArtifactKind.RECORDING.value, ArtifactKind.REDACTED_COPY.value, ArtifactKind.VOICEMAIL.value)


def not_secured(organisation_id: UUID) -> QuerySet[Any]:
    """Artifacts: recordings that exist, as far as is known, and are not stored here; with `gone_on`, the first day on
    which a platform deletes its copy.
    """
    places = Location.objects.for_organisation(organisation_id).filter(
        artifact=OuterRef("pk"), place=Location.Place.PLATFORM, expected_gone_on__isnull=False
    )
    held = places.exclude(state=LocationState.CONFIRMED_GONE.value).order_by().values("artifact")
    day = Subquery(held.annotate(day=Min("expected_gone_on")).values("day"))
    rows = access.artifacts(organisation_id).filter(kind__in=_SOUND, state__in=UNSECURED, call__state=Call.State.ACTIVE)
    return rows.exclude(failure_code__in=announcing.ABSENT).annotate(gone_on=day)


def most_urgent(organisation_id: UUID) -> QuerySet[Any]:
    """`not_secured`, the first to be deleted at its platform first."""
    return not_secured(organisation_id).order_by(F("gone_on").asc(nulls_last=True), "id")


def expiring(organisation_id: UUID, today: date) -> QuerySet[Any]:
    """Those of which the platform's copy goes within three days, or is gone already."""
    return not_secured(organisation_id).filter(gone_on__lte=today + timedelta(days=WARN_DAYS))


def days_left(artifact: Artifact, today: date) -> int | None:
    """Days until the platform deletes its copy, for a row of `not_secured`; negative where the day is over."""
    gone_on: date | None = getattr(artifact, "gone_on", None)
    return (gone_on - today).days if gone_on else None


def watch_expiry(*, actor: Actor) -> int:
    """Raise the alarm for every recording whose time runs out: an entry and an error line, once a threshold. How many.

    Must be called outside a transaction.
    """
    rights.require(actor, "recordings.register")
    now, alarms = timezone.now(), 0
    for artifact_id in _endangered(actor.organisation_id, now):
        with tenancy.operation(actor):
            alarms += _raise_alarm(actor, artifact_id, now)
    return alarms


def _endangered(organisation_id: UUID, now: datetime) -> list[UUID]:
    soon = now + timedelta(days=WARN_DAYS)
    with tenancy.scope(organisation_id):
        rows = not_secured(organisation_id).filter(registered_at__lte=now - _SETTLES)
        rows = rows.filter(Q(gone_on__lte=soon.date()) | Q(source_expires_at__lte=soon))
        return list(rows.order_by("id").values_list("id", flat=True))


def _raise_alarm(actor: Actor, artifact_id: UUID, now: datetime) -> bool:
    """Looked at again under lock: the sound may have come meanwhile."""
    artifact = erasing.lock_artifact(actor.organisation_id, artifact_id)
    row = not_secured(actor.organisation_id).filter(id=artifact_id).first()
    ends_on = _ends_on(row) if row else None
    if ends_on is None:
        return False
    stage = stage_of((ends_on - now.date()).days)
    if not stage or stage == artifact.alarm:
        return False
    artifact.alarm = stage
    artifact.save(update_fields=["alarm"])
    keeping.note(
        actor,
        events.ARTIFACT_EXPIRING,
        artifact,
        code=stage,
        failure=artifact.failure_code or None,
        gone_on=ends_on.isoformat(),
    )
    _log.error("recording not secured", artifact=str(artifact_id), code=stage, gone_on=ends_on.isoformat())
    return True


def stage_of(days: int) -> str:
    """The alarm for so many days left; "" where there is time."""
    return next((stage for limit, stage in sorted(_STAGES.items()) if days <= limit), "")


def _ends_on(artifact: Artifact) -> date | None:
    """The day after which the recording cannot be had: the platform's, or that of a link that nobody renews."""
    gone_on: date | None = getattr(artifact, "gone_on", None)
    days = [gone_on] if gone_on else []
    call, expires_at = artifact.call, artifact.source_expires_at
    if call is not None and expires_at is not None:
        connection = connectors.connection_of(artifact.organisation_id, call.connection_id)
        if not renewing.can_renew(connection.platform):
            days.append(expires_at.date())
    return min(days, default=None)
