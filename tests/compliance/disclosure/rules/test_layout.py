"""Configurations and tables become lines; no character moves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.disclosure import rules
from compliance.disclosure.rules import layout


def _judge(text: str, *codes: str) -> rules.PromptResult:
    return rules.judge_prompt(text, language="en", jurisdictions=codes or ("US-CA",))


@given(st.text(alphabet='{}[]":,\\n ab|-\n', max_size=80))
def test_nothing_moves(text: str) -> None:
    for source in (text, '{"a": ' + text):
        assert len(layout.lay_out(source)) == len(source)


def test_an_instruction_in_json_is_no_speech() -> None:
    asked = {"first_message": "Oak Vet.", "system": "If they ask whether the call is recorded, confirm it."}
    assert _judge(json.dumps(asked)).reasons == ("conditional",)
    denied = {"opening": "This call is recorded.", "rules": ["Be kind", "If asked, say that we do not record calls."]}
    assert _judge(json.dumps(denied)).reasons == ("contradicted",)


@pytest.mark.parametrize("indent", [None, 2])
def test_the_evidence_is_a_piece_of_the_source(indent: int | None) -> None:
    text = json.dumps({"agent": {"greeting": "Oak Vet. This call is recorded.", "tools": ["book"]}}, indent=indent)
    result = _judge(text)
    assert (result.verdict, result.evidence) == (rules.Verdict.PASS, "This call is recorded.")


def test_the_first_cell_of_a_row_is_its_label() -> None:
    table = "| step | words |\n|---|---|\n| 1 Opening | Oak Vet, calls are recorded. |\n| 2 Name | Your name? |\n"
    assert _judge(table).verdict is rules.Verdict.PASS


def test_a_question_in_a_table_is_answered_on_request_only() -> None:
    assert _judge("| topic | answer |\n|---|---|\n| are calls recorded? | yes |\n").reasons == ("conditional",)
