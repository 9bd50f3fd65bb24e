"""Background work. The row in Postgres is the job; the broker only rings.

A job is named, takes an organisation's and an object's id, calls one operation and may run twice. `enqueue_on_commit`
writes the row in the business transaction and rings after the commit; a bell that is lost (broker gone, worker killed)
is rung again by `ring_overdue`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts import due_work
from accounts.errors import Refusal, places_of

logger = structlog.get_logger(__name__)

Handler = Callable[[UUID, UUID], None]
LEASE_SECONDS = 60
_DEFAULT_LADDER = (10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600)


@dataclass(frozen=True, slots=True)
class Job:
    """A registered job: what to call, the waits in seconds between tries (the last one repeats), and for how long a
    worker that took it is believed to be alive. A job that outlasts its lease may be started twice, which every job
    must bear.
    """

    name: str
    handler: Handler
    ladder: Sequence[int]
    lease: timedelta

    def wait(self, attempt: int) -> int:
        """Seconds until the next try after this attempt (counted from 1)."""
        return self.ladder[min(attempt, len(self.ladder)) - 1]


REGISTRY: dict[str, Job] = {}


class TryLater(Exception):
    """Raised by a job that cannot finish now; `code` stays on the row for people to see."""

    def __init__(self, code: str, *, seconds: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.seconds = seconds


def job(
    name: str, *, ladder: Sequence[int] = _DEFAULT_LADDER, lease_seconds: int = LEASE_SECONDS
) -> Callable[[Handler], Handler]:
    """Register a job under its name, and as a Celery task of the same name."""

    def register(handler: Handler) -> Handler:
        REGISTRY[name] = Job(name, handler, ladder, timedelta(seconds=lease_seconds))

        def answer_bell(organisation_id: str, object_id: str) -> None:
            run(name, UUID(object_id))

        shared_task(name=name, ignore_result=True)(answer_bell)
        return handler

    return register


def enqueue_on_commit(name: str, *, organisation_id: UUID, object_id: UUID, due_at: datetime | None = None) -> None:
    """Ask for a job as part of the current transaction; ring after its commit."""
    due_work.add(name, organisation_id=organisation_id, object_id=object_id, due_at=due_at)
    if due_at is None:
        transaction.on_commit(partial(ring, name, organisation_id, object_id))


def ring(name: str, organisation_id: UUID, object_id: UUID) -> None:
    """Wake a worker. A silent broker is no error: the sweep rings again from the rows."""
    try:
        current_app.send_task(name, args=[str(organisation_id), str(object_id)], ignore_result=True, retry=False)
    except (OperationalError, ConnectionError) as error:
        logger.warning("jobs.bell_lost", job=name, error=type(error).__name__)


def run(name: str, object_id: UUID) -> bool:
    """Do one due job if it is free. True where it ran; what it could not finish stays on its row."""
    found = REGISTRY[name]
    work = due_work.claim(name, object_id, lease=found.lease)
    if work is None:
        return False
    try:
        found.handler(work.organisation_id, work.object_id)
    except TryLater as later:
        seconds = found.wait(work.attempts) if later.seconds is None else later.seconds
        due_work.postpone(work, seconds=seconds, code=later.code)
    except Refusal as refusal:
        _refused(found, work, refusal)
    except Exception as error:  # noqa: BLE001  # the sweep's edge: nothing else may swallow a fault
        logger.error("jobs.failed", job=name, error=type(error).__name__, at=places_of(error), attempt=work.attempts)
        due_work.postpone(work, seconds=found.wait(work.attempts), code=f"failed:{type(error).__name__}"[:64])
    else:
        due_work.finish(work)
    return True


def _refused(found: Job, work: due_work.Claim, refusal: Refusal) -> None:
    """A no of ours is final: the world moved on (erased, revoked, decided). A part that does not answer is asked
    again.
    """
    if refusal.status >= 500:
        logger.warning("jobs.postponed", job=found.name, code=refusal.code, attempt=work.attempts)
        due_work.postpone(work, seconds=found.wait(work.attempts), code=refusal.code)
    else:
        logger.info("jobs.refused", job=found.name, code=refusal.code)
        due_work.finish(work)


def ring_overdue(limit: int = 1000) -> int:
    """Ring for everything that is due and not being worked on."""
    rows = due_work.overdue(limit)
    for name, organisation_id, object_id in rows:
        ring(name, organisation_id, object_id)
    return len(rows)


@shared_task(name="jobs.ring_overdue", ignore_result=True)
def ring_overdue_task() -> None:
    """The scheduler's sweep over the queue of record."""
    ring_overdue()
