"""Values in Postgres's own forms: what goes in as text, and what comes out in binary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def number(value: int) -> bytes:
    """A whole number, as TEXT."""
    return b"%d" % value


def array(values: Iterable[int | UUID]) -> bytes:
    """Numbers or ids, as TEXT."""
    return f"{{{','.join(map(str, values))}}}".encode()


def time(value: datetime) -> bytes:
    """A moment, as TEXT."""
    return value.isoformat().encode()


def number_of(value: bytes | None) -> int:
    """A whole number in its binary form."""
    return int.from_bytes(value or b"", "big", signed=True)


def words_of(value: bytes | None) -> str:
    """A text, in either form; empty where there is none."""
    return "" if value is None else value.decode()


def time_of(value: bytes | None) -> datetime | None:
    """A moment in its binary form: microseconds since the year 2000."""
    return None if value is None else _EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))
