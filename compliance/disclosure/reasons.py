"""What each reason says, for people. Pure; the judge's own reasons are in its rules."""

from __future__ import annotations

from compliance.disclosure import rules, speech

WORDS = {
    speech.NOT_SPOKEN: "The agent's prompt holds a disclosure, and the agent did not speak it in this call.",
}
"""Of findings that others than the judge make."""

DEMANDS = {
    "one_party": "no spoken notice is demanded",
    "notice": "the caller must be told at the start",
    "express": "the caller must be told and asked, and must say yes",
}
"""What a jurisdiction's class asks for."""


def told(reason: str, *, is_call: bool) -> str:
    """A reason as a sentence; the code itself where nobody has words for it."""
    of_call = {code: words for code, (_, words) in rules.TRANSCRIPT_REASONS.items()}
    first, second = (of_call, rules.PROMPT_REASONS) if is_call else (rules.PROMPT_REASONS, of_call)
    return WORDS.get(reason) or first.get(reason) or second.get(reason) or reason.replace("_", " ")
