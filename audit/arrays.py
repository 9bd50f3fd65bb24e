"""Many rows in one INSERT: columns as Postgres binary arrays, unnested by the server.

COPY would be the natural way, but Postgres refuses it on a table with row security. Arrays that are put together
here, column by column, cost less than any adapter would; `INSERT … SELECT … FROM unnest(…)` checks the rows like any
other.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, pq

_HEADER = struct.Struct(">iiIii")
_SIZE = struct.Struct(">i")
_NULL = b"\xff\xff\xff\xff"
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Column(NamedTuple):
    """One column of a batch: its name, the type of its elements, and the array's bytes."""

    name: str
    type: str
    data: bytes


def uuids(name: str, values: Sequence[bytes | None]) -> Column:
    """UUIDs by their 16 bytes."""
    return Column(name, "uuid", _array(2950, values))


def ids(name: str, values: Sequence[bytes]) -> Column:
    """UUIDs of which none is missing."""
    return Column(name, "uuid", _fixed(2950, 16, values))


def texts(name: str, values: Sequence[bytes]) -> Column:
    """Text by its UTF-8 bytes."""
    return Column(name, "text", _array(25, values))


def blobs(name: str, values: Sequence[bytes]) -> Column:
    """Bytes."""
    return Column(name, "bytea", _array(17, values))


def integers(name: str, values: Sequence[int]) -> Column:
    """Whole numbers of 64 bits."""
    return Column(name, "bigint", _fixed(20, 8, [value.to_bytes(8, "big", signed=True) for value in values]))


def times(name: str, values: Sequence[datetime]) -> Column:
    """Aware times, to the microsecond."""
    return Column(name, "timestamptz", _fixed(1184, 8, [_microseconds(value) for value in values]))


def insert(raw: psycopg.Connection[Any], table: str, columns: Sequence[Column], suffix: str = "") -> None:
    """Insert a batch in the connection's open transaction. Raises psycopg's errors."""
    names = ", ".join(column.name for column in columns)
    places = ", ".join(f"${i}::{column.type}[]" for i, column in enumerate(columns, 1))
    query = f"INSERT INTO {table} ({names}) SELECT * FROM unnest({places}) {suffix}"  # noqa: S608 (constant names)
    result = raw.pgconn.exec_params(
        query.encode(), [column.data for column in columns], param_formats=[pq.Format.BINARY] * len(columns)
    )
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise errors.error_from_result(result, encoding=raw.info.encoding)


def _array(oid: int, values: Sequence[bytes | None]) -> bytes:
    if None in values:
        parts = [_NULL if value is None else _sized(value) for value in values]
        return _HEADER.pack(1, 1, oid, len(values), 1) + b"".join(parts)
    return _HEADER.pack(1, 0, oid, len(values), 1) + b"".join([_sized(value) for value in values if value is not None])


def _fixed(oid: int, size: int, values: Sequence[bytes]) -> bytes:
    """All values have one size, so one join puts the same length before each."""
    length = _SIZE.pack(size)
    return _HEADER.pack(1, 0, oid, len(values), 1) + length + length.join(values)


def _sized(value: bytes) -> bytes:
    return _SIZE.pack(len(value)) + value


def _microseconds(value: datetime) -> bytes:
    since = value - _POSTGRES_EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds).to_bytes(8, "big", signed=True)
