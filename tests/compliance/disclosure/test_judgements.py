"""What is kept of the judge's answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.disclosure import judgements, rules
from compliance.disclosure.rules import Verdict, results
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, HIDDEN, SILENT


def _judged(text: str, *places: str, language: str = "en") -> judgements.Judgement:
    return judgements.of_prompt(rules.judge_prompt(text, language=language, jurisdictions=places))


@pytest.mark.parametrize(
    ("text", "place", "faults"),
    [
        (DISCLOSED, "US-CA", ()),
        (SILENT, "US-TX", ()),
        (SILENT, "US-CA", (("missing", Verdict.FAIL),)),
        (BARE, "CA", (("purpose_missing", Verdict.REVIEW),)),
        (BARE, "DE", (("consent_not_requested", Verdict.FAIL), ("purpose_missing", Verdict.REVIEW))),
        (HIDDEN, "US-CA", (("negated", Verdict.FAIL), ("concealed", Verdict.FAIL))),
    ],
)
def test_every_reason_but_a_passing_one_is_a_fault_with_its_own_verdict(text: str, place: str, faults: Any) -> None:
    judged = _judged(text, place)
    assert judged.faults == faults
    assert judged.verdict is results.worst([verdict for _, verdict in faults])


def test_every_reason_of_the_policy_has_a_verdict() -> None:
    for reason in rules.PROMPT_REASONS.keys() - judgements.PASSING:
        assert len(reason) <= 32  # the finding's column
    assert set(rules.TRANSCRIPT_REASONS) & judgements.PASSING == {"disclosed", "not_required", "no_live_caller"}


def test_evidence_is_kept_as_offsets() -> None:
    judged = _judged(DISCLOSED, "US-CA")
    start, end = judged.details["evidence"]
    assert DISCLOSED[start:end] == "This call is recorded for quality purposes."
    assert judged.details["class"] == "notice"
    assert "recorded" not in json.dumps(judged.details)


def test_turns_and_seconds_are_kept_of_a_call() -> None:
    turns = [
        {"role": "assistant", "content": "Hello.", "timestamp": 0.0},
        {"role": "assistant", "content": "This call is recorded.", "timestamp": 3.25},
        {"role": "user", "content": "My name is Maria Delgado.", "timestamp": 6.0},
    ]
    judged = judgements.of_transcript(rules.judge_transcript(turns, language="en", jurisdictions=["US-CA"]))
    assert judged.verdict is Verdict.PASS
    assert (judged.details["disclosure_turn"], judged.details["first_personal_data_turn"]) == (1, 2)
    assert "Maria" not in json.dumps(judged.details)


@pytest.mark.parametrize(
    ("agent", "caller", "places"),
    [
        (["US-CA"], "", ("US-CA",)),
        (["US-CA"], "DE", ("US-CA", "DE")),
        (["DE"], "DE", ("DE",)),
        ([], "DE", ("DE",)),
        ([], "JP", ()),  # the operator may be anywhere
        (["JP"], "JP", ("JP",)),
        ([], "", ()),
    ],
)
def test_an_unknown_operator_is_never_taken_for_a_harmless_one(
    agent: list[str], caller: str, places: tuple[str, ...]
) -> None:
    assert judgements.places_of_call(agent, [caller] if caller else []) == places
