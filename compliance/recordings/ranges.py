"""Byte ranges of HTTP (RFC 9110 §14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE = re.compile(r"(\d{0,18})-(\d{0,18})", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies outside the content: answer 416 with `bytes */size`."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Half-open, inside the content."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def whole(size: int) -> ByteRange:
    """Everything."""
    return ByteRange(0, size)


def read(header: str | None, size: int, *, open_ended_limit: int) -> ByteRange | None:
    """What a `Range` header asks for, or None where everything is to be sent.

    Everything is sent for no header, another unit, several ranges, and what is not a range at all (§14.2: such a
    header is ignored). `bytes=N-` names no end, so it gets at most `open_ended_limit` bytes; the client asks on.
    Raises Unsatisfiable.
    """
    unit, equals, asked = (header or "").partition("=")
    found = _ONE.fullmatch(asked.strip()) if equals and unit.strip().lower() == "bytes" else None
    if found is None or found.group() == "-":
        return None
    first, last = found.groups()
    if not first:
        return _suffix(int(last), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    stop = int(last) + 1 if last else start + open_ended_limit
    return ByteRange(start, min(stop, size))


def _suffix(length: int, size: int) -> ByteRange:
    if length == 0 or size == 0:
        raise Unsatisfiable
    return ByteRange(max(0, size - length), size)
