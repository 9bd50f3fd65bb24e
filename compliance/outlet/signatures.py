"""Signing what goes out, by Standard Webhooks 1.0.0: secrets, the signed content, the three headers. Pure.

`v1` only: HMAC-SHA256 over `id.timestamp.body`. Every secret that counts signs, so that a receiver may change from one
to the other at any moment between (the specification, "Webhook headers").
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

SECRET_BYTES: Final = range(24, 65)
"""The specification's bounds, 192 to 512 bits."""
_PREFIX: Final = "whsec_"


def secret_text(random: bytes) -> str:
    """A secret as people see it: `whsec_` and base64. Raises ValueError for a length outside the specification."""
    if len(random) not in SECRET_BYTES:
        raise ValueError("a secret has 24 to 64 bytes")
    return _PREFIX + base64.b64encode(random).decode("ascii")


def message_name(message_id: UUID) -> str:
    """The `webhook-id` of a message: the same over all its tries, and without a full stop."""
    return f"msg_{message_id.hex}"


def headers(secrets: Sequence[bytes], name: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of one try. `secrets` are the random bytes, at least one; `at` is the time of this try."""
    if not secrets:
        raise ValueError("nothing is sent without a signature")
    timestamp = str(int(at.timestamp()))
    content = b".".join((name.encode("ascii"), timestamp.encode("ascii"), body))
    signed = (base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode("ascii") for secret in secrets)
    return {
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{one}" for one in signed),
    }
