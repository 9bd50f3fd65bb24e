"""Reads hostile JSON into checked values: the only way from a delivery's bytes to facts. Pure.

What can go wrong: nesting that exhausts the stack, numbers that exhaust the processor, names given twice (two readers,
two meanings), NaN, halves of surrogate pairs and NUL (which the database refuses later), values of another type.
Promise: all of it raises `Unparseable` with a stable code and the field's name, never its value, and nothing else.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

from compliance.connectors.providers.base import Unparseable

T = TypeVar("T")

_MAX_DEPTH = 32
_MAX_NUMBER_LENGTH = 24
MAX_ID = 200
MAX_NAME = 300
MAX_URL = 4_096
MAX_TEXT = 100_000

_BAD_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BAD_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d{1,9}))?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII
)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# Seconds since 1970 have ten digits and milliseconds thirteen in all the time between _EARLIEST and _LATEST.
_MILLISECONDS_FROM = 10**11
_LONGEST_CALL_SECONDS = 7 * 86_400.0


def read_object(raw_body: bytes) -> dict[str, Any]:
    """The body as one JSON object (RFC 8259, UTF-8) without duplicate names, NaN, deep nesting or broken text."""
    value = _read(raw_body)
    if not isinstance(value, dict):
        raise Unparseable("not_an_object")
    return value


def read_list(raw_body: bytes) -> list[Any]:
    """The body as one JSON array, as strictly as `read_object`."""
    value = _read(raw_body)
    if not isinstance(value, list):
        raise Unparseable("not_a_list")
    return value


def _read(raw_body: bytes) -> Any:
    try:
        text = raw_body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unparseable("not_utf8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_small_int,
            parse_float=_finite_float,
            parse_constant=_no_constant,
        )
    except RecursionError:
        raise Unparseable("too_deep") from None
    except ValueError:
        raise Unparseable("not_json") from None
    _check_tree(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Unparseable("duplicate_key")
    return value


def _small_int(digits: str) -> int:
    if len(digits) > _MAX_NUMBER_LENGTH:
        raise Unparseable("huge_number")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits) if len(digits) <= 4 * _MAX_NUMBER_LENGTH else float("inf")
    if value in (float("inf"), float("-inf")):
        raise Unparseable("huge_number")
    return value


def _no_constant(name: str) -> NoReturn:
    raise Unparseable("not_a_number")


def _check_tree(root: Any) -> None:
    """Depth and text of everything, without recursion; names count as text."""
    waiting: list[tuple[Any, int]] = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if _SURROGATE.search(value):
                raise Unparseable("lone_surrogate")
        elif isinstance(value, dict | list):
            if depth > _MAX_DEPTH:
                raise Unparseable("too_deep")
            waiting.extend((item, depth + 1) for item in value)
            if isinstance(value, dict):
                waiting.extend((item, depth + 1) for item in value.values())


class Fields:
    """One JSON object, read by field. Null, absent and "" all mean "not said"; a wrong type raises Unparseable.

    `notes` is shared by the objects of one delivery and collects codes of what had to be assumed.
    """

    def __init__(self, value: Mapping[str, Any], at: str, notes: set[str]) -> None:
        self._value = value
        self._at = at
        self.notes = notes

    def where(self, name: str) -> str:
        """The field's full name, for errors."""
        return f"{self._at}.{name}" if self._at else name

    def raw(self, name: str) -> Any:
        """The unchecked value; None when absent."""
        return self._value.get(name)

    def inner(self, name: str) -> "Fields":
        """The object under this name; an empty one where there is none."""
        value = self.raw(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise Unparseable("wrong_type", self.where(name))
        return Fields(value, self.where(name), self.notes)

    def entries(self, name: str, limit: int) -> list[Any]:
        """The list under this name, at most `limit` long; an empty one where there is none."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise Unparseable("wrong_type", self.where(name))
        if len(value) > limit:
            raise Unparseable("too_many", self.where(name))
        return value

    def if_readable(self, read: Callable[[str], T], name: str) -> T | None:
        """What `read` makes of the field; None and a note where it cannot. Only for what a call may lack without harm:
        everything that decides about rights or clocks is read strictly.
        """
        try:
            return read(name)
        except Unparseable:
            self.notes.add("optional_field_unreadable")
            return None

    def line(self, name: str, limit: int = MAX_NAME) -> str | None:
        """A text of one line without control characters."""
        value = self.text(name, limit)
        if value is None:
            return None
        if _BAD_IN_LINE.search(value):
            raise Unparseable("control_character", self.where(name))
        return value.strip() or None

    def identifier(self, name: str) -> str | None:
        """An outside id: one line, at most 200 characters."""
        return self.line(name, MAX_ID)

    def required_identifier(self, name: str) -> str:
        """As `identifier`, but it must be there."""
        value = self.identifier(name)
        if value is None:
            raise Unparseable("missing_field", self.where(name))
        return value

    def text(self, name: str, limit: int = MAX_TEXT) -> str | None:
        """Free text; tab, line feed and carriage return are its only control characters."""
        value = self.raw(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise Unparseable("wrong_type", self.where(name))
        if len(value) > limit:
            raise Unparseable("too_long", self.where(name))
        if _BAD_IN_TEXT.search(value):
            raise Unparseable("control_character", self.where(name))
        return value

    def count(self, name: str) -> int | None:
        """A whole number from 0 to 2^31 - 1."""
        value = self._number(name)
        if value is None:
            return None
        if value != int(value) or not 0 <= value < 2**31:
            raise Unparseable("out_of_range", self.where(name))
        return int(value)

    def seconds(self, name: str) -> float | None:
        """A length of time in seconds, at most a week."""
        value = self._number(name)
        if value is None:
            return None
        if not 0 <= value <= _LONGEST_CALL_SECONDS:
            raise Unparseable("out_of_range", self.where(name))
        return float(value)

    def moment(self, name: str) -> datetime | None:
        """A point in time as aware UTC: ISO 8601, or seconds or milliseconds since 1970.

        A time without zone is taken as UTC and noted, since refusing it would lose the call and its legal clock.
        """
        value = self.raw(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self._from_number(value, name)
        text = self.line(name)
        return None if text is None else self._from_text(text, name)

    def moment_or_offset(self, name: str) -> datetime | float | None:
        """As `moment`, but a number of at most a week is seconds from the start of the call."""
        value = self.raw(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and 0 <= value <= _LONGEST_CALL_SECONDS:
            return float(value)
        return self.moment(name)

    def _number(self, name: str) -> int | float | None:
        value = self.raw(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unparseable("wrong_type", self.where(name))
        return value

    def _from_number(self, value: int | float, name: str) -> datetime:
        seconds = value / 1000 if value >= _MILLISECONDS_FROM else value
        if not _EARLIEST.timestamp() <= seconds < _LATEST.timestamp():
            raise Unparseable("bad_time", self.where(name))
        return datetime.fromtimestamp(seconds, UTC)

    def _from_text(self, text: str, name: str) -> datetime:
        found = _TIME.fullmatch(text)
        if found is None:
            raise Unparseable("bad_time", self.where(name))
        day, clock, fraction, zone = found.groups()
        if zone is None:
            self.notes.add("naive_time_assumed_utc")
        zone = "+00:00" if zone in (None, "Z", "z") else zone
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unparseable("bad_time", self.where(name)) from None
        moment += timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))
        if not _EARLIEST <= moment < _LATEST:
            raise Unparseable("bad_time", self.where(name))
        return moment
