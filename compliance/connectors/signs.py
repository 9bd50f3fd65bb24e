"""The signs that connections give, read for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from compliance.connectors import access, health
from compliance.connectors.health import Counts, Health, Signs, Span
from compliance.connectors.models import Connection, ConnectionSecret
from compliance.connectors.providers import registry


def health_of(connection: Connection) -> Health:
    """One connection's health now."""
    return healths(connection.organisation_id, [connection])[connection.id]


def healths(organisation_id: UUID, connections: Iterable[Connection]) -> dict[UUID, Health]:
    """The health of these connections of one organisation now."""
    rows, now = list(connections), timezone.now()
    ids = [row.id for row in rows]
    counts, spans = health.counts(organisation_id, ids), _spans(organisation_id, ids)
    return {row.id: health.judge(_signs(row, spans[row.id], counts.get(row.id, Counts())), now) for row in rows}


def _spans(organisation_id: UUID, connection_ids: list[UUID]) -> dict[UUID, list[Span]]:
    rows = access.usable_secrets(organisation_id).filter(
        connection_id__in=connection_ids, use=ConnectionSecret.Use.WEBHOOK
    )
    spans: dict[UUID, list[Span]] = defaultdict(list)
    for connection_id, begun, ended in rows.values_list("connection_id", "valid_from", "valid_until"):
        spans[connection_id].append(Span(begun, ended))
    return spans


def _signs(row: Connection, secrets: list[Span], counts: Counts) -> Signs:
    return Signs(
        is_active=row.state == Connection.State.ACTIVE,
        created_at=row.created_at,
        secrets=tuple(secrets),
        last_delivery_at=row.last_delivery_at,
        quiet_hours=row.quiet_hours,
        denied=row.denied,
        last_denied_at=row.last_denied_at,
        is_polled=_is_polled(row),
        last_poll_at=row.last_poll_at,
        last_poll_code=row.last_poll_code,
        counts=counts,
    )


def _is_polled(row: Connection) -> bool:
    """Whether calls are asked for by a list: from the first time on that somebody did."""
    api = registry.provider_for(row.platform).api
    return api is not None and api.lists_calls and row.last_poll_at is not None
