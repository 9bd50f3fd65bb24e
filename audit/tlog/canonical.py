"""Canonical JSON (RFC 8785), and the salted disclosures of RFC 9901 §4.2.1 that keep personal data out of leaves."""

import json
import secrets
from hashlib import sha256
from typing import NamedTuple, cast

import rfc8785

from audit.tlog import text
from audit.tlog.errors import FormatError
from audit.tlog.text import JSON

MAX_DISCLOSURE = 256 * 1024
SALT_SIZE = 16

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_RESERVED = frozenset({"_sd", "..."})


def encode(value: JSON) -> bytes:
    """The one JSON text of a value (RFC 8785) in our profile: no floats, integers below 2^53; else `FormatError`.

    Where all is ASCII the standard library writes the same bytes at a quarter of the time. Other member names it sorts
    by code point where the RFC wants UTF-16 units, so those take the slow road.
    """
    text.check_json(value, floats=False)
    data = _ENCODER.encode(value)
    return data.encode() if data.isascii() else rfc8785.dumps(value)


class Disclosure(NamedTuple):
    """What an RFC 9901 disclosure says."""

    salt: bytes
    name: str
    value: JSON


def disclose(name: str, value: JSON, salt: bytes | None = None) -> str:
    """The disclosure of a named value: base64url of `[salt, name, value]`. The salt is 128 random bits from `secrets`.

    `salt` is for vectors only: a salt that can be guessed makes the digest in the leaf a bare hash of personal data.
    """
    if salt is None:
        salt = secrets.token_bytes(SALT_SIZE)
    elif len(salt) < SALT_SIZE:
        raise FormatError("a salt of fewer than 128 bits")
    if name in _RESERVED:
        raise FormatError("RFC 9901 keeps this name for itself")
    if not isinstance(value, str):
        text.check_json(value)
    body = f'["{text.to_base64url(salt)}",{_ENCODER.encode(name)},{_ENCODER.encode(value)}]'
    try:
        data = body.encode()
    except UnicodeEncodeError as error:
        raise FormatError("a lone surrogate is not text") from error
    if len(data) > MAX_DISCLOSURE:
        raise FormatError(f"a disclosure of more than {MAX_DISCLOSURE} bytes")
    return text.to_base64url(data)


def digest(disclosure: str) -> str:
    """base64url(SHA-256(ASCII(disclosure))), as it stands in `_sd`."""
    return digest_of(disclosure.encode("ascii")).decode("ascii")


def digest_of(disclosure: bytes) -> bytes:
    """The same from bytes to bytes, for the verifier that does it by the million."""
    return text.to_base64url_bytes(sha256(disclosure).digest())


def parse_disclosure(disclosure: str) -> Disclosure:
    """What a disclosure says, whoever made it; `FormatError` for another form."""
    if len(disclosure) > MAX_DISCLOSURE * 4 // 3 + 4:
        raise FormatError(f"a disclosure of more than {MAX_DISCLOSURE} bytes")
    parts = text.load_json(text.from_base64url(disclosure), limit=MAX_DISCLOSURE)
    if not isinstance(parts, list) or len(parts) != 3:
        raise FormatError("a disclosure is [salt, name, value]")
    salt, name, value = parts
    if not isinstance(salt, str) or not isinstance(name, str) or name in _RESERVED:
        raise FormatError("salt and name of a disclosure are text")
    return Disclosure(text.from_base64url(salt), name, cast(JSON, value))
