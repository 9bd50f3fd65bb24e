"""The development sets, and how an answer is scored against them (labelling policy section 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.disclosure import rules

VECTORS = Path(__file__).parents[3] / "vectors" / "disclosure"
Row = dict[str, Any]


def load(name: str, language: str | None = None) -> list[Row]:
    """The rows of one set; of one language, or with `other` of all but English."""
    rows = [json.loads(line) for line in (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    if language is None:
        return rows
    english = [row for row in rows if row["language"].split("-")[0] == "en"]
    return english if language == "en" else [row for row in rows if row not in english]


def judge(row: Row) -> rules.PromptResult:
    """The judgement of one prompt."""
    return rules.judge_prompt(row["prompt"], language=row["language"], jurisdictions=row["jurisdictions"])


def judge_call(row: Row) -> rules.TranscriptResult:
    """The judgement of one call."""
    return rules.judge_transcript(row["transcription"], language=row["language"], jurisdictions=row["jurisdictions"])


@dataclass(frozen=True, slots=True)
class Score:
    """Shares that are right, and the ids of the false passes."""

    verdict: float
    reason: float
    detail: float
    false_passes: tuple[str, ...]


def _overlap(row: Row, result: rules.PromptResult) -> bool:
    gold = row["expected"].get("evidence")
    if gold is None or result.evidence_span is None:
        return gold is None and result.evidence is None
    start, span = row["prompt"].find(gold), result.evidence_span
    shared = min(start + len(gold), span.end) - max(start, span.start)
    return bool(shared * 2 >= max(len(gold), span.end - span.start))


def _same_turns(row: Row, result: rules.TranscriptResult) -> bool:
    want = row["expected"]
    turns = ("disclosure_turn", "seconds_to_disclosure", "first_personal_data_turn")
    return all(getattr(result, name) == want[name] for name in turns)


def _score(rows: list[Row], answer: Callable[[Row], Any], detail: Callable[[Row, Any], bool]) -> Score:
    answers = [(row, answer(row)) for row in rows]

    def share(right: Callable[[Row, Any], bool]) -> float:
        return sum(right(row, result) for row, result in answers) / len(answers)

    return Score(
        verdict=share(lambda row, result: result.verdict.value == row["expected"]["verdict"]),
        reason=share(lambda row, result: result.reasons[0] == row["expected"]["reasons"][0]),
        detail=share(detail),
        false_passes=tuple(
            row["id"]
            for row, result in answers
            if result.verdict is rules.Verdict.PASS and row["expected"]["verdict"] != "pass"
        ),
    )


def score_prompts(rows: list[Row]) -> Score:
    """`detail` is evidence that overlaps by at least half of the longer span."""
    return _score(rows, judge, _overlap)


def score_calls(rows: list[Row]) -> Score:
    """`detail` is all three turn figures right."""
    return _score(rows, judge_call, _same_turns)
