"""Strict text forms that notes, proofs, leaves and statements share: one spelling for one value.

A second spelling of the same value (loose base64, `+1`, `007`, a doubled JSON key) would let two programs read two
things from the same signed bytes, so each form is refused unless it is the one that a writer of ours would write.
"""

import binascii
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from audit.tlog.errors import FormatError

JSON: TypeAlias = str | int | float | bool | Sequence["JSON"] | Mapping[str, "JSON"] | None

MAX_INTEGER = 2**53 - 1
"""The greatest integer that every JSON reader keeps exactly (RFC 8785 §3.2.2.3, I-JSON)."""

MAX_DEPTH = 32

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_URL_UNSAFE = str.maketrans("-_", "+/")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def to_base64(data: bytes) -> str:
    """RFC 4648 §4, padded."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(text: str, *, length: int | None = None) -> bytes:
    """The bytes of padded base64 in its only canonical spelling, `length` bytes where given; else `FormatError`."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise FormatError("not base64") from error
    if to_base64(data) != text or (length is not None and len(data) != length):
        raise FormatError("base64 of another length or not in canonical form")
    return data


def to_base64url(data: bytes) -> str:
    """RFC 4648 §5, without padding."""
    return to_base64url_bytes(data).decode("ascii")


def to_base64url_bytes(data: bytes) -> bytes:
    """The same as bytes."""
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def from_base64url(text: str) -> bytes:
    """The bytes of unpadded base64url in its only canonical spelling; else `FormatError`."""
    if not _BASE64URL.fullmatch(text):
        raise FormatError("not unpadded base64url")
    padded = text.translate(_URL_UNSAFE) + "=" * (-len(text) % 4)
    try:
        data = binascii.a2b_base64(padded, strict_mode=True)
    except ValueError as error:
        raise FormatError("not unpadded base64url") from error
    if to_base64url(data) != text:
        raise FormatError("base64url is not in canonical form")
    return data


def from_decimal(text: str) -> int:
    """An ASCII decimal below 2^63 without leading zeros; else `FormatError`."""
    if not _DECIMAL.fullmatch(text):
        raise FormatError("not a decimal number without leading zeros")
    value = int(text)
    if value >= 2**63:
        raise FormatError("number out of range")
    return value


def is_unicode(text: str) -> bool:
    """Can the text be written as UTF-8, i.e. is it free of lone surrogates?"""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _unique_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise FormatError("a JSON object names the same member twice")
    return members


def _no_constant(name: str) -> object:
    raise FormatError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_pairs, parse_constant=_no_constant)


def load_json(data: bytes, *, limit: int) -> object:
    """The value of a JSON text of at most `limit` bytes; `FormatError` for another form.

    Doubled members, NaN, lone surrogates, integers that readers round, and depth that breaks them are refused.
    """
    if len(data) > limit:
        raise FormatError(f"more than {limit} bytes")
    try:
        value: object = _DECODER.decode(data.decode("utf-8"))
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON") from error
    check_json(value)
    return value


def check_json(value: object, *, floats: bool = True, depth: int = MAX_DEPTH) -> None:
    """Raises `FormatError` unless every JSON reader reads the value alike."""
    if depth == 0:
        raise FormatError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        if not is_unicode(value):
            raise FormatError("a lone surrogate is not text")
    elif isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str) or not is_unicode(name):
                raise FormatError("the name of a member is not text")
            check_json(member, floats=floats, depth=depth - 1)
    elif isinstance(value, list | tuple):
        for member in value:
            check_json(member, floats=floats, depth=depth - 1)
    else:
        _check_scalar(value, floats)


def _check_scalar(value: object, floats: bool) -> None:
    if isinstance(value, float):
        if not floats or not math.isfinite(value):
            raise FormatError("a number that is not an integer")
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise FormatError("an integer beyond 2^53")
    elif value is not None:
        raise FormatError(f"{type(value).__name__} is not JSON")
