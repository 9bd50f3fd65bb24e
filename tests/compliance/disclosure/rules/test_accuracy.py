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


def test_other_languages_never_pass_what_should_not_pass() -> None:
    score = cases.score_prompts(cases.load("prompts", "other"))
    assert score.false_passes == ()


def test_english_calls() -> None:
    score = cases.score_calls(cases.load("transcripts", "en"))
    assert score.false_passes == ()
    assert score.verdict >= 0.98
    assert score.reason >= 0.98
    assert score.detail >= 0.98


def test_calls_in_other_languages_never_pass_what_should_not_pass() -> None:
    score = cases.score_calls(cases.load("transcripts", "other"))
    assert score.false_passes == ()


def test_languages_without_a_pack_are_always_review() -> None:
    rows = [row for row in cases.load("prompts", "other") if row["language"].split("-")[0] not in _judged()]
    assert rows
    assert Counter(cases.judge(row).verdict for row in rows) == {rules.Verdict.REVIEW: len(rows)}


def _judged() -> set[str]:
    from compliance.disclosure.rules import packs

    return set(packs.full_packs())


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
