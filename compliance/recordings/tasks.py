"""Background work of the register."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts import routing
from accounts.actors import Actor
from compliance import jobs
from compliance.recordings.operations import (
    comparing,
    concluding,
    fetching,
    indexing,
    links,
    outside_checks,
    rebuilding,
    watching,
)


@jobs.job("recordings.fetch_recording", ladder=fetching.LADDER, lease_seconds=300)
def fetch_recording(organisation_id: UUID, object_id: UUID) -> None:
    """One try to get a recording from its platform."""
    outcome = fetching.fetch_recording(actor=Actor.scheduler(organisation_id), artifact_id=object_id)
    if outcome.retry:
        raise jobs.TryLater(outcome.code)


@jobs.job("recordings.compare_hash", lease_seconds=300)
def compare_hash(organisation_id: UUID, object_id: UUID) -> None:
    """A hash that was told after the recording had been stored."""
    comparing.compare_hash(actor=Actor.scheduler(organisation_id), artifact_id=object_id)


@jobs.job("recordings.index_transcript")
def index_transcript(organisation_id: UUID, object_id: UUID) -> None:
    """The tokens of a call's words, after these were sealed or an older version took their place."""
    indexing.index_call(organisation_id, object_id)


@jobs.job("recordings.conclude_transcript", lease_seconds=300)
def conclude_transcript(organisation_id: UUID, object_id: UUID) -> None:
    """What a call's words hold, after these were sealed or an older version took their place."""
    concluding.conclude_call(organisation_id, object_id)


@jobs.job("recordings.rebuild_search", lease_seconds=300)
def rebuild_search(organisation_id: UUID, object_id: UUID) -> None:
    """The whole index, as far as one lease goes; what is left is another turn."""
    if not rebuilding.rebuild(actor=Actor.scheduler(organisation_id), seconds=120):
        raise jobs.TryLater("goes_on", seconds=1)


@shared_task(name="recordings.check_search", ignore_result=True)
def check_search() -> None:
    """Indexes that a crash has emptied, or that a rebuild has left half-way."""
    for organisation_id in routing.organisations():
        rebuilding.ask_where_incomplete(organisation_id)


@shared_task(name="recordings.check_insights", ignore_result=True)
def check_insights() -> None:
    """Calls that were looked through by no method, or by an older one."""
    for organisation_id in routing.organisations():
        concluding.ask_where_missing(organisation_id)


@shared_task(name="recordings.withdraw_expired_links", ignore_result=True)
def withdraw_expired_links() -> None:
    """The routes of links that ended."""
    now = timezone.now()
    for organisation_id in routing.organisations():
        links.withdraw_expired(organisation_id, now)


@shared_task(name="recordings.expire_outside_checks", ignore_result=True)
def expire_outside_checks() -> None:
    """Outside checks that nobody fetched in their day."""
    now = timezone.now()
    for organisation_id in routing.organisations():
        outside_checks.expire_outside_checks(actor=Actor.scheduler(organisation_id), now=now)


@shared_task(name="recordings.watch_expiry", ignore_result=True)
def watch_expiry() -> None:
    """Recordings that a platform deletes soon and that are not stored here."""
    for organisation_id in routing.organisations():
        watching.watch_expiry(actor=Actor.scheduler(organisation_id))
