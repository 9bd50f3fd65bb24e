"""What the `data` of an event may hold: ids, codes, dates, counts, and nothing else. Pure.

What can go wrong: an event carries a name, a number or somebody's words out of the house, or the same event has other
fields tomorrow. So every event has one closed schema, and what does not fit it is never announced.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

Told = str | int | bool | list[str] | None
"""A value as it stands in the JSON."""

_CODE = re.compile(r"[a-z0-9][a-z0-9_.:+-]{0,63}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_CODES: Final = 100


class BadEvent(ValueError):
    """Not an event of the catalogue, or not its fields. Always a bug of whoever announces it."""


class Kind(StrEnum):
    """What a field may hold."""

    ID = "id"
    CODE = "code"
    CODES = "list of codes"
    DATE = "date"
    COUNT = "count"
    FLAG = "true or false"
    DIGEST = "SHA-256 in hex"


@dataclass(frozen=True, slots=True)
class Field:
    """One member of an event's `data`. An optional one is null where there is nothing to tell, and never left out."""

    name: str
    kind: Kind
    text: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event: its name, what it says, and what its `data` holds."""

    name: str
    text: str
    fields: tuple[Field, ...]


def told_data(event: EventType, data: Mapping[str, object]) -> dict[str, Told]:
    """`data` as it stands in the JSON: every field of the schema, in its order. Raises BadEvent."""
    unknown = sorted(data.keys() - {one.name for one in event.fields})
    if unknown:
        raise BadEvent(f"{event.name} has no field {unknown[0]}")
    return {one.name: _told(event, one, data.get(one.name)) for one in event.fields}


def _told(event: EventType, one: Field, value: object) -> Told:
    if value is None and one.is_optional:
        return None
    told = _READERS[one.kind](value)
    if told is None:
        raise BadEvent(f"{event.name}.{one.name} does not hold what it should ({one.kind})")
    return told


def _id(value: object) -> str | None:
    return str(value) if isinstance(value, UUID) else None


def _code(value: object) -> str | None:
    return str(value) if isinstance(value, str) and _CODE.fullmatch(value) else None


def _codes(value: object) -> list[str] | None:
    if not isinstance(value, list | tuple) or len(value) > _MOST_CODES:
        return None
    codes = [_code(one) for one in value]
    return None if None in codes else [code for code in codes if code is not None]


def _date(value: object) -> str | None:
    return value.isoformat() if isinstance(value, date) and not isinstance(value, datetime) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _digest(value: object) -> str | None:
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else None


_READERS: Final = {
    Kind.ID: _id,
    Kind.CODE: _code,
    Kind.CODES: _codes,
    Kind.DATE: _date,
    Kind.COUNT: _count,
    Kind.FLAG: _flag,
    Kind.DIGEST: _digest,
}
