"""From a schedule and the facts of an artifact to the day on which it is due, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from compliance.retention.rules.schedules import ArtifactFacts, ClockStart, Guard, Schedule


@dataclass(frozen=True)
class Assignment:
    """When an artifact is due (None: kept), by which rule, why in words, and what a person should know about it."""

    due_on: date | None
    rule_id: str
    reason: str
    warning: str | None


def assign(schedule: Schedule, facts: ArtifactFacts) -> Assignment:
    """The day on which an artifact is due under a schedule. Where guards disagree the longest minimum wins."""
    rule = next(rule for rule in schedule.rules if rule.match.fits(facts))
    days, bound = _guarded(rule.keep_days, [guard for guard in schedule.guards if guard.match.fits(facts)])
    bounds = f"; {bound}" if bound else ""
    if days is None:
        return Assignment(None, rule.rule_id, f"kept until it is erased: {rule.why}{bounds}", rule.warning)
    start, source = _start(rule.clock, facts)
    reason = f"{_days(days)} from {source} on {start}: {rule.why}{bounds}"
    return Assignment(start + timedelta(days=days), rule.rule_id, reason, rule.warning)


def _guarded(days: int | None, guards: Sequence[Guard]) -> tuple[int | None, str]:
    ceilings = [(guard.maximum_days, guard) for guard in guards if guard.maximum_days is not None]
    floors = [(guard.minimum_days, guard) for guard in guards if guard.minimum_days is not None]
    bound = ""
    if ceilings:
        most, guard = min(ceilings, key=lambda ceiling: ceiling[0])
        if days is None or days > most:
            days, bound = most, f"shortened to the maximum of {guard.guard_id} ({guard.why})"
    if floors:
        least, guard = max(floors, key=lambda floor: floor[0])
        if days is not None and days < least:
            days, bound = least, f"lengthened to the minimum of {guard.guard_id} ({guard.why})"
    return days, bound


def _start(clock: ClockStart, facts: ArtifactFacts) -> tuple[date, str]:
    known = {
        ClockStart.CALL_END: (facts.call_ended_on, "the end of the call"),
        ClockStart.STORED: (facts.stored_on, "storage"),
    }
    day, source = known[clock]
    if day is not None:
        return day, source
    return facts.registered_on, f"registration (the day of {source} is unknown)"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
