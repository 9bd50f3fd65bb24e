"""What every audited transaction sends, by the shortest road to the server: its beginning and two statements.

Django's cursor writes values into the text, and psycopg's goes through a generator for each message; together they
cost as much as the whole statement. So the statements are prepared once a connection and run by libpq itself. Where
`prepare_threshold` is None in the database's OPTIONS (a pooler that gives each transaction another connection) they
are sent whole, which any pooler carries.
"""

import weakref
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, pq

INSERT = b"INSERT INTO audit_inbox (id, organisation_id, clear, key_id, sealed) VALUES ($1, $2, $3, $4, $5)"
ANNOUNCE = b"SELECT set_config('app.entry', $1, true)"

_NAMES = {INSERT: b"callwarden_inbox", ANNOUNCE: b"callwarden_entry"}
_BINARY = {INSERT: [pq.Format.BINARY] * 5, ANNOUNCE: [pq.Format.BINARY]}
_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)

_prepared: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()


def run(connection: BaseDatabaseWrapper, statement: bytes, values: Sequence[bytes]) -> None:
    """Run one of the two in the connection's open transaction, with values in Postgres's binary form. Errors are
    Django's.
    """
    raw: psycopg.Connection[Any] = connection.connection
    if raw.prepare_threshold is None:
        result = raw.pgconn.exec_params(statement, values, param_formats=_BINARY[statement])
    else:
        if raw not in _prepared:
            _prepare(connection, raw)
        result = raw.pgconn.exec_prepared(_NAMES[statement], values, _BINARY[statement])
    if result.status not in _GOOD:
        _refuse(connection, raw, result)


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
    result = raw.pgconn.exec_(f"BEGIN; SELECT {chosen}".encode())
    if result.status not in _GOOD:
        _refuse(connection, raw, result)
    return True


def _prepare(connection: BaseDatabaseWrapper, raw: psycopg.Connection[Any]) -> None:
    for statement, name in _NAMES.items():
        result = raw.pgconn.prepare(name, statement)
        if result.status not in _GOOD:
            _refuse(connection, raw, result)
    _prepared.add(raw)


def _refuse(connection: BaseDatabaseWrapper, raw: psycopg.Connection[Any], result: Any) -> None:
    with connection.wrap_database_errors:
        raise errors.error_from_result(result, encoding=raw.info.encoding)
