"""Offsets are code points of the text as it was given, whatever was folded on the way."""

from __future__ import annotations

import pytest

from compliance.disclosure import rules
from compliance.disclosure.rules import surface
from tests.compliance.disclosure.rules import cases


@pytest.mark.parametrize("name", ["prompts", "own_prompts"])
def test_evidence_and_offending_text_stand_where_the_spans_say(name: str) -> None:
    for row in cases.load(name):
        result = cases.judge(row)
        for quoted, span in (
            (result.evidence, result.evidence_span),
            (result.offending, result.offending_span),
        ):
            assert (quoted is None) == (span is None)
            if span is not None:
                assert 0 <= span.start < span.end <= len(row["prompt"])
                assert row["prompt"][span.start : span.end] == quoted


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\U0001f600\U0001f600 ",
        "İstanbul İİ ",
        "ﬁne ﬂoor ",
        "\u200b\u200bzero\u200b ",
        "Ｆｕｌｌ ｗｉｄｔｈ ",
        "“quoted” – ",
        "\r\n\t\r\n",
    ],
)
def test_spans_hold_behind_characters_that_change_length(before: str) -> None:
    text = f'{before}Greeting: "Oak Vet. This call is recorded. What ails your pet?"'
    result = rules.judge_prompt(text, language="en", jurisdictions=["US-CA"])
    assert result.verdict is rules.Verdict.PASS
    assert result.evidence == "This call is recorded."
    assert result.evidence_span == rules.Span(text.index("This call"), text.index(" What ails"))


def test_invisible_characters_do_not_hide_the_words() -> None:
    text = 'Greeting: "Oak Vet. This call is rec\u200bor\u00added. What ails your pet?"'
    result = rules.judge_prompt(text, language="en", jurisdictions=["US-CA"])
    assert result.evidence == "This call is rec\u200bor\u00added."


@pytest.mark.parametrize(
    ("typed", "meant"), [("recored", "recorded"), ("recroded", "recorded"), ("converstion", "conversation")]
)
def test_typing_errors_of_the_key_stems_are_understood(typed: str, meant: str) -> None:
    assert surface.fold(f"it is {typed} here", "en").text == f"it is {meant} here"


@pytest.mark.parametrize(
    "word", ["recorder", "reordered", "rewarded", "reported", "conservation", "records", "according"]
)
def test_real_words_are_no_typing_errors(word: str) -> None:
    assert surface.fold(f"it is {word} here", "en").text == f"it is {word} here"


def test_every_folded_offset_leads_back_into_the_source() -> None:
    source = "ﬁ\u200b İ “x” thsi is recored ﬂ " * 3
    folded = surface.fold(source, "en")
    ends = [folded.original(at, at + 1) for at in range(len(folded.text))]
    assert all(0 <= span.start <= span.end <= len(source) for span in ends)
    assert [span.start for span in ends] == sorted(span.start for span in ends)
