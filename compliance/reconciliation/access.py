"""Doors to runs and findings, inside an organisation's scope. Absent and somebody else's look the same."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, QuerySet

from compliance.errors import NotFound
from compliance.reconciliation.models import Finding, Run

OPEN = (Finding.State.OPEN, Finding.State.PROPOSED, Finding.State.APPROVED)
"""States in which somebody still has to do something."""


def runs(organisation_id: UUID) -> QuerySet[Run]:
    """Every run, without the reports' bytes."""
    return Run.objects.for_organisation(organisation_id).defer("report")


def findings(organisation_id: UUID) -> QuerySet[Finding]:
    """Every finding, settled ones included."""
    return Finding.objects.for_organisation(organisation_id)


def run_of(organisation_id: UUID, run_id: UUID, *, lock: bool = False) -> Run:
    """One run."""
    rows = Run.objects.for_organisation(organisation_id)
    found: Run | None = (rows.select_for_update() if lock else rows).filter(id=run_id).first()
    if found is None:
        raise NotFound()
    return found


def finding_of(organisation_id: UUID, finding_id: UUID, *, lock: bool = False) -> Finding:
    """One finding."""
    rows = findings(organisation_id)
    found: Finding | None = (rows.select_for_update() if lock else rows).filter(id=finding_id).first()
    if found is None:
        raise NotFound()
    return found


def open_counts(organisation_id: UUID, kinds: Iterable[str] | None = None) -> dict[str, int]:
    """Open findings by kind."""
    rows = findings(organisation_id).filter(state__in=OPEN)
    if kinds is not None:
        rows = rows.filter(kind__in=list(kinds))
    return dict(rows.order_by("kind").values_list("kind").annotate(Count("id")))
