"""What every delivery asks before it is believed: where its address leads, and what proves it there.

Each is one question to the database, by the shortest road. Nothing is remembered between two deliveries: a connection
that is paused and a secret that is withdrawn count from their commit on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from accounts import routing
from audit import forms, wire
from compliance.connectors import labels
from compliance.connectors.providers.base import Secret, TokenPlace
from compliance.errors import NotFound
from compliance.vault import scopes, store

_RECEIVING = wire.Statement(
    """SELECT c.platform, c.state, c.options::text, c.last_delivery_at,
              s.id, s.digest, s.sealed_value, s.place, s.valid_from, s.valid_until
         FROM connectors_connection c
         LEFT JOIN connectors_connectionsecret s
           ON s.organisation_id = c.organisation_id AND s.connection_id = c.id AND s.use = 'webhook'
              AND (s.valid_until IS NULL OR s.valid_until > $3)
        WHERE c.organisation_id = $1 AND c.id = $2
        ORDER BY s.valid_from""",
    (wire.BINARY, wire.BINARY, wire.TEXT),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a webhook address leads."""

    organisation_id: UUID
    connection_id: UUID
    platform: str


@dataclass(frozen=True, slots=True)
class Receiver:
    """A connection as a delivery finds it. `secrets` is one, or more while one is being replaced."""

    id: UUID
    organisation_id: UUID
    platform: str
    state: str
    options: dict[str, str]
    last_delivery_at: datetime | None
    secrets: list[Secret] = field(repr=False)


class Kept(NamedTuple):
    """What a secret's row keeps: a digest, or the value itself, sealed."""

    id: UUID
    digest: bytes | None
    sealed: bytes | None


def connection_at(platform: str, address: str) -> Reached | None:
    """Where a webhook address leads, before the organisation is known. None for every kind of wrong address."""
    found = routing.resolve_route(routing.CONNECTION, route_of(platform, address))
    return Reached(found.organisation_id, found.object_id, platform) if found else None


def route_of(platform: str, address: str) -> str:
    """What the routing table knows the address by: under another platform's name it leads nowhere."""
    return f"{platform}/{address}"


def receiver(organisation_id: UUID, connection_id: UUID) -> Receiver:
    """A connection and what a delivery may prove itself with now, in the organisation's scope. Raises NotFound."""
    values = (organisation_id.bytes, connection_id.bytes, forms.time(timezone.now()))
    rows = wire.rows(database, _RECEIVING, values)
    if not rows:
        raise NotFound()
    platform, state, options, last_delivery_at = rows[0][:4]
    return Receiver(
        id=connection_id,
        organisation_id=organisation_id,
        platform=forms.words_of(platform),
        state=forms.words_of(state),
        options=json.loads(options or b"{}"),
        last_delivery_at=forms.time_of(last_delivery_at),
        secrets=_secrets(organisation_id, [row[4:] for row in rows if row[4] is not None]),
    )


def opened(organisation_id: UUID, kept: Sequence[Kept]) -> list[bytes]:
    """What the rows hold: a digest as it is, a sealed value opened, all of them after one check. Opened anew each
    time: nothing is kept in memory.
    """
    if not any(one.sealed is not None for one in kept):
        return [one.digest or b"" for one in kept]
    values = store.values_to_open(organisation_id, scopes.organisation(organisation_id))
    return [
        one.digest or b"" if one.sealed is None else values.open(labels.secret_value(one.id), one.sealed)
        for one in kept
    ]


def _secrets(organisation_id: UUID, rows: Sequence[tuple[wire.Value, ...]]) -> list[Secret]:
    kept = [Kept(UUID(bytes=id_), digest, sealed) for id_, digest, sealed, *_ in rows]
    return [
        Secret(value, TokenPlace(forms.words_of(place)), forms.time_of(valid_from), forms.time_of(valid_until))
        for value, (*_, place, valid_from, valid_until) in zip(opened(organisation_id, kept), rows, strict=True)
    ]
