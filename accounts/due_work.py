"""The rows behind every background job. Postgres is the queue of record: claim by an UPDATE that must hit the row,
work, delete it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, models
from django.utils import timezone

from accounts.models import DueWork
from audit import forms, wire

_ADD = wire.Statement(
    """INSERT INTO accounts_duework (organisation_id, job, object_id, due_at, generation, attempts, last_code)
       VALUES ($1, $2, $3, $4, 1, 0, '')
       ON CONFLICT (job, object_id) DO UPDATE
       SET due_at = LEAST(accounts_duework.due_at, EXCLUDED.due_at), generation = accounts_duework.generation + 1""",
    (wire.BINARY, wire.TEXT, wire.BINARY, wire.TEXT),
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Work that is ours until `leased_until`."""

    id: int
    generation: int
    organisation_id: UUID
    object_id: UUID
    job: str
    attempts: int


def add(job: str, *, organisation_id: UUID, object_id: UUID, due_at: datetime | None = None) -> None:
    """Ask for a job in the current transaction. Asking twice is one job, at the earlier time, run once more if it is
    running.
    """
    at = forms.time(due_at or timezone.now())
    wire.run(connection, _ADD, (organisation_id.bytes, job.encode(), object_id.bytes, at))


def claim(job: str, object_id: UUID, *, lease: timedelta) -> Claim | None:
    """Take the work, or None where it is not due, is taken, or is done."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE accounts_duework SET leased_until = %s, attempts = attempts + 1
               WHERE job = %s AND object_id = %s AND due_at <= %s AND (leased_until IS NULL OR leased_until < %s)
               RETURNING id, generation, organisation_id, object_id, job, attempts""",
            [timezone.now() + lease, job, object_id, timezone.now(), timezone.now()],
        )
        row = cursor.fetchone()
    return Claim(*row) if row else None


def finish(work: Claim) -> None:
    """Done. Work that was asked for again meanwhile stays and is due at once."""
    done = DueWork.objects.filter(id=work.id, generation=work.generation).delete()[0]
    if not done:
        DueWork.objects.filter(id=work.id).update(leased_until=None, due_at=timezone.now(), attempts=0)


def postpone(work: Claim, *, seconds: float, code: str) -> None:
    """Not yet: due again later, with the reason where an operator sees it."""
    later = timezone.now() + timedelta(seconds=seconds)
    DueWork.objects.filter(id=work.id).update(leased_until=None, due_at=later, last_code=code[:64])


def overdue(limit: int) -> list[tuple[str, UUID, UUID]]:
    """(job, organisation, object) of what should be running and is not."""
    now = timezone.now()
    free = models.Q(leased_until=None) | models.Q(leased_until__lt=now)
    rows = DueWork.objects.filter(free, due_at__lte=now).order_by("due_at")[:limit]
    return [(row.job, row.organisation_id, row.object_id) for row in rows]


def waiting(organisation_id: UUID, object_id: UUID) -> list[str]:
    """Names of the jobs that are still open on an object, for screens."""
    rows = DueWork.objects.filter(organisation_id=organisation_id, object_id=object_id)
    return list(rows.values_list("job", flat=True))


def objects_waiting(job: str, organisation_id: UUID, limit: int) -> list[UUID]:
    """What a job is still open on in an organisation, the longest waiting first."""
    rows = DueWork.objects.filter(job=job, organisation_id=organisation_id).order_by("due_at")
    return list(rows.values_list("object_id", flat=True)[:limit])


def next_run(job: str) -> models.Subquery:
    """When a job on a row of another table is due, to be shown beside that row."""
    rows = DueWork.objects.filter(job=job, object_id=models.OuterRef("pk"))
    return models.Subquery(rows.values("due_at")[:1])
