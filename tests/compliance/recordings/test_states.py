"""Moves of artifacts and locations."""

import itertools

import pytest

from compliance.recordings import states
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState

A, L = ArtifactState, LocationState
FORWARD = [A.ANNOUNCED, A.FETCHING, A.STORED, A.DUE, A.DELETING, A.DELETED]
HOLD_NO_BYTES = {A.ANNOUNCED, A.FETCHING, A.RETRY_WAIT, A.UNAVAILABLE}
WAITING = {A.ANNOUNCED, A.FETCHING, A.RETRY_WAIT, A.STORED, A.UNAVAILABLE, A.QUARANTINED, A.MISSING}


def reachable(start: states.State) -> set[states.State]:
    seen: set[states.State] = set()
    todo = [start]
    while todo:
        for state in states.next_states(todo.pop()) - seen:
            seen.add(state)
            todo.append(state)
    return seen


@pytest.mark.parametrize(("state", "to"), list(itertools.pairwise(FORWARD)))
def test_the_way_of_a_recording(state: ArtifactState, to: ArtifactState) -> None:
    assert states.may_move(state, to)
    assert not states.may_move(to, state)


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (A.FETCHING, A.RETRY_WAIT),
        (A.RETRY_WAIT, A.FETCHING),
        (A.FETCHING, A.UNAVAILABLE),
        (A.FETCHING, A.QUARANTINED),
        (A.STORED, A.MISSING),
        (A.MISSING, A.STORED),
        (A.DUE, A.HELD),
        (A.HELD, A.DUE),
        (A.DELETING, A.DELETE_FAILED),
        (A.DELETE_FAILED, A.DELETING),
    ],
)
def test_the_side_ways(state: ArtifactState, to: ArtifactState) -> None:
    assert states.may_move(state, to)


def test_nothing_is_deleted_but_by_deleting() -> None:
    assert [state for state in A if states.may_move(state, A.DELETED)] == [A.DELETING]


def test_nothing_is_deleting_but_what_was_due_and_not_held() -> None:
    assert {state for state in A if states.may_move(state, A.DELETING)} == {A.DUE, A.DELETE_FAILED}


def test_bytes_that_are_there_cannot_become_never_recorded() -> None:
    assert {state for state in A if states.may_move(state, A.NEVER_RECORDED)} == HOLD_NO_BYTES


def test_whatever_waits_can_become_due() -> None:
    assert {state for state in A if states.may_move(state, A.DUE)} == WAITING | {A.HELD}


@pytest.mark.parametrize("state", A)
def test_every_artifact_can_come_to_an_end(state: ArtifactState) -> None:
    final = {A.DELETED, A.NEVER_RECORDED}
    assert states.is_final(state) is (state in final)
    assert state in final or reachable(state) & final


@pytest.mark.parametrize("state", [state for state in L if state is not L.CONFIRMED_GONE])
def test_every_place_can_be_proven_empty(state: LocationState) -> None:
    assert L.CONFIRMED_GONE in states.next_states(state)


def test_a_place_that_answers_again_is_present_again() -> None:
    assert states.next_states(L.CONFIRMED_GONE) == {L.PRESENT}
    assert not states.may_move(L.REFUSED, L.PRESENT)
    assert not states.may_move(L.PRESENT, L.REFUSED)  # refused only after it was asked


def test_machines_are_not_mixed() -> None:
    with pytest.raises(TypeError):
        states.may_move(A.STORED, L.PRESENT)


@pytest.mark.parametrize("state", [*A, *L])
def test_no_state_moves_to_itself_and_values_fit_their_columns(state: states.State) -> None:
    assert not states.may_move(state, state)
    assert len(state.value) <= 16


def test_kinds_of_the_register() -> None:
    assert {kind.value for kind in ArtifactKind} == {
        "recording", "transcript", "redacted_copy", "summary", "export_package", "delivery", "voicemail",
        "cached_download",
    }  # fmt: skip
