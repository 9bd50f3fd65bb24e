"""What several deliveries said about one call, brought together."""

import dataclasses
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors import merging
from compliance.connectors.facts import CallFacts, CallStatus, Message, Rank, RecordingFacts, RecordingKind

ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
T0 = datetime(2026, 3, 2, 17, 4, tzinfo=UTC)
PARTIAL = CallFacts("call_1", Rank.PARTIAL, status=CallStatus.IN_PROGRESS, started_at=T0, phone_number="+14155550132")
COMPLETED = CallFacts(
    "call_1",
    Rank.COMPLETED,
    status=CallStatus.COMPLETED,
    ended_at=T0 + timedelta(seconds=27),
    duration_seconds=27,
    summary="moved an appointment",
    recordings=(RecordingFacts("https://one.example/a.mp3", duration_seconds=27),),
    transcript=(Message("assistant", "Hello."), Message("user", "Hi.")),
)
POLLED = CallFacts(
    "call_1", Rank.POLLED, duration_seconds=27.4, recordings=(RecordingFacts("https://one.example/a.mp3?again"),)
)


def known(facts: CallFacts) -> CallFacts:
    """Without the bookkeeping, so that answers can be compared."""
    return dataclasses.replace(facts, standings={})


def test_the_first_facts_stand_as_they_are() -> None:
    assert known(merging.merge(None, COMPLETED)) == COMPLETED


def test_a_poorer_repeat_blanks_nothing() -> None:
    merged = merging.merge(merging.merge(None, COMPLETED), CallFacts("call_1", Rank.COMPLETED))
    assert known(merged) == COMPLETED


def test_a_lower_rank_fills_gaps_and_overrules_nothing() -> None:
    merged = merging.merge(merging.merge(None, COMPLETED), PARTIAL)
    assert (merged.status, merged.phone_number, merged.rank) == (CallStatus.COMPLETED, "+14155550132", Rank.COMPLETED)


def test_a_higher_rank_overrules_and_keeps_what_it_does_not_say() -> None:
    merged = merging.merge(merging.merge(None, COMPLETED), POLLED)
    assert (merged.duration_seconds, merged.summary, len(merged.transcript)) == (27.4, "moved an appointment", 2)
    assert merged.recordings == (RecordingFacts("https://one.example/a.mp3?again", duration_seconds=27),)


def test_sources_of_different_rank_may_come_in_any_order() -> None:
    results = set()
    for order in itertools.permutations((PARTIAL, COMPLETED, POLLED)):
        merged: CallFacts | None = None
        for facts in order:
            merged = merging.merge(merged, facts)
        assert merged is not None
        results.add((repr(known(merged)), merged.summary, merged.phone_number, merged.transcript))
    assert len(results) == 1


def test_between_equals_the_later_arrival_holds() -> None:
    corrected = dataclasses.replace(COMPLETED, summary="cancelled an appointment")
    assert merging.merge(merging.merge(None, COMPLETED), corrected).summary == "cancelled an appointment"


def test_an_older_event_of_the_same_rank_does_not_overrule() -> None:
    late = dataclasses.replace(COMPLETED, event_at=T0 + timedelta(minutes=2), summary="second")
    early = dataclasses.replace(COMPLETED, event_at=T0 + timedelta(minutes=1), summary="first")
    assert merging.merge(merging.merge(None, late), early).summary == "second"
    assert merging.merge(merging.merge(None, early), late).summary == "second"


def test_a_repeat_with_fewer_turns_is_not_a_correction() -> None:
    shorter = dataclasses.replace(COMPLETED, transcript=COMPLETED.transcript[:1])
    assert merging.merge(merging.merge(None, COMPLETED), shorter).transcript == COMPLETED.transcript
    assert merging.merge(merging.merge(None, shorter), COMPLETED).transcript == COMPLETED.transcript


def test_recordings_are_joined_by_kind_not_by_address() -> None:
    legs = CallFacts("call_1", Rank.PARTIAL, recordings=(RecordingFacts("https://one.example/l", RecordingKind.AGENT),))
    merged = merging.merge(merging.merge(None, COMPLETED), legs)
    assert [recording.kind for recording in merged.recordings] == [RecordingKind.AGENT, RecordingKind.MONO]
    assert merging.merge(merged, COMPLETED).recordings == merged.recordings


def test_an_expiry_stays_with_its_address() -> None:
    signed = CallFacts("call_1", Rank.COMPLETED, recordings=(RecordingFacts("https://one.example/s", expires_at=T0),))
    merged = merging.merge(merging.merge(None, signed), POLLED)
    assert merged.recordings[0].expires_at is None


def test_facts_of_different_calls_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="different calls"):
        merging.merge(merging.merge(None, COMPLETED), CallFacts("call_2", Rank.COMPLETED))


def test_standings_survive_the_row() -> None:
    merged = merging.merge(merging.merge(None, COMPLETED), dataclasses.replace(POLLED, event_at=T0))
    kept = json.loads(json.dumps(merging.standings_to_json(merged)))
    assert merging.standings_from_json(kept) == merged.standings
    assert kept["duration_seconds"] == [Rank.POLLED, T0.isoformat()]
    assert kept["summary"] == [Rank.COMPLETED, None]


def test_content_kept_apart_comes_back_with_its_standing() -> None:
    merged = merging.merge(merging.merge(None, COMPLETED), POLLED)
    bare = merging.replaced(merged, recordings=(), transcript=(), summary=None, metrics_json=None)
    assert (bare.transcript, bare.summary, bare.standings) == ((), None, merged.standings)
    whole = merging.replaced(
        bare, recordings=merged.recordings, transcript=merged.transcript, summary=merged.summary, metrics_json=None
    )
    assert whole == merged
    partial = dataclasses.replace(COMPLETED, rank=Rank.PARTIAL, summary="older", recordings=())
    assert merging.merge(whole, partial).summary == "moved an appointment"


# One source tells any subset of values; values differ by source, so that the outcome shows who won.
SOURCES = st.lists(st.sets(st.sampled_from(["summary", "phone_number", "agent_id", "transcript"])), max_size=5)


def told(index: int, names: set[str]) -> CallFacts:
    values: dict[str, object] = {name: f"{name} {index}" for name in names if name != "transcript"}
    if "transcript" in names:
        values["transcript"] = (Message("user", f"words {index}"),)
    event_at = T0 + timedelta(minutes=index)
    return dataclasses.replace(CallFacts("call_1", Rank.COMPLETED, event_at=event_at), **values)  # type: ignore[arg-type]


@ON_A_BUSY_MACHINE
@given(SOURCES, st.randoms(use_true_random=False))
def test_order_does_not_matter_where_standing_differs(said: list[set[str]], random: object) -> None:
    sources = [told(index, names) for index, names in enumerate(said)]
    shuffled = list(sources)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one: CallFacts | None = None
    for facts in sources:
        one = merging.merge(one, facts)
    other: CallFacts | None = None
    for facts in shuffled:
        other = merging.merge(other, facts)
    assert one == other


@ON_A_BUSY_MACHINE
@given(SOURCES)
def test_what_was_known_stays_known_and_repeats_change_nothing(said: list[set[str]]) -> None:
    merged = merging.merge(None, CallFacts("call_1", Rank.PARTIAL))
    for index, names in enumerate(said):
        facts = told(index, names)
        before, merged = merged, merging.merge(merged, facts)
        assert all(getattr(merged, name) for name in merging.standings_to_json(before))
        assert merging.merge(merged, facts) == merged
