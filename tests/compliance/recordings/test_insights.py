"""What is found in words: the table of cases, whatever a fuzzer says, and how the caller sounds."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.connectors.facts import Message
from compliance.recordings.documents import UnknownFormat
from compliance.recordings.insights import conclusions
from compliance.recordings.insights.cards import is_card
from compliance.recordings.insights.conclusions import Insights, conclude
from compliance.recordings.insights.sentiment import METHOD, Feeling, LanguageSource, feeling_of, of_caller
from compliance.recordings.insights.spans import Span, SpanKind, without_overlaps

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "insights" / "spans.jsonl"
REGIONS = ("US", "GB", "DE")
PARTS = (
    "one two oh double triple twenty thirty-one hundred plus at dot dash um j jane example com uk . , - ( ) @ + 4 41 "
    "4111 1111 415 555 0132 é 🙂 １ ٣ \u2026 \n x4 _ ' us"
)
WORDS = PARTS.split(" ")


def vectors() -> list[dict[str, Any]]:
    return [json.loads(line) for line in VECTORS.read_text().splitlines()]


def said(*contents: str, role: str = "user") -> list[Message]:
    return [Message(role, content, None) for content in contents]


def found(text: str, *regions: str) -> list[Span]:
    return list(conclude(said(text), language="", regions=regions).spans)


@pytest.mark.parametrize("case", vectors(), ids=lambda case: case["text"][:40] or "nothing")
def test_the_table(case: dict[str, Any]) -> None:
    text = case["text"]
    spans = found(text, *case["regions"])
    assert [[span.kind.value, text[span.start : span.end], span.hint] for span in spans] == case["found"]


def test_the_table_is_long_enough() -> None:
    cases = vectors()
    kinds = [kind for case in cases for kind, _, _ in case["found"]]
    assert len(cases) >= 40
    assert all(kinds.count(kind) >= 8 for kind in SpanKind)
    assert sum(not case["found"] for case in cases) >= 10


NASTY = st.lists(st.sampled_from(WORDS), max_size=40).flatmap(
    lambda words: st.sampled_from(["", " "]).map(lambda between: between.join(words))
) | st.text(max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.lists(NASTY, max_size=3), st.lists(st.sampled_from(REGIONS), unique=True))
def test_whatever_is_said_every_span_stands_in_its_turn_and_no_two_overlap(
    contents: list[str], regions: list[str]
) -> None:
    messages = said(*contents)
    insights = conclude(messages, language="en", regions=regions)
    assert insights == conclude(messages, language="en", regions=regions)
    before: dict[int, int] = {}
    for span in insights.spans:
        content = contents[span.turn]
        assert before.get(span.turn, 0) <= span.start < span.end <= len(content)
        before[span.turn] = span.end
        assert not content[span.start].isspace()
        assert not content[span.end - 1].isspace()
        assert sum(one.isdigit() for one in span.hint) <= 4
    assert conclusions.read_insights(conclusions.insights_document(insights)) == insights


@given(st.lists(st.integers(0, 30).flatmap(lambda start: st.integers(1, 12).map(lambda size: (start, size)))))
def test_of_overlapping_readings_the_longest_wins(places: list[tuple[int, int]]) -> None:
    spans = [Span(SpanKind.PHONE, start % 2, start, start + size, "") for start, size in places]
    kept = without_overlaps(spans)
    for one in spans:
        rivals = [other for other in kept if other.turn == one.turn and other.start < one.end and one.start < other.end]
        assert rivals
        assert one in rivals or max(other.end - other.start for other in rivals) >= one.end - one.start
    assert all(before.turn != after.turn or before.end <= after.start for before, after in itertools.pairwise(kept))


def test_a_card_is_worse_to_miss_than_a_number() -> None:
    phone, card = (Span(kind, 0, 3, 9, "") for kind in (SpanKind.PHONE, SpanKind.CARD))
    assert without_overlaps([phone, card]) == [card]


@given(st.text("0123456789", min_size=1, max_size=20))
def test_one_changed_digit_is_no_card(number: str) -> None:
    if is_card(number):
        for at in range(4, len(number)):
            assert not is_card(number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :])
    assert not is_card(number[:12])


def test_places_are_counted_in_code_points() -> None:
    text = "🙂🙂 jane@example.com"
    (span,) = found(text)
    assert (span.start, span.end) == (3, len(text))


def test_every_turn_is_looked_through_and_the_agents_too() -> None:
    messages = [Message("assistant", "Is it 415-555-0132?", None), Message("user", "No, 415-555-0133.", None)]
    spans = conclude(messages, language="", regions=("US",)).spans
    assert [(span.turn, span.hint) for span in spans] == [(0, "…32"), (1, "…33")]


def test_more_digits_than_are_looked_at_are_told() -> None:
    assert conclude(said("4 1 5 " * 100), language="", regions=REGIONS).is_complete
    insights = conclude(said("four, " * 30_000 + "jane@example.com"), language="", regions=REGIONS)
    assert not insights.is_complete
    assert SpanKind.EMAIL in {span.kind for span in insights.spans}


def test_a_hint_is_not_shown_by_accident() -> None:
    (span,) = found("415-555-0132", "US")
    assert "32" not in repr(span)


def test_regions_are_countries_each_once() -> None:
    assert conclusions.regions_of(["US-CA", "US-NY", "de", "", "GB", "FR", "IT", "ES"]) == ("US", "DE", "GB", "FR")


# --- how the caller sounds --------------------------------------------------------------------------------------------

ANGRY = "I am very angry, this is terrible service and I want my money back."
HAPPY = "Thank you so much, that is wonderful and I love it, you are great."


def test_only_the_caller_is_judged() -> None:
    alone = of_caller(said(ANGRY), "en")
    messages = [Message("assistant", HAPPY, None), *said(ANGRY), Message("system", HAPPY, None)]
    beside = of_caller(messages, "en")
    assert alone.score == beside.score
    assert beside.feeling is Feeling.NEGATIVE
    assert [turn for turn, _ in beside.turns] == [1]


def test_the_score_is_the_mean_of_the_turns_and_in_bounds() -> None:
    felt = of_caller(said(ANGRY, HAPPY, "  "), "en-GB")
    scores = [score for _, score in felt.turns]
    assert felt.score == pytest.approx(sum(scores) / 2, abs=1e-4)
    assert scores[0] < -0.5 < 0.5 < scores[1]
    assert (felt.language, felt.language_source, felt.method) == ("en-GB", LanguageSource.PLATFORM, METHOD)
    assert METHOD == "vader 3.3.2"


@settings(max_examples=100, deadline=None)
@given(st.lists(NASTY, max_size=3))
def test_whatever_is_said_the_score_is_between_minus_one_and_one(contents: list[str]) -> None:
    felt = of_caller(said(*contents), "en")
    assert (felt.score is None) == (felt.feeling is Feeling.NOTHING_SAID)
    assert all(-1 <= score <= 1 for _, score in felt.turns)


@pytest.mark.parametrize("language", ["de", "es-MX", "fr", "ja", "eno", "e"])
def test_another_language_is_not_supported(language: str) -> None:
    felt = of_caller(said(ANGRY), language)
    assert (felt.feeling, felt.score, felt.turns, felt.language) == (Feeling.NOT_SUPPORTED, None, (), language)


def test_where_nobody_tells_the_language_the_callers_words_may() -> None:
    assert of_caller(said(ANGRY), "").language_source is LanguageSource.WORDS
    for words in (
        "Das ist ein schlechter Dienst, und ich will mein Geld zurück.",
        "No, gracias.",
        "Yes.",
        "ありがとう",
    ):
        felt = of_caller([Message("assistant", ANGRY, None), *said(words)], "")
        assert (felt.feeling, felt.language, felt.language_source) == (
            Feeling.NOT_SUPPORTED, "", LanguageSource.NOBODY,
        )  # fmt: skip


def test_a_silent_caller_has_no_score() -> None:
    for messages in ([], said("  "), said(HAPPY, role="assistant")):
        assert of_caller(messages, "en").feeling is Feeling.NOTHING_SAID


def test_a_long_turn_is_scored_in_pieces() -> None:
    felt = of_caller(said(" ".join([ANGRY] * 200)), "en")
    assert felt.score is not None
    assert -1 <= felt.score < -0.5


@pytest.mark.parametrize(
    ("score", "feeling"),
    [(0.05, "positive"), (0.0499, "neutral"), (0.0, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")],
)
def test_the_edges(score: float, feeling: str) -> None:
    assert feeling_of(score).value == feeling


def test_a_document_of_another_format_is_not_half_read() -> None:
    insights = Insights((), of_caller(said(ANGRY), "en"))
    fields = json.loads(conclusions.insights_document(insights)) | {"format": 2}
    with pytest.raises(UnknownFormat):
        conclusions.read_insights(json.dumps(fields).encode())
