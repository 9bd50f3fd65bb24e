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

KEY_DAYS = timedelta(days=1)
"""How long a day's key outlives its day, so that deliveries of midnight are read before."""


@jobs.job("intake.process_delivery")
def process_delivery(organisation_id: UUID, object_id: UUID) -> None:
    """Read one delivery into the register."""
    operations.process_delivery(actor=Actor.scheduler(organisation_id), delivery_id=object_id)


@shared_task(name="intake.retire_delivery_keys", ignore_result=True)
def retire_delivery_keys() -> None:
    """Every organisation's keys of finished days."""
    before = (timezone.now() - KEY_DAYS).date()
    for organisation_id in routing.organisations():
        operations.retire_delivery_keys(actor=Actor.scheduler(organisation_id), before=before)
