"""Telling of an event: inside the transaction in which it happens, so that both stand or neither does.

What can go wrong: an event is told that did not happen, or one that happened is never told; endpoints that stand still
fill the database; whoever does the business waits for the outside. So a message and its dispatches are rows of the
business transaction, nothing is sent before its commit, and each endpoint keeps a bounded backlog, whose overflow is
counted, logged and shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db.models import F
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.outlet import access, catalogue, events, schemas
from compliance.outlet.models import WebhookDispatch, WebhookEndpoint, WebhookMessage
from compliance.outlet.operations.noting import note

logger = structlog.get_logger(__name__)

BACKLOG: Final = 10_000
"""Messages that may wait for one endpoint."""
_QUIET: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class News:
    """One event: its name in the catalogue, its fields, and when it happened (now, unless said).

    `once` names an occasion that is told one time only, for sweeps that see the same thing every day.
    """

    type: str
    data: Mapping[str, object]
    occurred_at: datetime | None = None
    once: str = ""


def announce_event(*, actor: Actor, type: str, data: Mapping[str, object], once: str = "") -> None:  # noqa: A002
    """Tell every endpoint that chose this event. Called by higher rooms inside their operation.

    Raises BadEvent for what is not in the catalogue, so that the mistake is found by the first test that comes by.
    """
    announce_events(actor=actor, news=[News(type, data, once=once)])


def announce_events(*, actor: Actor, news: Sequence[News]) -> None:
    """The same for several events at once. Where nobody listens nothing is stored."""
    messages = [new_message(actor, one) for one in news]
    listeners = list(access.endpoints(actor.organisation_id)) if messages else []
    wanted = [(endpoint, catalogue.chosen(endpoint.event_types)) for endpoint in listeners]
    for message in messages:
        send_message(actor, message, [endpoint for endpoint, names in wanted if message.type in names])


def new_message(actor: Actor, one: News) -> WebhookMessage:
    """An event as it is told, not saved yet. Raises BadEvent."""
    occurred_at = one.occurred_at or timezone.now()
    data = schemas.told_data(catalogue.named(one.type), one.data)
    body = {"type": one.type, "timestamp": occurred_at.isoformat(), "data": data}
    return WebhookMessage(
        organisation_id=actor.organisation_id,
        type=one.type,
        occurred_at=occurred_at,
        body=json.dumps(body, ensure_ascii=True, separators=(",", ":")),
        once=one.once,
    )


def send_message(actor: Actor, message: WebhookMessage, endpoints: Sequence[WebhookEndpoint]) -> None:
    """Write a message and its way to each of these endpoints, unless its occasion was told. In a transaction."""
    if not endpoints:
        return
    # Two sweeps at once may see the same occasion: the second one waits here for the first, and then tells nothing.
    WebhookMessage.objects.bulk_create([message], ignore_conflicts=True)
    if message.once and not access.messages(actor.organisation_id).filter(id=message.id).exists():
        return
    for endpoint in endpoints:
        if access.waiting(endpoint).order_by()[:BACKLOG].count() >= BACKLOG:
            miss(actor=actor, endpoint=endpoint, count=1)
            continue
        dispatch = WebhookDispatch.objects.create(
            organisation_id=actor.organisation_id, message=message, endpoint=endpoint
        )
        if endpoint.state == WebhookEndpoint.State.ACTIVE:
            jobs.enqueue_on_commit("outlet.deliver", organisation_id=actor.organisation_id, object_id=dispatch.id)


def miss(*, actor: Actor, endpoint: WebhookEndpoint, count: int) -> None:
    """Messages are given up that an endpoint never got: counted, and told once a day.

    In a context of its own, so that its entry points to the act that was announced and does not stand for it.
    """
    with tenancy.operation(actor):
        now, before = timezone.now(), endpoint.missed_at
        rows = access.endpoints(actor.organisation_id).filter(id=endpoint.id)
        rows.update(missed=F("missed") + count, missed_at=now)
        endpoint.missed_at = now
        if before is None or now - before > _QUIET:
            note(actor, events.MESSAGES_MISSED, endpoint.id, {"backlog": BACKLOG}, cls=log.EntryClass.SYSTEM)
            logger.error("outlet.messages_missed", endpoint=str(endpoint.id))
