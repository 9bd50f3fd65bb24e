"""The states of a delivery (one webhook call) and of a batch's report, and the moves between them.

A delivery is sealed and accepted first, then processed. `quarantined` is what could not be read: visible, and it may be
processed again once the reader is mended. `refused` is what must not be taken in (a tombstone stands), `ignored`
what says nothing we keep.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class DeliveryState(StrEnum):
    ACCEPTED = "accepted"
    PROCESSING = "processing"
    PROCESSED = "processed"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    IGNORED = "ignored"


_S = DeliveryState
_MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    _S.ACCEPTED: frozenset({_S.PROCESSING}),
    _S.PROCESSING: frozenset({_S.PROCESSED, _S.QUARANTINED, _S.REFUSED, _S.IGNORED}),
    _S.PROCESSED: frozenset(),
    _S.QUARANTINED: frozenset({_S.PROCESSING}),
    _S.REFUSED: frozenset(),
    _S.IGNORED: frozenset(),
}


def next_states(state: DeliveryState) -> frozenset[DeliveryState]:
    """Where a state may go; empty for a final one."""
    return _MOVES[state]


def may_move(state: DeliveryState, to: DeliveryState) -> bool:
    return to in _MOVES[state]


def is_final(state: DeliveryState) -> bool:
    return not _MOVES[state]


_EVENT = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")


def event_word(told: str) -> str:
    """A platform's word for an event as it may stand in clear; "unnamed" where it is no word."""
    return told if _EVENT.fullmatch(told) else "unnamed"


# --- batches ----------------------------------------------------------------------------------------------------------


class BatchState(StrEnum):
    WAITING = "waiting"
    COMPLETE = "complete"
    GAP = "gap"
    ACCEPTED = "accepted"


class GapReason(StrEnum):
    """Why an officer lets a gap be."""

    NOT_DIALLED = "not_dialled"  # the platform never made the calls
    NOT_TOLD = "not_told"  # made, but the platform confirms that it kept nothing of them
    ERASED = "erased"  # erased before the report came, and therefore not counted
    REGISTERED_ELSEWHERE = "registered_elsewhere"  # came in by another connection or an import
    NO_TOTAL = "no_total"  # the platform told no number to compare with


WAIT_FOR_CALLS: Final = timedelta(hours=24)
"""How long calls of a reported batch may be on their way: longer than a platform's own retries."""


def expected_calls(outcome: str, total: int | None, processed: int | None) -> int | None:
    """How many calls a batch has. One that failed made only those that it processed; None: the platform told none."""
    if outcome == "failed" and processed is not None:
        return processed
    return processed if total is None else total


def batch_state(expected: int | None, received: int, reported_at: datetime, now: datetime) -> BatchState:
    """What the numbers come to. Without a number nobody can say that nothing is missing: after the wait, a person
    looks.
    """
    if expected is not None and received >= expected:
        return BatchState.COMPLETE
    return BatchState.WAITING if now - reported_at < WAIT_FOR_CALLS else BatchState.GAP
