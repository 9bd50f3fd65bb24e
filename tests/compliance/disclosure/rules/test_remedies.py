"""The fix: spoken alone it passes, and its edits make the prompt pass."""

from __future__ import annotations

import pytest

from compliance.disclosure import rules
from compliance.disclosure.rules import remedies
from compliance.disclosure.rules.results import Verdict
from tests.compliance.disclosure.rules import cases

FAULTY = [
    row for row in cases.load("prompts", "en") + cases.load("own_prompts") if row["expected"]["verdict"] != "pass"
]


def test_nearly_every_faulty_english_prompt_gets_a_fix() -> None:
    faulty = [row for row in FAULTY if row["language"].startswith("en")]
    without = [row["id"] for row in faulty if cases.judge(row).fix is None]
    assert len(without) <= 0.05 * len(faulty), without


def test_the_edited_prompt_passes() -> None:
    for row in FAULTY:
        result = cases.judge(row)
        assert (result.fix is None) == (result.edits == ())
        if result.fix is not None:
            again = cases.judge(row | {"prompt": remedies.apply(row["prompt"], result.edits)})
            assert again.verdict is Verdict.PASS, row["id"]


def test_the_sentence_alone_passes() -> None:
    for row in FAULTY:
        fix = cases.judge(row).fix
        if fix is not None:
            assert cases.judge(row | {"prompt": fix}).verdict is Verdict.PASS, row["id"]


@pytest.mark.parametrize(
    ("codes", "asked"), [(["US-CA"], False), (["GB"], False), (["DE"], True), (["US-CA", "PT"], True)]
)
def test_the_sentence_asks_where_a_yes_is_demanded(codes: list[str], asked: bool) -> None:
    result = rules.judge_prompt('Greeting: "Hi, who is calling?"', language="en", jurisdictions=codes)
    assert result.fix is not None
    assert ("?" in result.fix) == asked
    assert "quality" in result.fix


def test_the_notice_goes_into_the_greeting() -> None:
    text = 'You are Bob.\nGreeting: "Hi, Oak Vet."\nAsk for the name.\n'
    result = rules.judge_prompt(text, language="en", jurisdictions=["US-CA"])
    assert remedies.apply(text, result.edits).splitlines()[1] == f'Greeting: "{result.fix} Hi, Oak Vet."'


def test_cancelling_text_is_taken_out() -> None:
    text = 'Greeting: "Oak Vet. This call is recorded."\nNever mention the recording.\nAsk for the name.\n'
    result = rules.judge_prompt(text, language="en", jurisdictions=["US-CA"])
    assert result.reasons == ("contradicted",)
    assert "Never mention" not in remedies.apply(text, result.edits)


def test_what_passes_needs_no_fix() -> None:
    result = rules.judge_prompt("This call is recorded. What ails your pet?", language="en", jurisdictions=["US-CA"])
    assert (result.verdict, result.fix, result.edits) == (Verdict.PASS, None, ())


def test_a_language_without_a_pack_gets_no_invented_sentence() -> None:
    result = rules.judge_prompt("Habari, karibu Benki ya Mlima.", language="sw", jurisdictions=["KE"])
    assert (result.verdict, result.fix) == (Verdict.REVIEW, None)
