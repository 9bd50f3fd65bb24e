"""Endpoints: named, changed, halted, taken up again and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.connectors.refusals import FetchRefused
from compliance.errors import Conflict, Invalid
from compliance.outlet import access, catalogue, events, targets
from compliance.outlet.models import WebhookDispatch, WebhookEndpoint
from compliance.outlet.operations.noting import note
from compliance.outlet.operations.secrets import NewSecret, add_secret, forget_secrets

MOST_ENDPOINTS: Final = 20
MOST_PATTERNS: Final = 50
_State = WebhookEndpoint.State


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """Where to tell of what."""

    url: str = field(repr=False)
    event_types: Sequence[str]
    description: str = ""


def create_endpoint(*, actor: Actor, new: NewEndpoint) -> NewSecret:
    """Name an endpoint; its secret is told once. Raises Invalid, Conflict where there are too many."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        if access.endpoints(actor.organisation_id).count() >= MOST_ENDPOINTS:
            raise Conflict(f"There are {MOST_ENDPOINTS} endpoints already", code="too_many_endpoints")
        endpoint: WebhookEndpoint = WebhookEndpoint.objects.create(
            organisation_id=actor.organisation_id,
            url=_url(new.url),
            event_types=_patterns(new.event_types),
            description=new.description.strip(),
        )
        secret = add_secret(endpoint)
        _note_settings(actor, events.ENDPOINT_CREATED, endpoint)
    return NewSecret(endpoint, secret)


def change_endpoint(*, actor: Actor, endpoint_id: UUID, new: NewEndpoint) -> WebhookEndpoint:
    """Another address, other events or another description; replaces all three. What waits goes to the new address."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
        if new.url != endpoint.url:
            endpoint.url, endpoint.rests_until = _url(new.url), None
        endpoint.event_types, endpoint.description = _patterns(new.event_types), new.description.strip()
        endpoint.save(update_fields=["url", "event_types", "description", "rests_until"])
        _note_settings(actor, events.ENDPOINT_CHANGED, endpoint)
    return endpoint


def pause_endpoint(*, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send nothing until it is resumed. What happens meanwhile is kept for it."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
        if endpoint.state != _State.ACTIVE:
            raise Conflict("This endpoint stands still already", code="not_active")
        endpoint.state = _State.PAUSED
        endpoint.save(update_fields=["state"])
        note(actor, events.ENDPOINT_PAUSED, endpoint.id, {})
    return endpoint


def resume_endpoint(*, actor: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """Send again, what waits first. What was given up stays so until somebody asks for its redelivery."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
        if endpoint.state == _State.ACTIVE:
            raise Conflict("This endpoint is active", code="already_active")
        before, reason = endpoint.state, endpoint.reason
        endpoint.state, endpoint.reason, endpoint.failures = _State.ACTIVE, "", 0
        endpoint.failing_since = endpoint.rests_until = None
        endpoint.save(update_fields=["state", "reason", "failures", "failing_since", "rests_until"])
        note(actor, events.ENDPOINT_RESUMED, endpoint.id, {"from": before, "reason": reason or None})
        jobs.enqueue_on_commit("outlet.release_waiting", organisation_id=actor.organisation_id, object_id=endpoint.id)
    return endpoint


def remove_endpoint(*, actor: Actor, endpoint_id: UUID) -> None:
    """End an endpoint: address and secrets are forgotten, what waits is given up. Its log ends with its messages."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
        given_up = access.waiting(endpoint).update(
            state=WebhookDispatch.State.FAILED, last_code="endpoint_removed", settled_at=timezone.now()
        )
        forget_secrets(endpoint)
        url, endpoint.url, endpoint.state = endpoint.url, "", _State.REMOVED
        endpoint.save(update_fields=["url", "state"])
        note(actor, events.ENDPOINT_REMOVED, endpoint.id, {"given_up": given_up}, cls=log.EntryClass.DELETE, url=url)


def _note_settings(actor: Actor, event: str, endpoint: WebhookEndpoint) -> None:
    what: dict[str, str | int | bool | None] = {
        "patterns": len(endpoint.event_types),
        "events": len(catalogue.chosen(endpoint.event_types)),
    }
    note(
        actor, event, endpoint.id, what,
        url=endpoint.url, event_types=endpoint.event_types, description=endpoint.description,
    )  # fmt: skip


def _url(url: str) -> str:
    text = url.strip()
    if len(text) > targets.MOST_CHARACTERS:
        raise Invalid("This address is too long", errors={"url": [f"At most {targets.MOST_CHARACTERS} characters."]})
    try:
        targets.check(text, access.test_hosts())
    except FetchRefused as error:
        told = "An https address at a full public host name, without user or fragment."
        raise Invalid("Nothing can be sent to this address", errors={"url": [told]}) from error
    return text


def _patterns(patterns: Sequence[str]) -> list[str]:
    """The patterns, each once; each chooses at least one event."""
    found = list(dict.fromkeys(pattern.strip() for pattern in patterns))
    wrong = [pattern for pattern in found if not catalogue.is_pattern(pattern)]
    if not found or len(found) > MOST_PATTERNS or wrong:
        told = f"{wrong[0][:64]}: no event is called so." if wrong else f"1 to {MOST_PATTERNS} names of events."
        raise Invalid("These events cannot be told", errors={"event_types": [told]})
    return found
