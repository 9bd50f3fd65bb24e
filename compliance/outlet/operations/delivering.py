"""One try to deliver: read, POST outside any transaction, note.

What can go wrong: a lock is held while a receiver thinks; a worker dies between the POST and the note. Then nothing is
noted, the lease runs out and the message goes again, with the same id and the same bytes: delivered at least once.
A try is a row and no entry of the log: the event it tells of has its own entry, and what goes out identifies nobody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Max
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import NotFound
from compliance.outlet import access, events, ladder, signatures
from compliance.outlet.models import WebhookAttempt, WebhookDispatch, WebhookEndpoint
from compliance.outlet.operations.noting import note
from compliance.outlet.operations.secrets import open_secrets
from compliance.outlet.posting import Outcome, Poster

logger = structlog.get_logger(__name__)
_State = WebhookDispatch.State


@dataclass(frozen=True, slots=True)
class Later:
    """Not delivered yet: look again in so many seconds, for this reason."""

    code: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Try:
    """What is sent, and to where."""

    dispatch_id: UUID
    endpoint_id: UUID
    was_failing: bool
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def deliver_dispatch(*, actor: Actor, dispatch_id: UUID) -> Later | None:
    """Send a message to its endpoint once. None where nothing is left to do: delivered, given up, or standing still."""
    rights.require(actor, "outlet.manage")
    begun = timezone.now()
    with tenancy.scope(actor.organisation_id):
        ready = _prepare(actor.organisation_id, dispatch_id, begun)
    if not isinstance(ready, _Try):
        return ready
    outcome = Poster(test_hosts=access.test_hosts()).post(ready.url, ready.headers, ready.body)
    with tenancy.scope(actor.organisation_id):
        return _note(actor, ready, begun, outcome)


def _prepare(organisation_id: UUID, dispatch_id: UUID, now: datetime) -> _Try | Later | None:
    dispatch = access.dispatches(organisation_id).filter(id=dispatch_id).first()
    if dispatch is None:
        raise NotFound()
    endpoint, message = dispatch.endpoint, dispatch.message
    if dispatch.state != _State.WAITING or endpoint.state != WebhookEndpoint.State.ACTIVE:
        return None
    if endpoint.rests_until is not None and endpoint.rests_until > now:
        left = (endpoint.rests_until - now).total_seconds()
        return Later("endpoint_rests", ladder.wait_at_rest(left, random.random()))  # noqa: S311  # spreads work
    body = message.body.encode("ascii")
    headers = signatures.headers(open_secrets(endpoint), signatures.message_name(message.id), now, body)
    return _Try(dispatch.id, endpoint.id, endpoint.failures > 0, endpoint.url, headers, body)


def _note(actor: Actor, tried: _Try, begun: datetime, outcome: Outcome) -> Later | None:
    """The row of the try, and what it means for message and endpoint. The endpoint is locked first, as everywhere."""
    organisation_id = actor.organisation_id
    endpoint = None
    if tried.was_failing or not outcome.is_accepted:
        rows = access.endpoints(organisation_id).select_for_update(no_key=True)
        endpoint = rows.filter(id=tried.endpoint_id).first()
    dispatches = WebhookDispatch.objects.for_organisation(organisation_id).select_for_update(no_key=True)
    dispatch = dispatches.filter(id=tried.dispatch_id).first()
    if dispatch is None:  # pruned meanwhile
        return None
    last = access.attempts(organisation_id).filter(dispatch=dispatch).aggregate(Max("number"))["number__max"] or 0
    WebhookAttempt.objects.create(
        organisation_id=organisation_id,
        dispatch=dispatch,
        number=last + 1,
        at=begun,
        status_code=outcome.status,
        code=outcome.code,
        duration_ms=outcome.duration_ms,
    )
    later = _settle(dispatch, outcome)
    if endpoint is not None:
        _judge(actor, endpoint, outcome)
    if not outcome.is_accepted:
        logger.info("outlet.not_taken", dispatch=str(dispatch.id), code=outcome.code, status=outcome.status)
    return later


def _settle(dispatch: WebhookDispatch, outcome: Outcome) -> Later | None:
    if dispatch.state == _State.FAILED and not outcome.is_accepted:  # given up meanwhile: its endpoint was removed
        return None
    dispatch.last_code, wait = outcome.code, None
    if not outcome.is_accepted:
        dispatch.tries += 1
        chance = random.random()  # noqa: S311  # spreads work
        wait = None if outcome.is_gone else ladder.wait_after(dispatch.tries, chance, outcome.told_wait)
    if wait is None:
        dispatch.state = _State.DELIVERED if outcome.is_accepted else _State.FAILED
        dispatch.settled_at = timezone.now()
    dispatch.save(update_fields=["state", "tries", "last_code", "settled_at"])
    return None if wait is None else Later(outcome.code, wait)


def _judge(actor: Actor, endpoint: WebhookEndpoint, outcome: Outcome) -> None:
    """Success ends a row of failures. Enough of them, or a 410, end the endpoint, visibly."""
    now = timezone.now()
    if outcome.is_accepted:
        endpoint.failures, endpoint.failing_since, endpoint.rests_until = 0, None, None
    else:
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or now
        if outcome.is_tired:
            endpoint.rests_until = now + timedelta(seconds=outcome.told_wait or ladder.REST_SECONDS)
    endpoint.save(update_fields=["failures", "failing_since", "rests_until"])
    if endpoint.state != WebhookEndpoint.State.ACTIVE:
        return
    if outcome.is_gone:
        _disable(actor, endpoint, "gone")
    elif ladder.is_to_be_disabled(endpoint.failing_since, endpoint.failures, now):
        _disable(actor, endpoint, "failing")


def _disable(actor: Actor, endpoint: WebhookEndpoint, reason: str) -> None:
    with tenancy.operation(actor):
        endpoint.state, endpoint.reason = WebhookEndpoint.State.DISABLED, reason
        endpoint.save(update_fields=["state", "reason"])
        what: dict[str, str | int | bool | None] = {"reason": reason, "failures": endpoint.failures}
        note(actor, events.ENDPOINT_DISABLED, endpoint.id, what, cls=log.EntryClass.SYSTEM)
    logger.error("outlet.endpoint_disabled", endpoint=str(endpoint.id), reason=reason)
