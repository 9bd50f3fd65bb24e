"""What the judge answers: verdicts, the closed lists of reasons, and the result records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Verdict(StrEnum):
    """`fail` > `review` > `pass`; a case has the worst verdict among its reasons."""

    PASS = "pass"  # noqa: S105 - a verdict
    REVIEW = "review"
    FAIL = "fail"


_RANK = {Verdict.PASS: 0, Verdict.REVIEW: 1, Verdict.FAIL: 2}

# Labelling policy sections 4.2 to 4.4. `conditional` and `wrong_language` are `fail` or `review`; the judge says which.
PROMPT_REASONS = {
    "disclosed": "The caller is told that the call is recorded, in time and in the right language.",
    "not_required": "No spoken disclosure is needed in the places given.",
    "missing": "Nothing tells the caller that the call is recorded.",
    "ai_only": "The caller is told about the AI, but not about the recording.",
    "negated": "The agent says that the call is not recorded; it is.",
    "concealed": "The agent is told not to mention the recording.",
    "contradicted": "A disclosure exists, but other text denies, forbids or removes it.",
    "late": "The disclosure comes after personal data, after the business of the call, or at the end.",
    "wrong_language": "The disclosure is not spoken in the language of the call.",
    "not_spoken": "Recording is stated only where the caller will not hear it.",
    "conditional": "The disclosure is spoken in some calls only.",
    "consent_not_requested": "The caller is told but not asked; here a spoken yes is needed.",
    "consent_ignored": "A refusal, or silence, is treated as consent.",
    "ambiguous": "The wording may not be understood as recording.",
    "timing_unclear": "It is not fixed that the caller is told at the start.",
    "placeholder": "The disclosure would stand in text that is not shown.",
    "example_only": "The disclosure stands only in a sample dialogue.",
    "external_notice": "Someone else is said to have told the caller.",
    "opt_out_only": "The caller may object, but is not asked for a yes.",
    "purpose_missing": "The disclosure does not say why the call is recorded.",
}

# Labelling policy section 5.
TRANSCRIPT_REASONS = {
    "disclosed": (Verdict.PASS, "The caller was told in time and in the right language."),
    "not_required": (Verdict.PASS, "No spoken disclosure is needed in the places given."),
    "no_live_caller": (Verdict.PASS, "Nobody was at the other end."),
    "missing": (Verdict.FAIL, "The agent never spoke of recording."),
    "ai_only": (Verdict.FAIL, "The agent told about the AI, but not about the recording."),
    "caller_only": (Verdict.FAIL, "Only the caller spoke of recording."),
    "negated": (Verdict.FAIL, "The agent said that the call is not recorded."),
    "late": (Verdict.FAIL, "The caller was told after giving personal data."),
    "wrong_language": (Verdict.FAIL, "The caller was told in a language that is not the call's."),
    "consent_not_requested": (Verdict.FAIL, "The caller was told but never asked."),
    "consent_not_obtained": (Verdict.FAIL, "The question went unanswered and the agent went on."),
    "objection_ignored": (Verdict.FAIL, "The caller objected and the agent went on."),
    "objection": (Verdict.REVIEW, "The caller objected to the recording."),
    "objection_honored": (Verdict.REVIEW, "The agent stopped the recording or offered another way."),
    "consent_unclear": (Verdict.REVIEW, "The answer to the question was neither yes nor no."),
    "ambiguous": (Verdict.REVIEW, "The wording may not be understood as recording."),
    "cut_off": (Verdict.REVIEW, "The disclosure was cut off and not repeated in time."),
    "slow": (Verdict.REVIEW, "The caller was told more than 30 seconds after the start."),
    "new_participant": (Verdict.REVIEW, "Someone joined later and was not told."),
    "purpose_missing": (Verdict.REVIEW, "The disclosure did not say why the call is recorded."),
}


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of some verdicts; `pass` of none."""
    return max(verdicts, key=_RANK.__getitem__, default=Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of code points in the judged text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in the judged text; the edits of a result together make it pass."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class JurisdictionView:
    """The demand of the strictest place, and why."""

    codes: tuple[str, ...]
    demand: str
    purpose: bool
    why: tuple[str, ...]
    overridden: tuple[str, ...] = ()
    """Codes for which the organisation's own decision took the place of the table."""
    reviewed_on: date | None = None
    """When the oldest of the rows was last looked at."""


@dataclass(frozen=True, slots=True)
class AiCheck:
    """Whether the caller is told about the AI where that is demanded; no part of the verdict.

    `demand` is `always`, `some_calls`, `on_request`, `no_deception` or `none`; `met` is None where the text leaves it
    open.
    """

    demand: str
    met: bool | None
    citations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the policy's order of decision, and its answer; `span` is the text that it rests on."""

    id: str
    passed: bool
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class PromptResult:
    """Judgement of one prompt. Spans are code-point offsets into the text as it was given."""

    verdict: Verdict
    reasons: tuple[str, ...]
    ai: str
    jurisdiction: JurisdictionView
    evidence: str | None = None
    offending: str | None = None
    evidence_span: Span | None = None
    offending_span: Span | None = None
    fix: str | None = None
    edits: tuple[Edit, ...] = ()
    rulebook: str = ""
    ai_check: AiCheck | None = None
    checks: tuple[Check, ...] = ()

    def as_json(self, case_id: str | int | None) -> dict[str, object]:
        """The line that `check_prompts --format jsonl` writes (DESIGN section 2)."""
        return {
            "id": case_id,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "evidence": self.evidence,
            "offending": self.offending,
            "ai": self.ai,
            "fix": self.fix,
            "spans": {
                "evidence": [self.evidence_span.start, self.evidence_span.end] if self.evidence_span else None,
                "offending": [self.offending_span.start, self.offending_span.end] if self.offending_span else None,
            },
        }


@dataclass(frozen=True, slots=True)
class TranscriptResult:
    """Judgement of one call. Turn indexes count from 0 over all turns; seconds from turn 0, to 0.1."""

    verdict: Verdict
    reasons: tuple[str, ...]
    jurisdiction: JurisdictionView
    disclosure_turn: int | None = None
    seconds_to_disclosure: float | None = None
    first_personal_data_turn: int | None = None
    objection_turn: int | None = None  # heard, even where the language allows no verdict; no part of the line below
    seconds_to_objection: float | None = None
    rulebook: str = ""
    ai_check: AiCheck | None = None

    def as_json(self, case_id: str | int | None) -> dict[str, object]:
        """The line that `check_transcripts` writes (DESIGN section 2)."""
        return {
            "id": case_id,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "disclosure_turn": self.disclosure_turn,
            "seconds_to_disclosure": self.seconds_to_disclosure,
            "first_personal_data_turn": self.first_personal_data_turn,
        }


@dataclass(slots=True)
class Finding:
    """One reason with the text that it rests on, while the judge is at work."""

    reason: str
    verdict: Verdict
    span: Span | None = None
    offending: Span | None = None
