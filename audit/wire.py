"""Statements that every delivery or every entry sends, by the shortest road to the server.

Django's cursor writes values into the text, and psycopg's goes through a generator for each message; together they
cost as much as the whole statement. So these statements are prepared once a connection and run by libpq itself. Where
`prepare_threshold` is None in the database's OPTIONS (a pooler that gives each transaction another connection) they
are sent whole, which any pooler carries.

Values are bytes in Postgres's own forms (`audit.forms`), and errors are Django's.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, pq

Value = bytes | None
BINARY, TEXT = pq.Format.BINARY, pq.Format.TEXT

_GOOD = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
_IDLE = pq.TransactionStatus.IDLE
_PLACE = re.compile(r"\$(\d+)")

_prepared: weakref.WeakKeyDictionary[psycopg.Connection[Any], set[bytes]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement with its values' places as $1, $2, …, and the form of each value."""

    sql: str
    formats: tuple[pq.Format, ...]
    name: bytes = field(init=False)
    text: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.sql.encode())
        object.__setattr__(self, "name", b"callwarden_" + sha256(self.text).hexdigest()[:24].encode())


class _Held:
    """What a block has to send at its end, and how deep in savepoints it began."""

    __slots__ = ("depth", "statements", "values")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.statements: list[Statement] = []
        self.values: list[Value] = []

    def send(self, connection: BaseDatabaseWrapper) -> None:
        """Send what was held so far."""
        if self.statements:
            send(connection, _joined(tuple(self.statements)), self.values)
            self.statements, self.values = [], []


def run(connection: BaseDatabaseWrapper, statement: Statement, values: Sequence[Value]) -> None:
    """Run a statement that gives nothing back: now, or at the end of a block of `together`."""
    held: _Held | None = getattr(connection, "callwarden_held", None)
    if held is None or len(connection.savepoint_ids) != held.depth:  # a savepoint may yet take it back
        send(connection, statement, values)
        return
    if statement in held.statements:  # joined with itself it could not see the row that it has made
        held.send(connection)
    held.statements.append(statement)
    held.values += values


def rows(connection: BaseDatabaseWrapper, statement: Statement, values: Sequence[Value]) -> list[tuple[Value, ...]]:
    """The rows of a statement, each value in its binary form."""
    result = send(connection, statement, values)
    columns = range(result.nfields)
    return [tuple([result.get_value(row, column) for column in columns]) for row in range(result.ntuples)]


@contextmanager
def together(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Statements of this block that give nothing back go to the server as one, when it ends.

    They stand or fall together in any case, in the caller's transaction. Nothing in the block may read what another
    statement of it writes.
    """
    if getattr(connection, "callwarden_held", None) is not None:
        yield
        return
    held = _Held(len(connection.savepoint_ids))
    connection.callwarden_held = held  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connection.callwarden_held = None  # type: ignore[attr-defined]
    held.send(connection)


def send(connection: BaseDatabaseWrapper, statement: Statement, values: Sequence[Value]) -> Any:
    """Run a statement now; libpq's result of it."""
    if not connection.in_atomic_block:
        # As Django's cursor does with the first statement of a request; a transaction has done so at its beginning.
        connection.close_if_health_check_failed()
        connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    server: Any = raw.pgconn  # its types know no NULL
    with connection.wrap_database_errors:
        if not raw.autocommit and server.transaction_status == _IDLE:
            raw.execute("SELECT 1")  # psycopg sends BEGIN with the first statement that it sees, and this is none
        if raw.prepare_threshold is None:
            result = server.exec_params(statement.text, values, None, statement.formats, BINARY)
        else:
            _prepare(raw, statement)
            result = server.exec_prepared(statement.name, values, statement.formats, BINARY)
        _refuse_bad(raw, result)
    return result


def send_text(connection: BaseDatabaseWrapper, text: str) -> None:
    """Run statements without values, in one message."""
    raw: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors:
        _refuse_bad(raw, raw.pgconn.exec_(text.encode()))


@lru_cache(maxsize=256)
def _joined(statements: tuple[Statement, ...]) -> Statement:
    """One statement that does what these do."""
    parts: list[str] = []
    formats: tuple[pq.Format, ...] = ()
    for one in statements:
        parts.append(_moved(one.sql, len(formats)))
        formats += one.formats
    *first, last = parts
    written = ", ".join(f"part_{place} AS ({part})" for place, part in enumerate(first))
    return Statement(f"WITH {written} {last}" if written else last, formats)


def _moved(sql: str, by: int) -> str:
    return _PLACE.sub(lambda place: f"${int(place[1]) + by}", sql)


def _prepare(raw: psycopg.Connection[Any], statement: Statement) -> None:
    known = _prepared.get(raw)
    if known is None:
        known = _prepared[raw] = set()
    if statement.name not in known:
        _refuse_bad(raw, raw.pgconn.prepare(statement.name, statement.text))
        known.add(statement.name)


def _refuse_bad(raw: psycopg.Connection[Any], result: Any) -> None:
    if result.status not in _GOOD:
        raise errors.error_from_result(result, encoding=raw.info.encoding)
