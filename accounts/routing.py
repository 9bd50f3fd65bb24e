"""Finding the organisation of a secret (key prefix, connection token, play link) before any of its rows can be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from accounts.models import Route
from audit import wire

API_KEY = "api_key"
CONNECTION = "connection"
MEMBERSHIP = "membership"
PLAYBACK = "playback"
PACKAGE = "package"


# Asked by every request from outside, before anything else is known of it.
_ROUTES = wire.Statement(
    "SELECT organisation_id, object_id FROM accounts_route WHERE kind = $1 AND digest = $2 ORDER BY id",
    (wire.TEXT, wire.BINARY),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a secret leads."""

    organisation_id: UUID
    object_id: UUID


def digest_of(secret: str) -> bytes:
    """SHA-256 of a secret; the secret itself is stored nowhere."""
    return hashlib.sha256(secret.encode()).digest()


def publish_route(kind: str, secret: str, *, organisation_id: UUID, object_id: UUID) -> None:
    """Make an object findable by its secret. Publishing the same route again changes nothing."""
    Route.objects.get_or_create(
        kind=kind, digest=digest_of(secret), organisation_id=organisation_id, defaults={"object_id": object_id}
    )


def resolve_route(kind: str, secret: str) -> Found | None:
    """The one place that a secret leads to, or nothing."""
    found = resolve_routes(kind, secret)
    return found[0] if found else None


def resolve_routes(kind: str, secret: str) -> list[Found]:
    """Every place that a digest leads to (a person may belong to several organisations)."""
    rows = wire.rows(connection, _ROUTES, (kind.encode(), digest_of(secret)))
    return [Found(UUID(bytes=organisation_id), UUID(bytes=object_id)) for organisation_id, object_id in rows]


def withdraw_routes(kind: str, *, object_id: UUID) -> int:
    """Forget every secret that led to this object."""
    return Route.objects.filter(kind=kind, object_id=object_id).delete()[0]


def organisations() -> list[UUID]:
    """Every organisation that has a member: what a sweep walks through, one scope each."""
    return list(Route.objects.filter(kind=MEMBERSHIP).values_list("organisation_id", flat=True).distinct())
