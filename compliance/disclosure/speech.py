"""Prompt against speech: the disclosure stands in the prompt that was in force; was it spoken in the call? Pure.

Only a live call that can be read counts against an agent. Where nobody was there, where the caller or a fault cut the
words off, and where only the caller spoke of recording, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from compliance.disclosure import rules
from compliance.disclosure.rules import TranscriptResult, Verdict, jurisdictions
from compliance.disclosure.rules.turns import AGENT_ROLES

NOT_SPOKEN = "prompt_not_spoken"
"""The finding's reason. It stands beside the judge's own reasons and never moves the call's verdict."""

SPOKEN, MISSED, UNCLEAR = "spoken", "not_spoken", "unclear"
_MISSED = frozenset({"missing", "ai_only", "late"})
_UNCLEAR = frozenset({"no_live_caller", "cut_off", "caller_only", "ambiguous", "negated", "wrong_language"})


@dataclass(frozen=True, slots=True)
class Clause:
    """The disclosure of a prompt version that passes: where it stands in the prompt, in code points."""

    prompt_id: UUID
    start: int
    end: int

    def __str__(self) -> str:
        """As the audit's column holds it."""
        return f"{self.prompt_id.hex}:{self.start}-{self.end}"

    @classmethod
    def read(cls, text: str) -> Clause | None:
        """Back from the column; None of an empty one."""
        prompt, _, span = text.partition(":")
        start, _, end = span.partition("-")
        return cls(UUID(prompt), int(start), int(end)) if end else None


def clause_in(prompt_id: UUID, result: rules.PromptResult) -> Clause | None:
    """The clause of a prompt that passes because it discloses; None of every other."""
    span = result.evidence_span
    if result.verdict is not Verdict.PASS or "disclosed" not in result.reasons or span is None:
        return None
    return Clause(prompt_id, span.start, span.end)


def outcome(turns: Sequence[Mapping[str, Any]], language: str, result: TranscriptResult) -> str:
    """Whether the agent spoke a notice. Where no notice is due, the same turns are asked as if one were."""
    if result.jurisdiction.demand == jurisdictions.ONE_PARTY:
        result = rules.judge_transcript(turns, language=language, jurisdictions=())
    reasons = frozenset(result.reasons)
    if reasons & _UNCLEAR or _first_spoken(turns) is None:
        return UNCLEAR
    if reasons & _MISSED:
        return MISSED
    return SPOKEN if result.disclosure_turn is not None else UNCLEAR


def turn_to_show(turns: Sequence[Mapping[str, Any]], result: TranscriptResult) -> int | None:
    """Where a reader should look: the turn that came late, else the agent's first one, where it should have stood."""
    return result.disclosure_turn if result.disclosure_turn is not None else _first_spoken(turns)


def _first_spoken(turns: Sequence[Mapping[str, Any]]) -> int | None:
    spoke = (index for index, turn in enumerate(turns) if str(turn.get("role", "")).strip().lower() in AGENT_ROLES)
    return next(spoke, None)
