"""Doors to endpoints and messages, inside an organisation's scope. Absent and somebody else's look the same."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import access, due_work
from accounts.actors import Actor
from compliance.connectors.destinations import parse_test_hosts
from compliance.errors import NotFound
from compliance.outlet.models import (
    WebhookAttempt,
    WebhookDispatch,
    WebhookEndpoint,
    WebhookMessage,
    WebhookSecret,
)

DELIVER = "outlet.deliver"


def endpoints(organisation_id: UUID) -> QuerySet[WebhookEndpoint]:
    """Every endpoint that was not removed."""
    rows = WebhookEndpoint.objects.for_organisation(organisation_id)
    return rows.exclude(state=WebhookEndpoint.State.REMOVED)


def endpoint_for(actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """The actor's endpoint of this id."""
    access.require(actor, "outlet.read")
    return endpoint_of(actor.organisation_id, endpoint_id)


def endpoint_of(organisation_id: UUID, endpoint_id: UUID, *, lock: bool = False) -> WebhookEndpoint:
    """The organisation's endpoint of this id, for callers that asked for their rights already."""
    rows = endpoints(organisation_id)
    # A weak lock: whoever announces an event refers to the row, and must not wait for a person's change of it.
    found: WebhookEndpoint | None = (
        (rows.select_for_update(no_key=True) if lock else rows).filter(id=endpoint_id).first()
    )
    if found is None:
        raise NotFound()
    return found


def usable_secrets(endpoint: WebhookEndpoint) -> QuerySet[WebhookSecret]:
    """The secrets that sign now, newest first."""
    rows = WebhookSecret.objects.for_organisation(endpoint.organisation_id).filter(endpoint=endpoint)
    now = timezone.now()
    return rows.filter(Q(valid_until=None) | Q(valid_until__gt=now)).order_by("-valid_from", "-id")


def messages(organisation_id: UUID) -> QuerySet[WebhookMessage]:
    """Every message that is still kept."""
    return WebhookMessage.objects.for_organisation(organisation_id)


def message_for(actor: Actor, message_id: UUID) -> WebhookMessage:
    """The actor's message of this id."""
    access.require(actor, "outlet.read")
    return message_of(actor.organisation_id, message_id)


def message_of(organisation_id: UUID, message_id: UUID) -> WebhookMessage:
    """The organisation's message of this id, for callers that asked for their rights already."""
    found = messages(organisation_id).filter(id=message_id).first()
    if found is None:
        raise NotFound()
    return found


def dispatches(organisation_id: UUID) -> QuerySet[WebhookDispatch]:
    """Every message's way to every endpoint, with when it is tried next."""
    rows = WebhookDispatch.objects.for_organisation(organisation_id).select_related("message", "endpoint")
    return rows.annotate(next_try_at=due_work.next_run(DELIVER))


def attempts(organisation_id: UUID) -> QuerySet[WebhookAttempt]:
    """Every try."""
    return WebhookAttempt.objects.for_organisation(organisation_id).select_related("dispatch")


def waiting(endpoint: WebhookEndpoint) -> QuerySet[WebhookDispatch]:
    """What is due to an endpoint."""
    rows = WebhookDispatch.objects.for_organisation(endpoint.organisation_id)
    return rows.filter(endpoint=endpoint, state=WebhookDispatch.State.WAITING)


def unrung(endpoint: WebhookEndpoint) -> QuerySet[WebhookDispatch]:
    """What is due to an endpoint and that no job works at: it came while the endpoint stood still."""
    return waiting(endpoint).annotate(next_try_at=due_work.next_run(DELIVER)).filter(next_try_at=None)


def secret_label(secret_id: UUID) -> str:
    """Where a secret's value is sealed for."""
    return f"outlet_webhooksecret.value/{secret_id}"


def test_hosts() -> frozenset[str]:
    """This machine's own hosts that may be endpoints; none in production."""
    return parse_test_hosts(",".join(settings.FETCH_TEST_HOSTS))
