"""Forgetting: messages with all their tries after thirty days, and secrets whose time is over."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.outlet import access, events
from compliance.outlet.models import WebhookAttempt, WebhookDispatch
from compliance.outlet.operations.announcing import miss
from compliance.outlet.operations.noting import note
from compliance.outlet.operations.secrets import forget_secrets

KEPT: Final = timedelta(days=30)
BATCH: Final = 500


def prune_messages(*, actor: Actor) -> int:
    """Delete the oldest messages over thirty days, at most a batch; how many. What was never delivered is missed."""
    rights.require(actor, "outlet.manage")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        rows = access.messages(organisation_id).filter(created_at__lt=timezone.now() - KEPT).order_by("created_at")
        ids = list(rows.values_list("id", flat=True)[:BATCH])
        if not ids:
            return 0
        dispatches = WebhookDispatch.objects.for_organisation(organisation_id).filter(message_id__in=ids)
        waiting = dispatches.filter(state=WebhookDispatch.State.WAITING)
        _give_up(actor, list(waiting.values_list("endpoint_id", flat=True)))
        WebhookAttempt.objects.for_organisation(organisation_id).filter(dispatch__in=dispatches).delete()
        dispatches.delete()
        access.messages(organisation_id).filter(id__in=ids).delete()
        note(actor, events.MESSAGES_PRUNED, None, {"messages": len(ids)}, cls=log.EntryClass.DELETE)
    return len(ids)


def forget_ended_secrets(*, actor: Actor) -> int:
    """Forget the values of secrets that sign nothing any more; how many. Their rotation is an entry already."""
    rights.require(actor, "outlet.manage")
    with tenancy.scope(actor.organisation_id):
        found = access.endpoints(actor.organisation_id)
        return sum(forget_secrets(endpoint, ended_only=True) for endpoint in found)


def _give_up(actor: Actor, endpoint_ids: list[UUID]) -> None:
    counts = Counter(endpoint_ids)
    for endpoint in access.endpoints(actor.organisation_id).filter(id__in=counts):
        miss(actor=actor, endpoint=endpoint, count=counts[endpoint.id])
