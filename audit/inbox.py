"""What every audited transaction sends: its beginning and two statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import pq

from audit import wire

INSERT = wire.Statement(
    "INSERT INTO audit_inbox (id, organisation_id, clear, key_id, sealed) VALUES ($1, $2, $3, $4, $5)",
    (wire.BINARY,) * 5,
)
ANNOUNCE = wire.Statement("SELECT set_config('app.entry', $1, true)", (wire.BINARY,))


def begin(connection: BaseDatabaseWrapper, settings: Mapping[str, UUID]) -> bool:
    """Begin the transaction of an outermost atomic block with these settings, in one message where three were needed.

    The settings end with the transaction. False, and nothing was sent, where it has begun already or is to begin in a
    way of its own (an isolation level). Errors are Django's. The values are UUIDs, so there is nothing to quote.
    """
    raw: psycopg.Connection[Any] = connection.connection
    is_plain = raw.isolation_level is None and raw.read_only is None and raw.deferrable is None
    if not is_plain or raw.pgconn.transaction_status != pq.TransactionStatus.IDLE:
        return False
    chosen = ", ".join([f"set_config('{name}', '{value}', true)" for name, value in settings.items()])
    wire.send_text(connection, f"BEGIN; SELECT {chosen}")
    return True
