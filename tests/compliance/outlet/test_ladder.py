"""When a message is tried again, and when an endpoint is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.outlet import ladder

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_ladder_is_the_standards_example() -> None:
    """Ten tries; the last one 75 hours, 35 minutes and 5 seconds after the first."""
    assert ladder.TRIES == 10
    assert sum(ladder.WAITS) == timedelta(hours=75, minutes=35, seconds=5).total_seconds()
    assert [ladder.wait_after(tries, 0.5) for tries in range(1, 10)] == list(ladder.WAITS)
    assert ladder.wait_after(10, 0.5) is None


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 86_400))
def test_a_wait_is_spread_by_a_fifth_and_never_shorter_than_asked_for(
    tries: int, chance: float, told: float | None
) -> None:
    wait = ladder.wait_after(tries, chance, told)
    usual = ladder.WAITS[tries - 1]
    assert wait is not None
    assert wait >= max(0.9 * usual, told or 0)
    assert wait <= max(1.1 * usual, told or 0)


@given(st.floats(0, 1))
def test_the_last_try_is_the_last_whatever_is_asked_for(chance: float) -> None:
    assert ladder.wait_after(ladder.TRIES, chance, 60) is None


@given(st.floats(-100, 86_400), st.floats(0, 1))
def test_nothing_is_looked_at_before_the_rest_is_over(left: float, chance: float) -> None:
    assert max(left, 0) <= ladder.wait_at_rest(left, chance) <= max(left, 0) + 300


@pytest.mark.parametrize(
    ("days", "failures", "is_over"),
    [(5, 10, True), (5, 9, False), (4.99, 1000, False), (30, 10, True), (None, 1000, False)],
)
def test_an_endpoint_is_given_up_for_long_and_many_failures_only(
    days: float | None, failures: int, is_over: bool
) -> None:
    since = None if days is None else NOW - timedelta(days=days)
    assert ladder.is_to_be_disabled(since, failures, NOW) is is_over
