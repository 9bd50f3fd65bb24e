"""The judge of recording disclosures: pure rules over language packs, no framework, no model, no network."""

from compliance.disclosure.rules.jurisdictions import Override
from compliance.disclosure.rules.packs import JUDGING_VERSION, RULEBOOK_VERSION
from compliance.disclosure.rules.prompts import MAX_CHARS, TextTooLong
from compliance.disclosure.rules.remedies import judge_prompt
from compliance.disclosure.rules.results import (
    PROMPT_REASONS,
    TRANSCRIPT_REASONS,
    AiCheck,
    Check,
    Edit,
    JurisdictionView,
    PromptResult,
    Span,
    TranscriptResult,
    Verdict,
)
from compliance.disclosure.rules.transcripts import TooManyTurns, judge_transcript

__all__ = [
    "JUDGING_VERSION",
    "MAX_CHARS",
    "PROMPT_REASONS",
    "RULEBOOK_VERSION",
    "TRANSCRIPT_REASONS",
    "AiCheck",
    "Check",
    "Edit",
    "JurisdictionView",
    "Override",
    "PromptResult",
    "Span",
    "TextTooLong",
    "TooManyTurns",
    "TranscriptResult",
    "Verdict",
    "judge_prompt",
    "judge_transcript",
]
