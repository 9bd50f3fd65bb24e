"""Hostile and broken text: an answer in bounded time, or the refusal that is documented."""

from __future__ import annotations

import random
import time

import pytest

from compliance.disclosure import rules
from compliance.disclosure.rules import transcripts

SIZE = 20_000
_RANDOM = random.Random(7)
_SOUP = [
    "the",
    "call",
    "is",
    "recorded",
    "if",
    "asked",
    "don't",
    "mention",
    "we",
    "record",
    "unless",
    "never",
    "tell",
    "skip",
    "greeting",
    '"',
    "'",
    "(",
    "{",
    "[",
    "<",
    "say",
    "when",
]
HOSTILE = {
    "one word": "a" * SIZE,
    "blanks": " " * SIZE,
    "lines": "\n" * SIZE,
    "quotes": '"' * SIZE,
    "apostrophes": "'a " * (SIZE // 3),
    "open comments": "<!--" * (SIZE // 4),
    "open tags": "<a " * (SIZE // 3),
    "nested tags": "<a>" * (SIZE // 3),
    "braces": "{{" * (SIZE // 2),
    "conditions": "{% if a %}" * (SIZE // 10),
    "disclosures": "this call is recorded. " * (SIZE // 23),
    "denials": "the call is not recorded\n" * (SIZE // 25),
    "prohibitions": "never mention recording\n" * (SIZE // 24),
    "gaps": "if when record tell not never " * (SIZE // 30),
    "soup": " ".join(_RANDOM.choice(_SOUP) for _ in range(SIZE // 6)),
    "ligatures": "ﬁ" * SIZE,
    "growing letters": "İ" * SIZE,
    "invisible": "\u200b" * SIZE,
    "surrogates": "\ud800" * 1000,
    "nul": "\0" * SIZE,
    "escapes": '\\n\\"' * (SIZE // 4),
    "mail": "a@" * (SIZE // 2),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_prompts_in_bounded_time(text: str) -> None:
    started = time.process_time()
    result = rules.judge_prompt(text, language="en", jurisdictions=["DE"])
    assert time.process_time() - started < 10  # ordinary: under one
    assert result.verdict is not rules.Verdict.PASS


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_calls_in_bounded_time(text: str) -> None:
    turns = [{"role": "assistant", "content": text, "timestamp": 0}, {"role": "user", "content": text, "timestamp": 1}]
    started = time.process_time()
    rules.judge_transcript(turns, language="en", jurisdictions=["DE"])
    assert time.process_time() - started < 10


def test_a_text_above_the_cap_is_refused() -> None:
    with pytest.raises(rules.TextTooLong):
        rules.judge_prompt("x" * (rules.MAX_CHARS + 1), language="en", jurisdictions=[])


def test_a_call_above_the_cap_is_refused() -> None:
    with pytest.raises(rules.TooManyTurns):
        rules.judge_transcript([{}] * (transcripts.MAX_TURNS + 1), language="en", jurisdictions=[])


def test_nothing_is_not_a_pass() -> None:
    assert rules.judge_prompt("", language="en", jurisdictions=["US-CA"]).reasons == ("missing",)
    empty = rules.judge_transcript([], language="en", jurisdictions=["US-CA"])
    assert empty.verdict is rules.Verdict.REVIEW


def test_speed() -> None:
    """The figure is measured by the benchmark; here only that nothing became slow by an order of magnitude."""
    from tests.compliance.disclosure.rules import cases

    filler = "Ask which day suits them, read the slot back slowly and thank them for their patience.\n" * 30
    prompts = [row["prompt"] + "\n\n" + filler for row in cases.load("prompts", "en")[:60]]
    rules.judge_prompt(prompts[0], language="en", jurisdictions=["US-CA"])

    def once() -> float:
        started = time.process_time()
        for prompt in prompts:
            rules.judge_prompt(prompt, language="en", jurisdictions=["US-CA"])
        return time.process_time() - started

    assert len(prompts) / min(once() for _ in range(3)) > 60
