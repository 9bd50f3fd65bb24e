"""What messages are signed with: made here, shown once, sealed, and replaced without a gap."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit.ids import uuid7
from compliance.outlet import access, events, signatures
from compliance.outlet.models import WebhookEndpoint, WebhookSecret
from compliance.outlet.operations.noting import note
from compliance.vault import scopes, store

OVERLAP: Final = timedelta(hours=24)
MOST_SIGNING: Final = 2
"""Secrets that may sign at one time; a further rotation ends the oldest at once."""
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint and its fresh secret, which is told once."""

    endpoint: WebhookEndpoint
    secret: str = field(repr=False)


def rotate_secret(*, actor: Actor, endpoint_id: UUID, overlap: timedelta = OVERLAP) -> NewSecret:
    """A new secret; the one before signs beside it for the overlap (0: a leaked one ends now), then no more."""
    rights.require(actor, "outlet.manage")
    with tenancy.operation(actor):
        endpoint = access.endpoint_of(actor.organisation_id, endpoint_id, lock=True)
        _end_others(endpoint, overlap)
        secret = add_secret(endpoint)
        note(actor, events.SECRET_ROTATED, endpoint.id, {"overlap_seconds": int(overlap.total_seconds())})
    return NewSecret(endpoint, secret)


def add_secret(endpoint: WebhookEndpoint) -> str:
    """A fresh secret, sealed under the organisation; its text, told this once. In a transaction."""
    organisation_id, random, id_ = endpoint.organisation_id, os.urandom(_BYTES), uuid7()
    scope, label = scopes.organisation(organisation_id), access.secret_label(id_)
    WebhookSecret.objects.create(
        id=id_,
        organisation_id=organisation_id,
        endpoint=endpoint,
        sealed_value=store.seal_value(organisation_id, scope, label, random),
    )
    return signatures.secret_text(random)


def open_secrets(endpoint: WebhookEndpoint) -> list[bytes]:
    """The random bytes of the secrets that sign now. Opened anew each time: nothing is kept in memory."""
    rows = list(access.usable_secrets(endpoint))
    organisation_id = endpoint.organisation_id
    values = store.values_to_open(organisation_id, scopes.organisation(organisation_id))
    return [values.open(access.secret_label(row.id), bytes(row.sealed_value)) for row in rows if row.sealed_value]


def forget_secrets(endpoint: WebhookEndpoint, *, ended_only: bool = False) -> int:
    """Keep nothing of an endpoint's secrets, or of those whose time is over, but that they were; how many."""
    now = timezone.now()
    rows = WebhookSecret.objects.for_organisation(endpoint.organisation_id).filter(endpoint=endpoint)
    if ended_only:
        rows = rows.filter(valid_until__lte=now)
    return rows.exclude(sealed_value=None).update(sealed_value=None, valid_until=now)


def _end_others(endpoint: WebhookEndpoint, overlap: timedelta) -> None:
    """The secrets so far end with the overlap, or earlier where their end was set before."""
    end, usable = timezone.now() + overlap, access.usable_secrets(endpoint)
    staying = [row.id for row in usable[: MOST_SIGNING - 1]]
    ending = WebhookSecret.objects.for_organisation(endpoint.organisation_id).filter(endpoint=endpoint)
    ending.filter(id__in=staying, valid_until=None).update(valid_until=end)
    ending.filter(id__in=staying, valid_until__gt=end).update(valid_until=end)
    ending.exclude(id__in=staying).exclude(sealed_value=None).update(valid_until=timezone.now(), sealed_value=None)
