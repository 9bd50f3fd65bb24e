"""What the signatures of all platforms have in common: valid keys, the window of time, the comparison. Pure.

What can go wrong: a comparison that stops at the first wrong byte or at the first matching key tells an attacker how
far he came; a window that looks at the past only lets a message be signed ahead and kept for later; an ended secret
that still counts. Promise: everything here raises `BadSignature` with a stable code, and nothing else.
"""

import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from compliance.connectors.providers.base import BadSignature, Incoming, Secret

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
# As text of digits, seconds since 1970 have at most eleven figures until the year 5138 and milliseconds at least
# twelve since 1973, so that one number has one meaning.
_MOST_SECONDS = 10**11


def only_header(incoming: Incoming, name: str) -> str:
    """The one header of this name, stripped. Raises BadSignature("no_signature"), or "two_signatures" where it stands
    in two spellings.
    """
    found = [value.strip() for key, value in incoming.headers.items() if key.lower() == name.lower()]
    if len(found) > 1:
        raise BadSignature("two_signatures")
    if not found or not found[0]:
        raise BadSignature("no_signature")
    return found[0]


def valid_keys(secrets: Sequence[Secret], now: datetime) -> tuple[bytes, ...]:
    """The values of the secrets that count at `now`. An empty key signs nothing."""
    return tuple(secret.value for secret in secrets if secret.is_valid(now) and secret.value)


def moment_of(digits: str) -> datetime:
    """Seconds or milliseconds since 1970, written in plain ASCII digits, as aware UTC. Raises
    BadSignature("bad_timestamp").
    """
    if not _DIGITS.fullmatch(digits):
        raise BadSignature("bad_timestamp")
    number = int(digits)
    try:
        return datetime.fromtimestamp(number / 1000 if number >= _MOST_SECONDS else number, UTC)
    except (OverflowError, OSError, ValueError):
        raise BadSignature("bad_timestamp") from None


def within(signed_at: datetime, now: datetime, window: timedelta) -> None:
    """Raises BadSignature("too_old") or ("from_the_future") unless the two are at most `window` apart."""
    if now - signed_at > window:
        raise BadSignature("too_old")
    if signed_at - now > window:
        raise BadSignature("from_the_future")


def check_hmac(presented: Sequence[bytes], expected: Iterable[bytes]) -> None:
    """Raises BadSignature("bad_signature") unless one presented value is an expected one.

    `expected` holds one value for every valid key. Every pair is compared, in constant time each, so that the time
    does not tell which one matched.
    """
    is_good = False
    for value in tuple(expected):
        for candidate in presented:
            is_good |= hmac.compare_digest(candidate, value)
    if not is_good:
        raise BadSignature("bad_signature")
