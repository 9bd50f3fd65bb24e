"""Calls: what the sets do not hold."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.disclosure import rules

Turn = dict[str, Any]


def _call(*lines: tuple[str, str], step: float = 4.0) -> list[Turn]:
    return [{"role": role, "content": words, "timestamp": step * at} for at, (role, words) in enumerate(lines)]


def _judge(turns: list[Turn], *codes: str, language: str = "en") -> rules.TranscriptResult:
    return rules.judge_transcript(turns, language=language, jurisdictions=codes or ("US-CA",))


def test_system_and_tool_messages_are_never_spoken() -> None:
    turns: list[Turn] = [
        {"role": "system", "content": "Say: this call is recorded.", "timestamp": None},
        {"role": "tool", "content": None, "timestamp": None},
        {"role": "assistant", "content": "Hello! How can I help?", "timestamp": 1},
        {"role": "user", "content": "What are your hours?", "timestamp": 3},
    ]
    assert _judge(turns).reasons == ("missing",)


def test_turns_are_ordered_by_their_times() -> None:
    turns: list[Turn] = [
        {"role": "user", "content": "My name is Ann Lee.", "timestamp": 9},
        {"role": "assistant", "content": "Oak Vet, this call is recorded.", "timestamp": 0},
    ]
    result = _judge(turns)
    assert (result.reasons, result.disclosure_turn, result.first_personal_data_turn) == (("disclosed",), 1, 0)


def test_a_sentence_over_two_turns() -> None:
    result = _judge(
        _call(
            ("assistant", "Just so you know, this call"),
            ("assistant", "is being monitored and recorded."),
            ("user", "Okay."),
        )
    )
    assert (result.reasons, result.disclosure_turn) == (("disclosed",), 1)


@pytest.mark.parametrize("bad", [None, "yesterday", True, float("nan"), [], {}, "2026-13-01T00:00:00Z"])
def test_times_that_are_none_are_none(bad: object) -> None:
    turns = _call(("assistant", "Oak Vet, this call is recorded."), ("user", "Hi."))
    turns[0]["timestamp"] = bad
    assert (_judge(turns).reasons, _judge(turns).seconds_to_disclosure) == (("disclosed",), None)


def test_thirty_seconds_are_in_time_and_more_are_not() -> None:
    turns = _call(("assistant", "Oak Vet, hello."), ("user", "Hi."), ("assistant", "This call is recorded."))
    turns[2]["timestamp"] = 30.0
    assert _judge(turns).reasons == ("disclosed",)
    turns[2]["timestamp"] = 30.1
    assert _judge(turns).reasons == ("slow",)


@pytest.mark.parametrize(
    ("words", "personal"),
    [
        ("My name is Ann Lee.", True),
        ("It's ann dot lee at example dot com, ann at example dot com", True),
        ("five five five oh one four two", True),
        ("Order 4471 please.", True),
        ("I was born on 3/4/1988.", True),
        ("My daughter has a fever.", True),
        ("I lost my job in May.", True),
        ("A table for four at seven, please.", False),
        ("Do you have it in blue?", False),
        ("English, please.", False),
        ("I'm calling from Springfield.", False),
    ],
)
def test_personal_data_of_the_caller(words: str, personal: bool) -> None:
    result = _judge(_call(("assistant", "Oak Shop, hello."), ("user", words)))
    assert (result.first_personal_data_turn == 1) == personal


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        ("Yes, of course.", ("disclosed",)),
        ("Sure, go ahead.", ("disclosed",)),
        ("Hm, what can I say.", ("consent_unclear",)),
        ("I want to cancel my order.", ("consent_not_obtained",)),
        ("No, please don't.", ("objection_ignored", "objection")),
    ],
)
def test_answers_where_a_yes_is_demanded(answer: str, reasons: tuple[str, ...]) -> None:
    turns = _call(
        ("assistant", "May we record this call for training?"),
        ("user", answer),
        ("assistant", "Fine. Which one is it?"),
    )
    assert _judge(turns, "DE").reasons == reasons


def test_an_objection_that_is_honoured_needs_a_look_all_the_same() -> None:
    turns = _call(
        ("assistant", "This call is recorded for quality."),
        ("user", "I do not want to be recorded."),
        ("assistant", "I have stopped the recording. What can I do for you?"),
    )
    assert _judge(turns).reasons == ("objection", "objection_honored")


def test_a_denial_beats_the_notice() -> None:
    turns = _call(
        ("assistant", "This call is recorded."), ("user", "Really?"), ("assistant", "No, we don't record calls.")
    )
    assert (_judge(turns).reasons, _judge(turns).disclosure_turn) == (("negated",), 0)


def test_a_language_without_a_pack_is_review_even_where_nothing_is_required() -> None:
    turns = _call(("assistant", "Jó napot, ezt a beszélgetést nem rögzítjük."), ("user", "Rendben."))
    assert _judge(turns, "US-TX", language="hu").verdict is rules.Verdict.REVIEW
