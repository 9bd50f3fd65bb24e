"""Background work of the connections."""

from __future__ import annotations

from celery import shared_task

from accounts import routing
from accounts.actors import Actor
from compliance.connectors import operations


@shared_task(name="connectors.check_health", ignore_result=True)
def check_health() -> None:
    """Every organisation's connections: what changed in their standing is told, once."""
    for organisation_id in routing.organisations():
        operations.check_health(actor=Actor.scheduler(organisation_id))
