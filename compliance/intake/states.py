"""The states of a delivery (one webhook call) and the moves between them.

A delivery is sealed and accepted first, then processed. `quarantined` is what could not be read: visible, and it may be
processed again once the reader is mended. `refused` is what must not be taken in (a tombstone stands), `ignored`
what says nothing we keep.
"""

from collections.abc import Mapping
from enum import StrEnum


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
