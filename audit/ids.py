"""Identifiers that sort by the time at which they were made: UUID version 7 (RFC 9562 §5.7)."""

import os
import secrets
import threading
import time
from uuid import UUID

_COUNTER_BITS = 42
_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62


class _Sequence:
    """The last millisecond and counter given out by this process (RFC 9562 §6.2, method 1)."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forgets everything."""
        self.lock = threading.Lock()
        self.millisecond = 0
        self.counter = 0

    def advance(self) -> tuple[int, int]:
        """The next (millisecond, counter), greater than all before, also when the clock stands still or goes back."""
        with self.lock:
            now = time.time_ns() // 1_000_000
            if now > self.millisecond:
                self.millisecond, self.counter = now, _fresh_counter()
            else:
                self.counter += 1
                if self.counter >> _COUNTER_BITS:
                    self.millisecond, self.counter = self.millisecond + 1, _fresh_counter()
            return self.millisecond, self.counter


def _fresh_counter() -> int:
    # The top bit stays free, so a millisecond has room for 2^41 identifiers before it must be borrowed from the next.
    return secrets.randbits(_COUNTER_BITS - 1)


_sequence = _Sequence()
# A forked child would otherwise continue its parent's counter, and might inherit a lock that nobody releases.
os.register_at_fork(after_in_child=_sequence.restart)


def uuid7() -> UUID:
    """A new UUIDv7: strictly increasing within the process, with 32 random bits and a random start of the counter."""
    millisecond, counter = _sequence.advance()
    value = (millisecond & 0xFFFFFFFFFFFF) << 80
    value |= (counter >> 30) << 64
    value |= (counter & 0x3FFFFFFF) << 32
    return UUID(int=value | _VERSION_AND_VARIANT | secrets.randbits(32))
