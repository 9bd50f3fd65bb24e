"""The figures that the judge has reached. They may rise; a change that lowers one has to say why."""

from __future__ import annotations

from collections import Counter

import pytest

from compliance.disclosure import rules
from tests.compliance.disclosure.rules import cases


def test_english_prompts() -> None:
    score = cases.score_prompts(cases.load("prompts", "en"))
    assert score.false_passes == ()
    assert score.verdict >= 0.99
    assert score.reason >= 0.99
    assert score.detail >= 0.97


def test_prompts_in_other_languages() -> None:
    score = cases.score_prompts(cases.load("prompts", "other"))
    assert score.false_passes == ()
    assert score.verdict >= 0.98
    assert score.reason >= 0.97
    assert score.detail >= 0.95


def test_english_calls() -> None:
    score = cases.score_calls(cases.load("transcripts", "en"))
    assert score.false_passes == ()
    assert score.verdict >= 0.98
    assert score.reason >= 0.98
    assert score.detail >= 0.98


def test_calls_in_other_languages() -> None:
    score = cases.score_calls(cases.load("transcripts", "other"))
    assert score.false_passes == ()
    assert score.verdict >= 0.98
    assert score.detail >= 0.98


@pytest.mark.parametrize("language", ["hu", "cy", "und", "xx-Latn"])
def test_languages_without_a_pack_are_always_review(language: str) -> None:
    rows = [row | {"language": language} for row in cases.load("prompts")[::3]]
    assert Counter(cases.judge(row).verdict for row in rows) == {rules.Verdict.REVIEW: len(rows)}


@pytest.mark.parametrize("row", cases.load("own_prompts"), ids=lambda row: row["id"])
def test_prompts_in_unlike_styles(row: cases.Row) -> None:
    result = cases.judge(row)
    assert (result.verdict.value, result.reasons[0]) == (row["expected"]["verdict"], row["expected"]["reason"])


def test_whether_an_ai_is_disclosed() -> None:
    rows = cases.load("prompts", "en")
    right = sum(cases.judge(row).ai == row["expected"]["ai"] for row in rows)
    assert right / len(rows) >= 0.98


@pytest.mark.parametrize("name", ["prompts", "transcripts"])
def test_reasons_come_from_the_closed_lists(name: str) -> None:
    for row in cases.load(name):
        if name == "prompts":
            assert set(cases.judge(row).reasons) <= set(rules.PROMPT_REASONS)
        else:
            assert set(cases.judge_call(row).reasons) <= set(rules.TRANSCRIPT_REASONS)


def test_the_same_text_gets_the_same_answer() -> None:
    for row in cases.load("prompts", "en")[:40]:
        assert cases.judge(row) == cases.judge(row)


@pytest.mark.parametrize(
    ("name", "verdict", "reason", "false_passes"),
    [
        ("fresh_en", 0.98, 0.95, 0),
        ("fresh_en_2", 0.90, 0.80, 1),
        ("fresh_en_3", 0.95, 0.90, 0),
        ("fresh_en_4", 0.80, 0.75, 0),
        ("fresh_en_5", 0.96, 0.95, 0),
        ("fresh_en_6", 0.93, 0.91, 0),
        ("fresh_en_7", 0.98, 0.96, 0),
        ("fresh_other", 0.90, 0.80, 0),
        ("fresh_other_2", 0.95, 0.90, 0),
        ("fresh_other_3", 0.95, 0.90, 0),
        ("fresh_other_4", 0.98, 0.97, 0),
    ],
)
def test_prompts_that_were_fresh_once(name: str, verdict: float, reason: float, false_passes: int) -> None:
    """What was reached after generalising; docs/design/07-fresh-prompts.md has the first runs, which count."""
    score = cases.score_prompts([{"jurisdictions": []} | row for row in cases.load(name)])
    assert len(score.false_passes) <= false_passes
    assert score.verdict >= verdict
    assert score.reason >= reason


def test_calls_that_were_fresh_once() -> None:
    score = cases.score_calls(cases.load("fresh_transcripts"))
    assert score.false_passes == ()
    assert score.verdict >= 0.97
    assert score.reason >= 0.95
