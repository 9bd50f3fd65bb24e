"""Which rules are in force."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from compliance.retention import rules
from compliance.retention.models import RetentionSchedule


def current_schedule(organisation_id: UUID) -> tuple[int, rules.Schedule]:
    """(version, rules) in force; version 0 is the default that nobody changed."""
    rows = RetentionSchedule.objects.for_organisation(organisation_id).filter(state=RetentionSchedule.State.ACTIVE)
    row = rows.order_by("-version").first()
    return (row.version, rules.parse_schedule(row.document)) if row else (0, rules.DEFAULT_SCHEDULE)


def versions(organisation_id: UUID) -> QuerySet[RetentionSchedule]:
    """Every version, in whatever state."""
    return RetentionSchedule.objects.for_organisation(organisation_id)


def proposed_version(organisation_id: UUID) -> int | None:
    """The newest version that waits for a second person and that newer rules have not overtaken."""
    current, _ = current_schedule(organisation_id)
    waiting = versions(organisation_id).filter(state=RetentionSchedule.State.PROPOSED, version__gt=current)
    return waiting.order_by("-version").values_list("version", flat=True).first()
