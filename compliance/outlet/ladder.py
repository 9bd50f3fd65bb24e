"""When a message is tried again, and when an endpoint is given up. Pure.

The waits are the example of Standard Webhooks 1.0.0 ("Deliverability and reliability"): ten tries over a little more
than three days.
"""

from datetime import datetime, timedelta
from typing import Final

WAITS: Final = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
"""Seconds after the first, second, … failed try."""
TRIES: Final = len(WAITS) + 1
_SPREAD: Final = 0.2

DISABLE_AFTER: Final = timedelta(days=5)
LEAST_FAILURES: Final = TRIES
"""An endpoint is not given up before one message has failed to the end."""

REST_SECONDS: Final = 60.0
"""For so long nothing else is sent to an endpoint that is overloaded or does not answer."""
_REST_SPREAD: Final = 300.0


def wait_after(tries: int, chance: float, told: float | None = None) -> float | None:
    """Seconds until the next try after so many failed ones (at least 1); None where it was the last.

    `chance` (0 to 1) spreads the waits by a fifth, so that what failed together is not tried together. `told` is the
    receiver's own wish (Retry-After, bounded by the transport): it can make the wait longer, never shorter.
    """
    if tries > len(WAITS):
        return None
    wait = WAITS[tries - 1] * (1 - _SPREAD / 2 + _SPREAD * chance)
    return max(wait, told or 0.0)


def wait_at_rest(left: float, chance: float) -> float:
    """Seconds until a message is looked at again whose endpoint rests for another `left` seconds."""
    return max(left, 0.0) + _REST_SPREAD * chance


def is_to_be_disabled(failing_since: datetime | None, failures: int, now: datetime) -> bool:
    """Whether an endpoint failed for long enough, and often enough, without one success between."""
    return failing_since is not None and failures >= LEAST_FAILURES and now - failing_since >= DISABLE_AFTER
