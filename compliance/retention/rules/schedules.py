"""What a retention schedule is made of: facts, matches, rules and guards, checked when it is made."""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

_LONGEST_YEARS = 100
_LONGEST_ID, _LONGEST_WHY, _LONGEST_WARNING = 60, 150, 300  # so that every reason fits into 500 characters


class RuleError(ValueError):
    """The schedule cannot be used: what is wrong, and in which rule."""


class ClockStart(StrEnum):
    """The day from which days are counted."""

    CALL_END = "call_end"
    STORED = "stored"
    LAST_CONTACT = "last_contact"  # the newest call of the person that is not erased
    CASE_CLOSED = "case_closed"  # the call's newest label `case_closed:<day>`; without one nothing is due yet


class Action(StrEnum):
    """What happens on the day."""

    DELETE = "delete"
    REDACT = "redact"  # and keep; redaction is not built yet, so a person looks and nothing leaves by itself
    REVIEW = "review"


@dataclass(frozen=True)
class ArtifactFacts:
    """What schedules may look at. Dates are civil dates in the organisation's zone; `registered_on` is always known."""

    kind: str
    registered_on: date
    call_ended_on: date | None = None
    stored_on: date | None = None
    agent: str | None = None
    batch: str | None = None
    direction: str | None = None
    place: str | None = None
    outcome: str | None = None
    consent: str | None = None
    places: frozenset[str] = frozenset()  # of both ends, on whatever word
    labels: frozenset[str] = frozenset()
    last_contact_on: date | None = None
    case_closed_on: date | None = None


@dataclass(frozen=True)
class Match:
    """Values that an artifact must have, each a set of alternatives; None matches all, unknown facts included."""

    kinds: frozenset[str] | None = None
    agents: frozenset[str] | None = None
    batches: frozenset[str] | None = None
    directions: frozenset[str] | None = None
    places: frozenset[str] | None = None
    outcomes: frozenset[str] | None = None
    consents: frozenset[str] | None = None
    labels: frozenset[str] | None = None

    def fits(self, facts: ArtifactFacts) -> bool:
        wanted = (
            (self.kinds, facts.kind),
            (self.agents, facts.agent),
            (self.batches, facts.batch),
            (self.directions, facts.direction),
            (self.outcomes, facts.outcome),
            (self.consents, facts.consent),
        )
        if not all(values is None or value in values for values, value in wanted):
            return False
        if self.labels is not None and self.labels.isdisjoint(facts.labels):
            return False
        return self._fits_place({facts.place, *facts.places})

    @property
    def fits_everything(self) -> bool:
        return all(getattr(self, field.name) is None for field in fields(self))

    def _fits_place(self, places: set[str | None]) -> bool:
        """A country (`DE`) also matches its subdivisions (`DE-BY`)."""
        known = {place for place in places if place}
        return self.places is None or not self.places.isdisjoint(known | {place.partition("-")[0] for place in known})


@dataclass(frozen=True)
class Rule:
    """Keeps what it matches for `keep_days` (0 is the same day, None for ever) from `clock`, and then does `action`;
    `why` is for people.
    """

    rule_id: str
    keep_days: int | None
    clock: ClockStart
    why: str
    match: Match = Match()
    warning: str | None = None
    action: Action = Action.DELETE


@dataclass(frozen=True)
class Guard:
    """A floor or ceiling in days which no rule may pass for what it matches, and the duty behind it."""

    guard_id: str
    why: str
    match: Match = Match()
    minimum_days: int | None = None
    maximum_days: int | None = None


@dataclass(frozen=True)
class Schedule:
    """Ordered rules, of which the first match decides, and guards, which all apply. Raises RuleError when unusable."""

    rules: tuple[Rule, ...]
    guards: tuple[Guard, ...] = ()

    def asks_for(self, clock: ClockStart) -> bool:
        """Whether any rule counts from this day."""
        return any(rule.clock is clock for rule in self.rules)

    def __post_init__(self) -> None:
        if not self.rules or not self.rules[-1].match.fits_everything:
            raise RuleError("the last rule must match everything, so that nothing stays by accident")
        _check_ids([rule.rule_id for rule in self.rules] + [guard.guard_id for guard in self.guards])
        for rule in self.rules:
            _check_days(rule.rule_id, rule.keep_days)
            _check_text(rule.rule_id, rule.why, rule.warning)
        for guard in self.guards:
            _check_days(guard.guard_id, guard.minimum_days, guard.maximum_days)
            _check_text(guard.guard_id, guard.why)
            least, most = guard.minimum_days, guard.maximum_days
            if least is not None and most is not None and least > most:
                raise RuleError(f"{guard.guard_id}: the minimum is above the maximum")


def _check_ids(ids: list[str]) -> None:
    for name in ids:
        if not name or len(name) > _LONGEST_ID:
            raise RuleError(f"{name!r} is no id of 1 to {_LONGEST_ID} characters")
        if ids.count(name) > 1:
            raise RuleError(f"the id {name!r} is used twice")


def _check_days(name: str, *days: int | None) -> None:
    for count in days:
        if count is not None and not 0 <= count <= _LONGEST_YEARS * 366:
            raise RuleError(f"{name}: {count} days is not between 0 and {_LONGEST_YEARS} years")


def _check_text(name: str, why: str, warning: str | None = None) -> None:
    if not why.strip():
        raise RuleError(f"{name}: says no reason (GDPR Art. 5(1)(e), 5(2))")
    if len(why) > _LONGEST_WHY or len(warning or "") > _LONGEST_WARNING:
        raise RuleError(f"{name}: reason over {_LONGEST_WHY} or warning over {_LONGEST_WARNING} characters")
