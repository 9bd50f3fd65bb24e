"""States, reasons and decisions of requests."""

import itertools

import pytest

from compliance.dsr import states
from compliance.dsr.states import GROUNDS, Decision, Ground, Outcome, Reason, State
from compliance.law import Right

FINAL = {State.FULFILLED, State.DENIED, State.REVOKED, State.EXPIRED}
MOVES = {
    (State.OPEN, State.IN_PROGRESS),
    (State.OPEN, State.DENIED),
    (State.OPEN, State.REVOKED),
    (State.OPEN, State.EXPIRED),
    (State.IN_PROGRESS, State.IN_PROGRESS),
    (State.IN_PROGRESS, State.FULFILLED),
    (State.IN_PROGRESS, State.DENIED),
    (State.IN_PROGRESS, State.REVOKED),
    (State.IN_PROGRESS, State.EXPIRED),
}


@pytest.mark.parametrize(("state", "to"), list(itertools.product(State, State)))
def test_only_the_moves_of_the_protocol(state: State, to: State) -> None:
    assert states.may_move(state, to) is ((state, to) in MOVES)
    assert (to in states.next_states(state)) is ((state, to) in MOVES)


def test_final_states() -> None:
    assert {state for state in State if states.is_final(state)} == FINAL


def test_words_of_the_protocol() -> None:
    assert [state.value for state in State] == ["open", "in_progress", "fulfilled", "denied", "revoked", "expired"]
    assert {reason.value for reason in Reason} == {
        "need_user_verification", "suspected_fraud", "insuf_verification", "no_match", "claim_not_covered",
        "outside_jurisdiction", "too_many_requests", "other",
    }  # fmt: skip


@pytest.mark.parametrize("reason", [None, *Reason])
def test_reasons_belong_to_their_states(reason: Reason | None) -> None:
    verifying = reason is Reason.NEED_USER_VERIFICATION
    assert states.reason_fits(State.IN_PROGRESS, reason) is (reason is None or verifying)
    assert states.reason_fits(State.DENIED, reason) is (reason is not None and not verifying)
    for state in (State.OPEN, State.FULFILLED, State.REVOKED, State.EXPIRED):
        assert states.reason_fits(state, reason) is (reason is None)


def test_every_ground_has_an_article_and_fits_somewhere() -> None:
    assert set(GROUNDS) == set(Ground)
    for ground, rule in GROUNDS.items():
        assert any(mark in rule.article for mark in ("Art.", "§", "CCR", "s. ")), ground
        assert rule.rights
        assert Decision.FULFIL not in rule.decisions
        assert len(ground.value) <= 40


@pytest.mark.parametrize(
    ("right", "decision", "ground", "fits"),
    [
        (Right.ERASURE, Decision.FULFIL, None, True),
        (Right.ERASURE, Decision.KEEP, None, False),
        (Right.ACCESS, Decision.REDACT, None, False),
        (Right.ERASURE, Decision.KEEP, Ground.LEGAL_HOLD, True),
        (Right.ACCESS, Decision.KEEP, Ground.LEGAL_HOLD, False),  # a hold never stands against a copy
        (Right.ERASURE, Decision.KEEP, Ground.LEGAL_CLAIMS, True),
        (Right.ERASURE, Decision.REDACT, Ground.LEGAL_CLAIMS, False),
        (Right.ERASURE, Decision.KEEP, Ground.OTHER_PRINCIPAL_REQUEST, True),
        (Right.ACCESS, Decision.REDACT, Ground.OTHERS_RIGHTS, True),
        (Right.ERASURE, Decision.REDACT, Ground.OTHERS_RIGHTS, False),
        (Right.ACCESS, Decision.REDACT, Ground.FORBIDDEN_DETAIL, True),
        (Right.ACCESS, Decision.KEEP, Ground.EXCESSIVE, True),
        (Right.ERASURE, Decision.FULFIL, Ground.LEGAL_HOLD, False),
    ],
)
def test_decisions_need_a_ground_that_carries_them(
    right: Right, decision: Decision, ground: Ground | None, fits: bool
) -> None:
    assert states.decision_fits(right, decision, ground) is fits


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        ([Decision.FULFIL], Outcome.FULFILLED),
        ([Decision.FULFIL, Decision.FULFIL], Outcome.FULFILLED),
        ([Decision.KEEP, Decision.KEEP], Outcome.DENIED),
        ([Decision.FULFIL, Decision.KEEP], Outcome.PARTLY_FULFILLED),
        ([Decision.REDACT], Outcome.PARTLY_FULFILLED),
        ([Decision.REDACT, Decision.KEEP], Outcome.PARTLY_FULFILLED),
    ],
)
def test_the_outcome_follows_from_the_decisions(decisions: list[Decision], outcome: Outcome) -> None:
    assert states.outcome(decisions) is outcome


def test_no_decision_is_no_outcome() -> None:
    with pytest.raises(ValueError, match="no_match"):
        states.outcome([])
