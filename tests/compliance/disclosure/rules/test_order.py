"""What is ordered in one line happens in that order, whatever the language."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import judge_prompt
from compliance.disclosure.rules.results import Verdict

ASKED_FIRST = {
    "en": 'Ask for the caller\'s name and number. Then say: "This call is recorded for quality."',
    "nl": 'Vraag naam en geboortedatum. Zeg daarna: "Dit gesprek wordt opgenomen voor kwaliteit."',
    "pl": 'Poproś o imię i numer. Następnie powiedz: "Ta rozmowa jest nagrywana w celu poprawy jakości."',
}


@pytest.mark.parametrize("language", sorted(ASKED_FIRST))
def test_a_quoted_disclosure_after_an_ordered_question_is_late(language: str) -> None:
    """Policy §4.3 `late`: placed after a request for personal data."""
    result = judge_prompt(ASKED_FIRST[language], language=language, jurisdictions=("US-CA",))
    assert (result.verdict, result.reasons) == (Verdict.FAIL, ("late",))


@pytest.mark.parametrize(
    "prompt",
    [
        'Say: "Hello, may I have your name? This call is recorded for quality."',
        "Hello, may I have your name? This call is recorded for quality.",
    ],
)
def test_one_utterance_is_heard_whole_before_it_is_answered(prompt: str) -> None:
    """Policy §4.5: anywhere in the first utterance, also after its question."""
    assert judge_prompt(prompt, language="en", jurisdictions=("US-CA",)).verdict is Verdict.PASS
