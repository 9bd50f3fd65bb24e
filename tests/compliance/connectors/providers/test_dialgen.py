"""DialGen's payloads, as documented, as they vary, and as somebody hostile would send them."""

import contextlib
import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compliance.connectors.facts import BatchFacts, BatchOutcome, CallFacts, CallStatus, Direction, Rank, UnknownEvent
from compliance.connectors.providers.base import Incoming, Unparseable
from compliance.connectors.providers.dialgen import DialGen

PAYLOADS = Path(__file__).parents[1] / "payloads" / "dialgen"
HOSTILE = sorted((PAYLOADS / "hostile").iterdir())
DIALGEN = DialGen()
ON_A_BUSY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
CALL_FIELDS = sorted(json.loads((PAYLOADS / "on_call_complete.json").read_text())["callData"])


def read(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def parse_call(name: str) -> CallFacts:
    (facts,) = DIALGEN.parse(read(name))
    assert isinstance(facts, CallFacts)
    return facts


def test_a_completed_call_of_a_batch_is_read_in_full() -> None:
    facts = parse_call("on_call_complete.json")
    assert (facts.external_id, facts.agent_id, facts.contact_id) == ("call_9f31", "agent_frontdesk", "contact_2001")
    assert (facts.batch_id, facts.call_sid) == ("batch_march_a", "CA0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f")
    assert (facts.direction, facts.status, facts.platform_status) == (
        Direction.OUTBOUND,
        CallStatus.COMPLETED,
        "COMPLETED",
    )
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, tzinfo=UTC)
    assert facts.duration_seconds == 27
    assert (facts.phone_number, facts.contact_name) == ("+14155550132", "Maria Delgado")
    assert facts.summary == "Caller moved a cleaning appointment."
    assert json.loads(facts.metrics_json or "")["intent"] == "RESCHEDULE"
    assert [recording.url for recording in facts.recordings] == ["https://recordings.dialgen.example/call_9f31.mp3"]
    assert [message.role for message in facts.transcript] == ["assistant", "user", "assistant", "user", "assistant"]
    assert facts.transcript[3].content.endswith("maria.delgado@example.com.")
    assert facts.transcript[0].timestamp == datetime(2026, 3, 2, 17, 4, 10, 600_000, tzinfo=UTC)
    assert (facts.rank, facts.notes) == (Rank.COMPLETED, ())


def test_a_single_call_has_no_batch_and_blanks_mean_not_said() -> None:
    facts = parse_call("on_call_complete_single.json")
    assert (facts.external_id, facts.batch_id, facts.call_sid, facts.contact_id) == ("call_9f40", None, None, None)
    assert (facts.summary, facts.metrics_json) == (None, None)


def test_a_running_call_ranks_below_a_completed_one() -> None:
    facts = parse_call("on_call_running.json")
    assert (facts.rank, facts.status) == (Rank.PARTIAL, CallStatus.IN_PROGRESS)


def test_a_call_that_nobody_took_is_complete_without_recording() -> None:
    facts = parse_call("on_call_no_answer.json")
    assert (facts.rank, facts.status) == (Rank.COMPLETED, CallStatus.NO_ANSWER)
    assert (facts.recordings, facts.transcript, facts.duration_seconds) == ((), (), 0)


def test_a_turn_without_words_keeps_its_place() -> None:
    facts = parse_call("turns_without_words.json")
    assert [(turn.role, turn.content) for turn in facts.transcript] == [
        ("tool", ""),
        ("unknown", "This call is recorded."),
        ("unknown", ""),
    ]


def test_a_time_without_zone_is_taken_as_utc_and_noted() -> None:
    facts = parse_call("naive_times.json")
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, 500_000, tzinfo=UTC)
    assert facts.notes == ("naive_time_assumed_utc",)


def test_times_may_be_seconds_milliseconds_or_seconds_into_the_call() -> None:
    facts = parse_call("numeric_times.json")
    assert facts.started_at == datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC)
    assert facts.ended_at == datetime(2026, 3, 2, 17, 4, 37, 250_000, tzinfo=UTC)
    assert [turn.timestamp for turn in facts.transcript] == [
        0.6,
        7.0,
        datetime(2026, 3, 2, 17, 4, 21, 800_000, tzinfo=UTC),
        datetime(2026, 3, 2, 17, 4, 25, 100_000, tzinfo=UTC),
        None,
    ]


@pytest.mark.parametrize(
    ("name", "outcome", "total", "failure"),
    [
        ("on_batch_complete.json", BatchOutcome.COMPLETED, 3, None),
        ("on_batch_failed.json", BatchOutcome.FAILED, 5, "no credit"),
    ],
)
def test_the_end_of_a_batch_carries_its_counts(
    name: str, outcome: BatchOutcome, total: int, failure: str | None
) -> None:
    (facts,) = DIALGEN.parse(read(name))
    assert isinstance(facts, BatchFacts)
    assert (facts.outcome, facts.total, facts.failure, facts.account_id) == (outcome, total, failure, "user_456")
    assert facts.external_id.startswith("batch_march_")


def test_an_unknown_event_is_kept() -> None:
    assert DIALGEN.parse(read("unknown_event.json")) == (UnknownEvent("agent.updated"),)


def test_both_documented_answers_of_get_metric_are_polled_facts() -> None:
    (short,) = DIALGEN.parse_answer(read("get_metric.json"))
    (detail,) = DIALGEN.parse_answer(read("get_metric_detail.json"))
    assert isinstance(short, CallFacts)
    assert isinstance(detail, CallFacts)
    assert (short.rank, short.duration_seconds, len(short.recordings), short.transcript) == (Rank.POLLED, 27, 1, ())
    assert (detail.rank, detail.recordings, len(detail.transcript)) == (Rank.POLLED, (), 5)


def test_a_transcript_of_unknown_shape_is_noted_not_guessed() -> None:
    (facts,) = DIALGEN.parse_answer(read("get_metric_unknown_transcription.json"))
    assert isinstance(facts, CallFacts)
    assert (facts.transcript, facts.notes) == ((), ("transcription_shape_unknown",))


def test_get_batch_gives_every_call() -> None:
    facts = DIALGEN.parse_answer(read("get_batch.json"))
    ids = [call.external_id for call in facts if isinstance(call, CallFacts)]
    assert ids == ["call_9f31", "call_9f42", "call_9f43"]


def test_an_answer_without_call_is_unparseable() -> None:
    with pytest.raises(Unparseable) as refusal:
        DIALGEN.parse_answer(read("on_batch_complete.json"))
    assert refusal.value.code == "missing_field"


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_are_unparseable_with_the_code_in_their_name(path: Path) -> None:
    with pytest.raises(Unparseable) as refusal:
        DIALGEN.parse(path.read_bytes())
    assert refusal.value.code == path.name.partition(".")[0]


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_bodies_still_have_a_delivery_key(path: Path) -> None:
    key = DIALGEN.delivery_key(Incoming({}, path.read_bytes()))
    assert key.startswith("dialgen:")
    assert key.isprintable()
    assert len(key) < 512


@pytest.mark.parametrize(
    ("count", "at"), [({"calls": [{"id": "x"}] * 501}, "calls"), ({"callData": {"id": "x"}}, "callData.transcription")]
)
def test_lists_have_an_end(count: dict[str, object], at: str) -> None:
    body = json.loads(json.dumps(count))
    if "callData" in body:
        body["callData"]["transcription"] = [{}] * 20_001
    with pytest.raises(Unparseable) as refusal:
        DIALGEN.parse(json.dumps(body).encode())
    assert (refusal.value.code, refusal.value.at) == ("too_many", at)


def test_an_error_never_quotes_the_delivery() -> None:
    with pytest.raises(Unparseable) as refusal:
        DIALGEN.parse(b'{"callData": {"id": "call_1", "phoneNumber": ["+14155550132"]}}')
    assert str(refusal.value) == "wrong_type at callData.phoneNumber"


def test_facts_do_not_print_the_person() -> None:
    printed = repr(parse_call("on_call_complete.json"))
    assert "call_9f31" in printed
    assert not [secret for secret in ("Maria", "4155550132", "cleaning", "recordings.dialgen") if secret in printed]


def test_the_same_delivery_has_the_same_key_and_another_has_not() -> None:
    body = read("on_call_complete.json")
    first = DIALGEN.delivery_key(Incoming({"Authorization": "Bearer a"}, body))
    again = DIALGEN.delivery_key(Incoming({"Authorization": "Bearer b"}, body))
    other = DIALGEN.delivery_key(Incoming({}, body + b"\n"))
    assert first == again != other
    assert first.startswith("dialgen:call:call_9f31:")
    assert DIALGEN.delivery_key(Incoming({}, read("on_batch_complete.json"))).startswith(
        "dialgen:batch.completed:batch_march_a:"
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (("ended_at", "started_at", "created_at"), date(2026, 5, 31)),
        (("started_at", "created_at"), date(2026, 5, 31)),
        (("created_at",), date(2026, 5, 31)),
        ((), date(2027, 2, 20)),
    ],
)
def test_the_original_is_gone_ninety_days_after_the_call(known: tuple[str, ...], expected: date) -> None:
    facts = parse_call("on_call_complete.json")
    unknown = {name: None for name in ("ended_at", "started_at", "created_at") if name not in known}
    assert DIALGEN.original_gone_on(dataclasses.replace(facts, **unknown), NOW) == expected  # type: ignore[arg-type]


def test_dialgen_deletes_nothing_and_says_what_a_person_must_do() -> None:
    assert DIALGEN.can_delete is False
    assert "in writing" in DIALGEN.deletion_instructions
    assert DIALGEN.is_verified is False
    assert DIALGEN.verification.startswith("Unverified against the real system")


@ON_A_BUSY_MACHINE
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_unparseable(body: bytes) -> None:
    for parse in (DIALGEN.parse, DIALGEN.parse_answer):
        with contextlib.suppress(Unparseable):
            assert parse(body)
    assert DIALGEN.delivery_key(Incoming({}, body))


@ON_A_BUSY_MACHINE
@given(st.dictionaries(st.sampled_from(CALL_FIELDS), JSON), st.sampled_from(["callData", "calls", "event", "batchId"]))
def test_any_json_in_the_fields_is_parsed_or_unparseable(call: dict[str, object], where: str) -> None:
    body = json.dumps({where: [call] if where == "calls" else call, "event": "batch.failed", "statistics": call})
    with contextlib.suppress(Unparseable):
        for facts in DIALGEN.parse(body.encode()):
            kept = json.dumps(dataclasses.asdict(facts), default=str, ensure_ascii=False)
            assert "\x00" not in kept.encode().decode()  # the database takes it: valid UTF-8 without NUL


@ON_A_BUSY_MACHINE
@given(
    identifier=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=200),
    words=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    duration=st.integers(0, 604_800),
    started_at=st.datetimes(*map(datetime.fromisoformat, ("2000-01-01", "2099-12-31")), timezones=st.just(UTC)),
)
def test_what_was_said_is_what_is_read(identifier: str, words: str, duration: int, started_at: datetime) -> None:
    call = {"id": identifier, "duration": duration, "startTime": started_at.isoformat(), "summary": words}
    call["transcription"] = [{"role": "user", "content": words, "timestamp": started_at.isoformat()}]
    (facts,) = DIALGEN.parse(json.dumps({"callData": call}).encode())
    assert isinstance(facts, CallFacts)
    assert (facts.external_id, facts.duration_seconds, facts.started_at) == (identifier, duration, started_at)
    assert (facts.transcript[0].content, facts.transcript[0].timestamp) == (words, started_at)
