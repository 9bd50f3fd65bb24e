"""One line of the table: what was measured, beside what, and whether that is enough."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from typing import Any


class Sense(enum.StrEnum):
    """On which side of the bound the target lies."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


class Measure(enum.StrEnum):
    """What the target speaks about."""

    RATIO = "ratio"
    VALUE = "value"


class Verdict(enum.StrEnum):
    """How a figure stands to its target."""

    MET = "met"
    SHORT = "short"
    INFORMATION = "–"


@dataclass(frozen=True, slots=True)
class Target:
    """A bound of the design, on the ratio to the baseline or on the value itself."""

    sense: Sense
    bound: float
    of: Measure

    def is_met_by(self, value: float) -> bool:
        """Whether a figure satisfies it."""
        return value >= self.bound if self.sense is Sense.AT_LEAST else value <= self.bound


def ratio_at_least(bound: float) -> Target:
    """At least this many times the baseline's speed."""
    return Target(Sense.AT_LEAST, bound, Measure.RATIO)


def at_least(bound: float) -> Target:
    """At least this, in the figure's unit."""
    return Target(Sense.AT_LEAST, bound, Measure.VALUE)


def at_most(bound: float) -> Target:
    """At most this, in the figure's unit."""
    return Target(Sense.AT_MOST, bound, Measure.VALUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured value with its baseline of the same run.

    `ratio` is speed over the baseline's speed (1 = as fast, 2 = twice as fast), of rounds in which both took turns.
    """

    what: str
    measured: float
    unit: str
    baseline: float | None = None
    baseline_is: str = ""
    ratio: float | None = None
    target: Target | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Met, short, or no target at all."""
        if self.target is None:
            return Verdict.INFORMATION
        value = self.ratio if self.target.of is Measure.RATIO else self.measured
        if value is None:
            raise ValueError(f"{self.what}: the target is a ratio, and there is none")
        return Verdict.MET if self.target.is_met_by(value) else Verdict.SHORT

    def to_json(self) -> dict[str, Any]:
        """For `var/bench.json` and the way from the measuring process."""
        return asdict(self) | {"verdict": self.verdict.value}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Figure:
        """The figure that `to_json` described."""
        known = {name: value for name, value in fields.items() if name != "verdict"}
        target = known.pop("target")
        if target is not None:
            target = Target(Sense(target["sense"]), target["bound"], Measure(target["of"]))
        return cls(**known, target=target)
