"""The accounts' share of the scheduler's work."""

from __future__ import annotations

from celery import shared_task

from accounts import idempotency, routing, tenancy


@shared_task(name="accounts.forget_idempotency_keys", ignore_result=True)
def forget_idempotency_keys() -> None:
    """Drop the records of keyed writes past their day, one organisation at a time."""
    for organisation_id in routing.organisations():
        with tenancy.scope(organisation_id):
            idempotency.forget_old(organisation_id)
