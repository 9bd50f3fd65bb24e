"""What a regime says, as data: spans, limits, effects of events, each with its article."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from compliance.law.terms import LawError, Matter, Right


class Unit(StrEnum):
    MONTHS = "month"
    DAYS = "calendar day"
    BUSINESS_DAYS = "business day"


@dataclass(frozen=True)
class Span:
    count: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.count} {self.unit.value}{'s' if self.count > 1 else ''}"


@dataclass(frozen=True)
class Limit:
    """A span counted from the start of the period, and the article that sets it."""

    span: Span
    law: str


class EffectKind(StrEnum):
    """What an answered question does to the clock."""

    SHIFTS_START = "shifts_start"  # the period begins with the answer
    PAUSES = "pauses"  # the days from question to answer, both included, do not count
    SUSPENDS = "suspends"  # guidance lets time stand still, the text does not say so: an alternative, never the date


@dataclass(frozen=True)
class Effect:
    kind: EffectKind
    law: str
    since: date = date.min  # requests received earlier know no such effect


class Certainty(StrEnum):
    """What a row rests on: the text itself, somebody's account of it, or what is commonly known."""

    READ = "read"
    SECONDARY = "secondary"
    KNOWLEDGE = "knowledge"


@dataclass(frozen=True)
class Clock:
    """The limits of some rights under one regime.

    `silent` is the rule named where an event has no effect, `silent_on` a more exact one for a matter.
    """

    rights: frozenset[Right]
    respond: Limit
    silent: str
    acknowledge: Limit | None = None
    extended: Limit | None = None  # in all, from the start of the period
    effects: Mapping[Matter, Effect] = field(default_factory=dict)
    silent_on: Mapping[Matter, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    certainty: Certainty = Certainty.READ


@dataclass(frozen=True)
class Regime:
    """One body of law. `rolls` is the article that moves a last day to the next working day; None: nothing moves it."""

    name: str
    title: str
    counting: str
    clocks: tuple[Clock, ...]
    rolls: str | None = None
    reading: str | None = None  # where the wording allows a stricter count of months: what to say of it
    instead: Mapping[Right, str] = field(default_factory=dict)  # rights without a clock, and what the law has for them

    @property
    def rights(self) -> frozenset[Right]:
        return frozenset().union(*(clock.rights for clock in self.clocks))

    def clock_for(self, right: Right) -> Clock:
        """The clock of a right. Raises LawError where this law has none, saying what it has instead."""
        for clock in self.clocks:
            if right in clock.rights:
                return clock
        hint = self.instead.get(right, f"it has clocks for {', '.join(sorted(self.rights))}")
        raise LawError(f"{self.name} has no clock for {right.value}: {hint}")
