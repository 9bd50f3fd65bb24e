"""From the judge's answer to what is kept of it: verdicts, codes, offsets. Never a word of the text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from compliance.disclosure import rules
from compliance.disclosure.rules import AiCheck, JurisdictionView, PromptResult, Span, TranscriptResult, Verdict
from compliance.disclosure.rules import jurisdictions as places

# Labelling policy 4.4; every other reason of a prompt has the verdict that the judge gave to the whole.
_REVIEWED = frozenset(
    {"ambiguous", "timing_unclear", "placeholder", "example_only", "external_notice", "opt_out_only", "purpose_missing"}
)
PASSING = frozenset({"disclosed", "not_required", "no_live_caller"})


class Resolution(StrEnum):
    """How a finding ended. The first three are people's; a later judgement of the same thing does the last."""

    FIXED = "fixed"
    ACCEPTED = "accepted"
    FALSE_ALARM = "false_alarm"
    SUPERSEDED = "superseded"


BY_PEOPLE = (Resolution.FIXED, Resolution.ACCEPTED, Resolution.FALSE_ALARM)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is kept: `faults` are the reasons that need a person, each with its own verdict."""

    verdict: Verdict
    reasons: tuple[str, ...]
    faults: tuple[tuple[str, Verdict], ...]
    details: dict[str, Any] = field(default_factory=dict)

    def codes(self) -> dict[str, str | int | bool | None]:
        """The judgement for the log, whose clear fields take codes and counts only."""
        return {
            "verdict": self.verdict.value,
            "reason": self.reasons[0],
            "reasons": len(self.reasons),
            "rulebook": rulebook_code(),
        }


def rulebook_code() -> str:
    """The rulebook as the log may name it: there a code has a letter."""
    return f"rules-{rules.RULEBOOK_VERSION}"


def of_prompt(result: PromptResult) -> Judgement:
    """Offsets are code points in the prompt as it was submitted."""
    faults = [
        (reason, Verdict.REVIEW if reason in _REVIEWED else result.verdict)
        for reason in result.reasons
        if reason not in PASSING
    ]
    details = _demand(result.jurisdiction) | {
        "ai": result.ai,
        "ai_check": _ai_check(result.ai_check),
        "evidence": _offsets(result.evidence_span),
        "offending": _offsets(result.offending_span),
        "checks": [{"id": one.id, "passed": one.passed, "span": _offsets(one.span)} for one in result.checks],
    }
    return Judgement(result.verdict, result.reasons, tuple(faults), details)


def of_transcript(result: TranscriptResult) -> Judgement:
    """Turns count from 0 over the whole transcript; seconds from its first turn."""
    judged = [(reason, rules.TRANSCRIPT_REASONS[reason][0]) for reason in result.reasons]
    faults = tuple(pair for pair in judged if pair[1] is not Verdict.PASS)
    details = _demand(result.jurisdiction) | {
        "ai_check": _ai_check(result.ai_check),
        "disclosure_turn": result.disclosure_turn,
        "seconds_to_disclosure": result.seconds_to_disclosure,
        "first_personal_data_turn": result.first_personal_data_turn,
        "objection_turn": result.objection_turn,
        "seconds_to_objection": result.seconds_to_objection,
    }
    return Judgement(result.verdict, result.reasons, faults, details)


def places_of_call(
    agent: Sequence[str], ends: Sequence[str], overrides: places.Overrides = places.NO_OVERRIDES
) -> tuple[str, ...]:
    """Where operator and caller may be: the agent's places and every place of the call's ends that counts. An operator
    whose place is unknown may be where notice is due, so a caller's one-party place alone settles nothing: the empty
    list ("unknown") is then the stricter one.
    """
    codes = tuple(dict.fromkeys([*agent, *ends]))
    if not agent and places.strictest(codes, overrides).demand == places.ONE_PARTY:
        return ()
    return codes


def given_by_agent(languages: Sequence[str] = (), jurisdictions: Sequence[str] = ()) -> dict[str, list[str]]:
    """What is said of an agent, as its calls' audits remember it: once that changes, they are judged again."""
    return {"languages": list(languages), "jurisdictions": list(jurisdictions)}


def ai_verdict(details: Mapping[str, Any]) -> str:
    """The check on telling about the AI in a word, for its own column: met, unmet, open, none; empty: not asked."""
    found = details.get("ai_check")
    if not found:
        return ""
    if found["demand"] == "none":
        return "none"
    return {True: "met", False: "unmet", None: "open"}[found["met"]]


def _demand(view: JurisdictionView) -> dict[str, Any]:
    return {
        "class": view.demand,
        "purpose": view.purpose,
        "why": list(view.why),
        "overridden": list(view.overridden),
        "reviewed_on": view.reviewed_on.isoformat() if view.reviewed_on else None,
    }


def _ai_check(check: AiCheck | None) -> dict[str, Any] | None:
    return {"demand": check.demand, "met": check.met, "citations": list(check.citations)} if check else None


def _offsets(span: Span | None) -> list[int] | None:
    return [span.start, span.end] if span else None
