"""The text form of an API key: `cw_<prefix>_<secret>`; the prefix is public, the secret has 256 bits."""

from __future__ import annotations

import hashlib
import secrets

_MARK = "cw"


def make() -> tuple[str, str, bytes]:
    """A new key as (what the holder gets, prefix, SHA-256 of the secret)."""
    prefix = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    return f"{_MARK}_{prefix}_{secret}", prefix, digest_of(secret)


def split(text: str) -> tuple[str, bytes] | None:
    """(prefix, SHA-256 of the secret) of a presented key, or None where it has not the form of one."""
    mark, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != _MARK or len(prefix) != 12 or not 40 <= len(secret) <= 64 or not text.isascii():
        return None
    return prefix, digest_of(secret)


def digest_of(secret: str) -> bytes:
    """SHA-256; a 256-bit random secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
