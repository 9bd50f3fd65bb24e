"""How much is read again a day, so that every object is read within a set number of days. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

_SLACK_DAYS = 2
"""So long before its last day an object is read whatever the budget says: a day without a run must not break the
promise.
"""


def daily_bytes(total: int, days: int) -> int:
    """The budget of a day: everything, spread evenly, rounded up."""
    return -(-total // max(days - _SLACK_DAYS, 1))


def must_be_read(last_read_at: datetime, now: datetime, days: int) -> bool:
    """Whether an object is read today although the budget is spent."""
    return last_read_at <= now - timedelta(days=max(days - _SLACK_DAYS, 0))


def may_be_read(last_read_at: datetime, now: datetime) -> bool:
    """Whether reading again today says anything new."""
    return last_read_at <= now - timedelta(hours=20)
