"""How well the judge does on labelled cases: the scoring of the labelling policy, section 7. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.disclosure import rules

VERDICTS = ("pass", "review", "fail")
_TURNS = ("disclosure_turn", "first_personal_data_turn")
Row = Mapping[str, Any]


class Unlabelled(ValueError):
    """A case that cannot be scored; the message says which and why."""


@dataclass(slots=True)
class Tally:
    """Counts over some cases. A figure that no case has a label for is left out of its shares."""

    cases: int = 0
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)  # gold, answer
    false_passes: list[str] = field(default_factory=list)
    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # both, gold, answer

    def add(self, figure: str, right: bool) -> None:
        """One answer to one question."""
        self.asked[figure] += 1
        self.right[figure] += right

    def shares(self) -> dict[str, float]:
        """Each figure between 0 and 1."""
        found = {figure: self.right[figure] / asked for figure, asked in self.asked.items()}
        spoken = self.reasons["gold"] + self.reasons["answer"]
        return found | ({"reasons F1": 2 * self.reasons["both"] / spoken} if spoken else {})

    @property
    def false_pass_share(self) -> float:
        """Of the cases that should not pass."""
        wary = sum(count for (gold, _), count in self.confusion.items() if gold != "pass")
        return len(self.false_passes) / wary if wary else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """Tallies over all, by kind and language, and by the first reason of the label."""

    overall: dict[str, Tally]
    by_language: dict[str, Tally]
    by_reason: dict[str, Tally]


def measure(rows: Iterable[Row]) -> Report:
    """Judge and score labelled prompts and calls. Raises Unlabelled."""
    report = Report({}, {}, {})
    for row in rows:
        kind, want = _kind(row), row["expected"]
        language = str(row["language"]).split("-")[0].lower()
        first = want["reasons"][0] if want.get("reasons") else want["reason"]
        tallies = [
            report.overall.setdefault(kind, Tally()),
            report.by_language.setdefault(f"{kind} {language}", Tally()),
            report.by_reason.setdefault(f"{kind} {first}", Tally()),
        ]
        answer = _prompt(row) if kind == "prompts" else _call(row)
        for tally in tallies:
            _score(tally, row, want, first, answer)
    return report


def _kind(row: Row) -> str:
    want = row.get("expected")
    if (
        not isinstance(want, Mapping)
        or want.get("verdict") not in VERDICTS
        or not (want.get("reasons") or want.get("reason"))
    ):
        raise Unlabelled(f"{row.get('id')}: needs expected.verdict and expected.reasons")
    if isinstance(row.get("prompt"), str):
        return "prompts"
    if isinstance(row.get("transcription"), Sequence):
        return "calls"
    raise Unlabelled(f"{row.get('id')}: needs a prompt or a transcription")


def _prompt(row: Row) -> rules.PromptResult:
    return rules.judge_prompt(row["prompt"], language=row["language"], jurisdictions=row.get("jurisdictions", ()))


def _call(row: Row) -> rules.TranscriptResult:
    return rules.judge_transcript(
        row["transcription"], language=row["language"], jurisdictions=row.get("jurisdictions", ())
    )


def _score(tally: Tally, row: Row, want: Row, first: str, answer: rules.PromptResult | rules.TranscriptResult) -> None:
    verdict = answer.verdict.value
    tally.cases += 1
    tally.confusion[want["verdict"], verdict] += 1
    if verdict == "pass" and want["verdict"] != "pass":
        tally.false_passes.append(str(row.get("id")))
    tally.add("verdict", verdict == want["verdict"])
    tally.add("first reason", answer.reasons[0] == first)
    gold, said = set(want.get("reasons") or [first]), set(answer.reasons)
    tally.reasons.update({"both": len(gold & said), "gold": len(gold), "answer": len(said)})
    if isinstance(answer, rules.TranscriptResult):
        _score_turns(tally, want, answer)
        return
    if "evidence" in want:
        shared, longer = _overlap(row["prompt"], want["evidence"], answer.evidence_span)
        tally.add("evidence", shared * 2 >= longer)
        tally.add("evidence touched", shared > 0 or longer == 0)
    if "ai" in want:
        tally.add("ai", answer.ai == want["ai"])


def _overlap(text: str, gold: str | None, span: rules.Span | None) -> tuple[int, int]:
    """Characters that both spans have, and those of the longer one; a span against none is all wrong."""
    if gold is None or span is None:
        return 0, 0 if gold is None and span is None else 1
    start = text.find(gold)
    return (
        max(0, min(start + len(gold), span.end) - max(start, span.start)),
        max(len(gold), span.end - span.start),
    )


def _score_turns(tally: Tally, want: Row, answer: rules.TranscriptResult) -> None:
    for name in _TURNS:
        if name in want:
            tally.add(name.replace("_", " "), getattr(answer, name) == want[name])
    if "seconds_to_disclosure" in want:
        gold, said = want["seconds_to_disclosure"], answer.seconds_to_disclosure
        close = gold is not None and said is not None and abs(gold - said) <= 0.1 + 1e-9
        tally.add("seconds", close or (gold is None and said is None))


# for people and programs -------------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, object]:
    """The report for a program."""
    return {
        group: {name: _tally_json(tally) for name, tally in tallies.items()}
        for group, tallies in (
            ("overall", report.overall),
            ("by_language", report.by_language),
            ("by_reason", report.by_reason),
        )
    }


def _tally_json(tally: Tally) -> dict[str, object]:
    return {
        "cases": tally.cases,
        "confusion": {f"{gold} as {said}": count for (gold, said), count in sorted(tally.confusion.items())},
        "false_passes": tally.false_passes,
        "false_pass_share": round(tally.false_pass_share, 4),
        "shares": {figure: round(share, 4) for figure, share in tally.shares().items()},
    }


def as_text(report: Report) -> str:
    """The report for people."""
    lines = []
    for kind, tally in report.overall.items():
        lines += [f"{kind}: {tally.cases}", "  label \\ answer   " + "".join(f"{verdict:>8}" for verdict in VERDICTS)]
        for gold in VERDICTS:
            lines.append(f"  {gold:<17}" + "".join(f"{tally.confusion[gold, said]:>8}" for said in VERDICTS))
        named = f": {', '.join(tally.false_passes)}" if tally.false_passes else ""
        lines.append(f"  false passes {len(tally.false_passes)} ({tally.false_pass_share:.1%}){named}")
        lines += [f"  {figure:<26}{share:6.3f}" for figure, share in tally.shares().items()]
    for title, tallies in (("by language", report.by_language), ("by first reason", report.by_reason)):
        lines += ["", title]
        for name, tally in sorted(tallies.items()):
            shares = "  ".join(f"{figure} {share:.2f}" for figure, share in tally.shares().items())
            lines.append(f"  {name:<32}{tally.cases:>5}  false passes {len(tally.false_passes)}  {shares}")
    return "\n".join(lines) + "\n"
