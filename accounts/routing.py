"""Finding the organisation of a secret (key prefix, connection token, play link) before any of its rows can be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Route

API_KEY = "api_key"
CONNECTION = "connection"
MEMBERSHIP = "membership"
PLAYBACK = "playback"
PACKAGE = "package"


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
    rows = Route.objects.filter(kind=kind, digest=digest_of(secret)).order_by("id")
    return [Found(row.organisation_id, row.object_id) for row in rows]


def withdraw_routes(kind: str, *, object_id: UUID) -> int:
    """Forget every secret that led to this object."""
    return Route.objects.filter(kind=kind, object_id=object_id).delete()[0]


def organisations() -> list[UUID]:
    """Every organisation that has a member: what a sweep walks through, one scope each."""
    return list(Route.objects.filter(kind=MEMBERSHIP).values_list("organisation_id", flat=True).distinct())
