"""Background work of the register."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts import routing
from accounts.actors import Actor
from compliance import jobs
from compliance.recordings.operations import fetching, links, watching


@jobs.job("recordings.fetch_recording", ladder=fetching.LADDER, lease_seconds=300)
def fetch_recording(organisation_id: UUID, object_id: UUID) -> None:
    """One try to get a recording from its platform."""
    outcome = fetching.fetch_recording(actor=Actor.scheduler(organisation_id), artifact_id=object_id)
    if outcome.retry:
        raise jobs.TryLater(outcome.code)


@shared_task(name="recordings.withdraw_expired_links", ignore_result=True)
def withdraw_expired_links() -> None:
    """The routes of links that ended."""
    now = timezone.now()
    for organisation_id in routing.organisations():
        links.withdraw_expired(organisation_id, now)


@shared_task(name="recordings.watch_expiry", ignore_result=True)
def watch_expiry() -> None:
    """Recordings that a platform deletes soon and that are not stored here."""
    for organisation_id in routing.organisations():
        watching.watch_expiry(actor=Actor.scheduler(organisation_id))
