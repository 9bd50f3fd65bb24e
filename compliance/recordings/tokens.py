"""Tokens of playback links: the link's id and a MAC over it. Pure.

The token can be made again from the link's row for as long as it lives (a repeated request gets the same answer) and
is stored nowhere. A made-up token is refused without asking the database. The key is used for nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

_LABEL = b"callwarden/play/v1\0"
_LENGTH = 64  # 16 bytes of id, 32 of MAC, in base64url


def make(link_id: UUID, key: str) -> str:
    """The token of a link."""
    return base64.urlsafe_b64encode(link_id.bytes + _mac(link_id.bytes, key)).decode()


def read(token: str, key: str) -> UUID | None:
    """The link of a token, None for every kind of wrong one."""
    if len(token) != _LENGTH or not token.isascii():
        return None
    try:
        data = base64.b64decode(token, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return UUID(bytes=data[:16]) if hmac.compare_digest(data[16:], _mac(data[:16], key)) else None


def _mac(link: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), _LABEL + link, hashlib.sha256)
