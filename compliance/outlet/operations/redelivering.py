"""Sending again, and on demand: what was given up, what waited while an endpoint stood still, and a test."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, NotFound
from compliance.outlet import access, catalogue, events
from compliance.outlet.models import WebhookDispatch, WebhookEndpoint, WebhookMessage
from compliance.outlet.operations.announcing import BACKLOG, News, new_message, send_message
from compliance.outlet.operations.noting import note

BATCH: Final = 500


def send_test_event(*, actor: Actor, endpoint_id: UUID) -> WebhookMessage:
    """Send `webhook.test` to one endpoint. Raises Conflict where it stands still."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = _active(actor, endpoint_id)
        message = new_message(actor, News(catalogue.TEST.name, {"endpoint_id": endpoint.id}))
        send_message(actor, message, [endpoint])
        note(actor, events.ENDPOINT_TESTED, endpoint.id, {"message": str(message.id)})
    return message


def redeliver_message(*, actor: Actor, message_id: UUID, endpoint_id: UUID) -> WebhookDispatch:
    """Send a message to one of its endpoints again, whatever became of it: same id, same bytes, a fresh signature."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = _active(actor, endpoint_id)
        rows = WebhookDispatch.objects.for_organisation(actor.organisation_id).filter(endpoint=endpoint)
        dispatch: WebhookDispatch | None = rows.select_for_update(no_key=True).filter(message_id=message_id).first()
        if dispatch is None:
            raise NotFound()
        rows.filter(id=dispatch.id).update(**_AGAIN)
        dispatch.refresh_from_db()
        jobs.enqueue_on_commit("outlet.deliver", organisation_id=actor.organisation_id, object_id=dispatch.id)
        what: dict[str, str | int | bool | None] = {"message": str(message_id), "count": 1}
        note(actor, events.MESSAGES_REDELIVERED, endpoint.id, what, cls=log.EntryClass.CHANGE)
    return dispatch


def redeliver_failed(*, actor: Actor, endpoint_id: UUID, since: datetime) -> int:
    """Send again everything that was given up for this endpoint since a time, at most a backlog of it; how many."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = _active(actor, endpoint_id)
        rows = WebhookDispatch.objects.for_organisation(actor.organisation_id).filter(endpoint=endpoint)
        failed = rows.filter(state=WebhookDispatch.State.FAILED, message__created_at__gte=since)
        room = BACKLOG - access.waiting(endpoint).order_by()[:BACKLOG].count()
        count = rows.filter(id__in=list(failed.order_by("id").values_list("id", flat=True)[:room])).update(**_AGAIN)
        note(actor, events.MESSAGES_REDELIVERED, endpoint.id, {"count": count}, cls=log.EntryClass.CHANGE)
        jobs.enqueue_on_commit("outlet.release_waiting", organisation_id=actor.organisation_id, object_id=endpoint.id)
    return count


def release_waiting(*, actor: Actor, endpoint_id: UUID) -> int:
    """Ask for the delivery of what no job works at, in batches; how many. It changes nothing and leaves no entry."""
    rights.require(actor, "outlet.manage")
    total = 0
    while True:
        with tenancy.scope(actor.organisation_id):
            endpoint = access.endpoint_of(actor.organisation_id, endpoint_id)
            if endpoint.state != WebhookEndpoint.State.ACTIVE:
                return total
            batch = _ids(access.unrung(endpoint))
            for dispatch_id in batch:
                jobs.enqueue_on_commit("outlet.deliver", organisation_id=actor.organisation_id, object_id=dispatch_id)
        total += len(batch)
        if len(batch) < BATCH:
            return total


def find_unrung(*, actor: Actor) -> list[UUID]:
    """Active endpoints for which something waits that no job works at: a pause that ended while an event came in."""
    with tenancy.scope(actor.organisation_id):
        active = access.endpoints(actor.organisation_id).filter(state=WebhookEndpoint.State.ACTIVE)
        return [endpoint.id for endpoint in active if access.unrung(endpoint).exists()]


_AGAIN: Final[dict[str, Any]] = {"state": WebhookDispatch.State.WAITING, "tries": 0, "settled_at": None}


def _active(actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
    if endpoint.state != WebhookEndpoint.State.ACTIVE:
        raise Conflict("This endpoint stands still: resume it first", code="not_active")
    return endpoint


def _ids(rows: QuerySet[WebhookDispatch]) -> list[UUID]:
    return list(rows.order_by("id").values_list("id", flat=True)[:BATCH])
