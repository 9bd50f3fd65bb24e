"""Idempotency-Key: the same write asked for twice is done once and answered twice.

Kept are digests, the status and the id of what the write made; the answer is rendered again from the row, so that no
copy of personal data lies here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import Conflict, Invalid
from accounts.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)


class KeyReused(Conflict):
    """The same key with another request."""

    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"


@dataclass(frozen=True, slots=True)
class Asked:
    """One write with its key, as digests."""

    actor: Actor
    key: bytes
    request: bytes


def read(actor: Actor, key: str, *, method: str, path: str, body: bytes) -> Asked:
    """The digests of a keyed write. A key has 1 to 255 visible characters."""
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid("Idempotency-Key must have 1 to 255 printable characters", code="idempotency_key_invalid")
    request = hashlib.sha256(b"\0".join([method.encode(), path.encode(), body])).digest()
    return Asked(actor, hashlib.sha256(key.encode()).digest(), request)


def earlier(asked: Asked) -> tuple[int, UUID | None] | None:
    """(status, resource) of the same write done before; KeyReused where the key stood for another one."""
    rows = IdempotencyRecord.objects.for_organisation(asked.actor.organisation_id)
    row = rows.filter(
        actor=asked.actor.reference, key_digest=asked.key, created_at__gt=timezone.now() - KEPT_FOR
    ).first()
    if row is None:
        return None
    if bytes(row.request_digest) != asked.request:
        raise KeyReused()
    return row.status, row.resource_id


def remember(asked: Asked, *, status: int, resource_id: UUID | None) -> None:
    """Note what the write did, in the write's own transaction. Of two at once, one fails as a conflict and changes
    nothing.
    """
    rows = IdempotencyRecord.objects.for_organisation(asked.actor.organisation_id)
    rows.filter(actor=asked.actor.reference, key_digest=asked.key, created_at__lte=timezone.now() - KEPT_FOR).delete()
    try:
        with transaction.atomic():
            IdempotencyRecord.objects.create(
                organisation_id=asked.actor.organisation_id,
                actor=asked.actor.reference,
                key_digest=asked.key,
                request_digest=asked.request,
                status=status,
                resource_id=resource_id,
            )
    except IntegrityError as error:
        raise Conflict(
            "The same request is being answered right now; try again", code="idempotency_in_flight"
        ) from error


def forget_old(organisation_id: UUID) -> int:
    """Drop records past their day."""
    rows = IdempotencyRecord.objects.for_organisation(organisation_id)
    return rows.filter(created_at__lte=timezone.now() - KEPT_FOR).delete()[0]
