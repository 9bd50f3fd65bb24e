"""The queue of findings: what waits for a person, whose it is, and by when. Narrows rows that a door has given."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from compliance.disclosure.models import Finding, Verdict, Waiver

OPEN, WAIVED = Finding.State.OPEN, Finding.State.WAIVED
LIVE = (OPEN, WAIVED)
"""States of findings that nobody and nothing has resolved."""
RUNNING = (Waiver.State.PROPOSED, Waiver.State.IN_FORCE)
"""States of waivers that have not come to their end."""


def today() -> date:
    """The day by which dates are counted."""
    return timezone.now().date()


def due_on(verdict: str) -> date:
    """By when a finding of this verdict that is opened today should be resolved."""
    days = settings.DISCLOSURE_FAIL_DAYS if verdict == Verdict.FAIL else settings.DISCLOSURE_REVIEW_DAYS
    return today() + timedelta(days=days)


def overdue(rows: QuerySet[Finding], *, is_late: bool = True) -> QuerySet[Finding]:
    """Findings past their day, or all others. What is waived or resolved is not late."""
    late = Q(state=OPEN, due_on__lt=today())
    # Not `exclude`: of a row without a date it is not known that it is late, and it would be in neither list.
    return rows.filter(late) if is_late else rows.filter(Q(due_on=None) | Q(due_on__gte=today()) | ~Q(state=OPEN))


def is_overdue(row: Finding) -> bool:
    """The same of one finding."""
    return row.state == OPEN and row.due_on is not None and row.due_on < today()


def assigned(rows: QuerySet[Finding], reference: str) -> QuerySet[Finding]:
    """Findings of one person; of nobody where the reference is empty."""
    return rows.filter(assigned_to=reference)


def of_agent(rows: QuerySet[Finding], agent_id: UUID) -> QuerySet[Finding]:
    """Findings about an agent's prompts and calls."""
    return rows.filter(Q(audit__prompt__agent_id=agent_id) | Q(audit__call__agent_id=agent_id))


def with_waivers(rows: QuerySet[Finding], organisation_id: UUID) -> QuerySet[Finding]:
    """Each row with `waiver_id`, `waiver_state` and `waived_until` of the waiver that is proposed or in force."""
    found = Waiver.objects.for_organisation(organisation_id).filter(finding=OuterRef("pk"), state__in=RUNNING)
    return rows.annotate(
        waiver_id=Subquery(found.values("id")[:1]),
        waiver_state=Subquery(found.values("state")[:1]),
        waived_until=Subquery(found.values("until_on")[:1]),
    )
