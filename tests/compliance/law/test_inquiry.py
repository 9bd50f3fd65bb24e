"""One line in, one line out; hostile lines raise our own error and nothing else."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.law import Event, EventKind, LawError, inquiry

GOOD: dict[str, Any] = {
    "id": "r1",
    "regime": "uk-gdpr",
    "right": "access",
    "received": "2026-03-10",
    "place": "GB-ENG",
    "events": [{"kind": "clarification_requested", "on": "2026-03-12"}],
}


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_a_line_is_read() -> None:
    found = inquiry.parse(line())
    assert found.received == date(2026, 3, 10)
    assert found.events == (Event(EventKind.CLARIFICATION_REQUESTED, date(2026, 3, 12)),)


def test_an_answer_has_exactly_the_fields_of_the_contract() -> None:
    answer = inquiry.parse(line()).answer()
    assert list(answer) == ["id", "acknowledge_by", "respond_by", "extended_respond_by", "refused", "explanation"]
    assert answer["respond_by"] == "2026-04-10"
    assert answer["acknowledge_by"] is None
    assert json.loads(json.dumps(answer)) == answer


def test_refused_events_are_named_with_their_rule() -> None:
    answer = inquiry.parse(line(regime="us-ca", place="US-CA")).answer()
    refused = answer["refused"]
    assert isinstance(refused, list)
    assert len(refused) == 1
    assert refused[0].startswith("clarification_requested 2026-03-12: 11 CCR 7021(b)")
    assert answer["extended_respond_by"] == "2026-06-08"


def test_events_may_be_left_out_and_ids_may_be_numbers() -> None:
    assert inquiry.parse(json.dumps({**{k: v for k, v in GOOD.items() if k != "events"}, "id": 7}).encode()).id == 7


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"{}", "'id' is missing"),
        (line(place=None), "'place' is not a string"),
        (line(id=None), "'id' is neither"),
        (line(id=True), "'id' is neither"),
        (line(id=1.5), "'id' is neither"),
        (line(event=[]), "unknown field 'event'"),
        (line(received="10.03.2026"), "YYYY-MM-DD"),
        (line(received="2026-02-30"), "2026-02-30"),
        (line(received=20260310), "'received' is not a string"),
        (line(events={}), "'events' is not a list"),
        (line(events=None), "'events' is not a list"),
        (line(events=[1]), "an event is not a JSON object"),
        (line(events=[{"kind": "paused", "on": "2026-03-12"}]), "unknown event kind 'paused'"),
        (line(events=[{"kind": ["fee_requested"], "on": "2026-03-12"}]), "'kind' is not a string"),
        (line(events=[{"kind": "fee_requested"}]), "'on' is not a string"),
        (line(events=[{"kind": "fee_requested", "on": "2026-03-12", "at": 1}]), "unknown field 'at'"),
    ],
)
def test_a_bad_line_says_what_is_wrong(raw: bytes, message: str) -> None:
    with pytest.raises(LawError, match=message):
        inquiry.parse(raw)


@given(st.binary(max_size=200))
def test_bytes_raise_nothing_else(raw: bytes) -> None:
    with pytest.raises(LawError):
        inquiry.parse(raw)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "on", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, values)))
def test_wrong_values_raise_nothing_else(changes: dict[str, object]) -> None:
    try:
        inquiry.parse(line(**changes)).answer()
    except LawError:
        return
