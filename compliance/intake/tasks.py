"""Background work of the intake."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts import routing
from accounts.actors import Actor
from compliance import jobs
from compliance.intake import operations
from compliance.intake.models import ImportRun
from compliance.intake.operations import agents, batches, polling, pulling

KEY_DAYS = timedelta(days=1)
"""How long a day's key outlives its day, so that deliveries of midnight are read before."""


@jobs.job("intake.process_delivery")
def process_delivery(organisation_id: UUID, object_id: UUID) -> None:
    """Read one delivery into the register."""
    operations.process_delivery(actor=Actor.scheduler(organisation_id), delivery_id=object_id)


@jobs.job("intake.drop_body")
def drop_body(organisation_id: UUID, object_id: UUID) -> None:
    """Delete a large body from the store, once it is needless."""
    operations.drop_body(actor=Actor.scheduler(organisation_id), delivery_id=object_id)


@jobs.job("intake.check_batch")
def check_batch(organisation_id: UUID, object_id: UUID) -> None:
    """Compare a batch's total with the calls that came; again when its time to wait is over."""
    report = operations.check_batch(actor=Actor.scheduler(organisation_id), report_id=object_id)
    wait = batches.next_look(report)
    if wait is not None:
        raise jobs.TryLater("waiting_for_calls", seconds=wait)


@shared_task(name="intake.check_batches", ignore_result=True)
def check_batches() -> None:
    """Every organisation's batches that are not settled."""
    for organisation_id in routing.organisations():
        operations.check_batches(actor=Actor.scheduler(organisation_id))


@shared_task(name="intake.retire_delivery_keys", ignore_result=True)
def retire_delivery_keys() -> None:
    """Every organisation's keys of finished days."""
    before = (timezone.now() - KEY_DAYS).date()
    for organisation_id in routing.organisations():
        operations.retire_delivery_keys(actor=Actor.scheduler(organisation_id), before=before)


@jobs.job("intake.run_import", lease_seconds=600)
def run_import(organisation_id: UUID, object_id: UUID) -> None:
    """A turn at a platform's list of calls: its history, or a poll."""
    turn = pulling.carry_on(actor=Actor.scheduler(organisation_id), run_id=object_id)
    if turn.code:
        raise jobs.TryLater(turn.code, seconds=turn.wait)


@jobs.job("intake.pull_agents", lease_seconds=600)
def pull_agents(organisation_id: UUID, object_id: UUID) -> None:
    """The agents and prompts of one connection."""
    pulled = agents.pull_agents(actor=Actor.scheduler(organisation_id), connection_id=object_id)
    if pulled.is_retryable:
        raise jobs.TryLater(pulled.code, seconds=pulled.wait)


@shared_task(name="intake.poll_recent", ignore_result=True)
def poll_recent() -> None:
    """Every connection's last two days."""
    _poll(ImportRun.Kind.RECENT)


@shared_task(name="intake.poll_far", ignore_result=True)
def poll_far() -> None:
    """Every connection's last two weeks."""
    _poll(ImportRun.Kind.FAR)


def _poll(kind: ImportRun.Kind) -> None:
    for organisation_id in routing.organisations():
        polling.start_polls(actor=Actor.scheduler(organisation_id), kind=kind)


@shared_task(name="intake.ask_for_all_agents", ignore_result=True)
def ask_for_all_agents() -> None:
    """Every connection's agents and prompts."""
    for organisation_id in routing.organisations():
        agents.ask_for_all_agents(actor=Actor.scheduler(organisation_id))
