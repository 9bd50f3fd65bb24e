"""Reads hostile forms (application/x-www-form-urlencoded) under the same rules as `payloads` reads JSON. Pure.

What can go wrong: thousands of fields, a name given twice (two readers, two meanings), broken escapes that two readers
repair differently, bytes that are no UTF-8. Promise: all of it raises `Unparseable` with a stable code and the field's
name, never its value, and nothing else.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields

_MAX_FIELDS = 200
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
# RFC 2822 as today's programs write it: its parser in the library would read the year 1 as 2001.
_MAIL_TIME = re.compile(
    r"(?:[A-Za-z]{3}, ?)?[0-9]{1,2} [A-Za-z]{3} (?:19|20)[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? "
    r"(?:[+-][0-9]{4}|GMT|UTC?|Z)",
    re.ASCII,
)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def pairs(raw_body: bytes) -> tuple[tuple[str, str], ...]:
    """The names and values in their order, decoded, empty values kept."""
    if not raw_body:
        return ()
    if raw_body.count(b"&") >= _MAX_FIELDS:
        raise Unparseable("too_many")
    found = []
    for part in raw_body.split(b"&"):
        name, _, value = part.partition(b"=")
        if part:
            found.append((_decoded(name), _decoded(value)))
    return tuple(found)


def read_form(raw_body: bytes) -> dict[str, str]:
    """The form as one value a name. An empty body has no fields, and no form begins like a page or like JSON."""
    if raw_body.lstrip()[:1] in (b"<", b"{", b"["):
        raise Unparseable("not_a_form")
    found = pairs(raw_body)
    form = dict(found)
    if len(form) != len(found):
        raise Unparseable("duplicate_key")
    return form


def _decoded(text: bytes) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise Unparseable("bad_escape")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Unparseable("not_utf8") from None


def whole_number(fields: Fields, name: str) -> int | None:
    """A number that is written as text in forms and, by some platforms, in JSON as well; None when not said."""
    if not isinstance(fields.raw(name), str):
        return fields.count(name)
    text = fields.line(name)
    if text is None:
        return None
    if not _DIGITS.fullmatch(text):
        raise Unparseable("wrong_type", fields.where(name))
    return int(text)


def whole_seconds(fields: Fields, name: str) -> float | None:
    """The same as a length of time, at most a week."""
    value = whole_number(fields, name)
    return None if value is None else Fields({name: value}, fields.where("")[:-1], fields.notes).seconds(name)


def mail_moment(fields: Fields, name: str) -> datetime | None:
    """A point in time as mail writes it (RFC 2822, `Mon, 02 Mar 2026 17:04:10 +0000`), as aware UTC."""
    text = fields.line(name)
    if text is None:
        return None
    if not _MAIL_TIME.fullmatch(text):
        raise Unparseable("bad_time", fields.where(name))
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # by RFC 2822, -0000: the time is UTC, the place unknown
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        raise Unparseable("bad_time", fields.where(name)) from None
    if not _EARLIEST <= moment < _LATEST:
        raise Unparseable("bad_time", fields.where(name))
    return moment
