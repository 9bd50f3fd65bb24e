"""What a check found, what it rests on, and what it did not look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

MAX_PROBLEMS = 100


class Outcome(IntEnum):
    """The exit codes of the verifier. The worst of what was found holds."""

    OK = 0
    NOT_FRESH = 10
    INCOMPLETE = 20
    FORKED = 30
    INVALID = 40


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    outcome: Outcome
    text: str


@dataclass(slots=True)
class Report:
    """The result for one target. `evidence_time` (POSIX seconds) is the latest time that a signature vouches for."""

    kind: str
    facts: dict[str, str | int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    outcome: Outcome = Outcome.OK
    further_problems: int = 0
    evidence_time: float | None = None

    def add(self, outcome: Outcome, text: str) -> None:
        """Notes a problem; of very many only the number, so that a hostile log cannot fill the memory."""
        self.outcome = max(self.outcome, outcome)
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(outcome, text))
        else:
            self.further_problems += 1

    def vouch(self, time: float | None) -> None:
        """Notes a time at which the log was provably alive."""
        if time is not None:
            self.evidence_time = max(self.evidence_time or time, time)

    def check_age(self, max_age: float | None, now: float) -> None:
        """Is the latest evidence at most `max_age` seconds old?"""
        if max_age is None:
            self.unchecked.append("how fresh this is: no --max-age was given")
        elif self.evidence_time is None:
            self.add(Outcome.NOT_FRESH, "nothing in it carries a signed time")
        elif now - self.evidence_time > max_age:
            self.add(Outcome.NOT_FRESH, f"the latest evidence is {round(now - self.evidence_time)} seconds old")

    def to_json(self) -> dict[str, object]:
        """The report for programs."""
        return {
            "kind": self.kind,
            "outcome": self.outcome.name.lower(),
            "exit_code": int(self.outcome),
            "facts": self.facts,
            "problems": [{"outcome": problem.outcome.name.lower(), "text": problem.text} for problem in self.problems],
            "further_problems": self.further_problems,
            "not_checked": self.unchecked,
        }

    def to_text(self) -> str:
        """The report for people."""
        lines = [f"{self.kind}: {_WORDS[self.outcome]}"]
        lines += [f"  {name.replace('_', ' ')}: {value}" for name, value in self.facts.items()]
        lines += _section("Wrong:", [f"[{p.outcome.name.lower().replace('_', ' ')}] {p.text}" for p in self.problems])
        if self.further_problems:
            lines.append(f"  … and {self.further_problems} more")
        lines += _section("Not checked:", self.unchecked)
        return "\n".join(lines) + "\n"


def _section(title: str, items: Sequence[str]) -> list[str]:
    return [title, *(f"  - {item}" for item in items)] if items else []


_WORDS = {
    Outcome.OK: "VERIFIED",
    Outcome.NOT_FRESH: "NOT FRESH",
    Outcome.INCOMPLETE: "INCOMPLETE",
    Outcome.FORKED: "FORKED",
    Outcome.INVALID: "INVALID",
}
