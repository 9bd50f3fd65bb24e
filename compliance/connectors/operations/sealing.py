"""Secrets that are kept sealed: how a row gets its value, and how it loses it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from audit.ids import uuid7
from compliance.connectors import labels
from compliance.connectors.models import Connection, ConnectionSecret
from compliance.vault import scopes, store


def add_sealed(connection: Connection, use: ConnectionSecret.Use, name: str, value: bytes) -> ConnectionSecret:
    """A row that holds this value, sealed under the organisation."""
    id_, organisation_id = uuid7(), connection.organisation_id
    label = labels.secret_value(id_)
    sealed = store.seal_value(organisation_id, scopes.organisation(organisation_id), label, value)
    row: ConnectionSecret = ConnectionSecret.objects.create(
        id=id_, organisation_id=organisation_id, connection=connection, use=use, name=name, sealed_value=sealed
    )
    return row


def forget_named(connection: Connection, use: ConnectionSecret.Use, name: str) -> int:
    """End what was entered under this name before, and forget it; how many there were."""
    rows = ConnectionSecret.objects.for_organisation(connection.organisation_id)
    named = rows.filter(connection=connection, use=use, name=name, valid_until=None)
    return forget(connection, list(named.values_list("id", flat=True)))


def forget(connection: Connection, secret_ids: Sequence[UUID]) -> int:
    """End these secrets now and keep nothing of them but that they were; how many."""
    rows = ConnectionSecret.objects.for_organisation(connection.organisation_id).filter(id__in=secret_ids)
    return rows.update(valid_until=timezone.now(), sealed_value=None) if secret_ids else 0


def forget_ended(organisation_id: UUID) -> int:
    """Forget the values of secrets whose time is over; how many. A secret that opens nothing has no reason to be
    kept.
    """
    rows = ConnectionSecret.objects.for_organisation(organisation_id)
    return rows.filter(valid_until__lte=timezone.now()).exclude(sealed_value=None).update(sealed_value=None)
