"""Moves of a delivery."""

import itertools

import pytest

from compliance.intake import states
from compliance.intake.states import DeliveryState as S

MOVES = {
    (S.ACCEPTED, S.PROCESSING),
    (S.PROCESSING, S.PROCESSED),
    (S.PROCESSING, S.QUARANTINED),
    (S.PROCESSING, S.REFUSED),
    (S.PROCESSING, S.IGNORED),
    (S.QUARANTINED, S.PROCESSING),
}


@pytest.mark.parametrize(("state", "to"), list(itertools.product(S, S)))
def test_only_these_moves(state: S, to: S) -> None:
    assert states.may_move(state, to) is ((state, to) in MOVES)
    assert (to in states.next_states(state)) is ((state, to) in MOVES)


def test_what_is_final() -> None:
    assert {state for state in S if states.is_final(state)} == {S.PROCESSED, S.REFUSED, S.IGNORED}
