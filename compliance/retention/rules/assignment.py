"""From a schedule and the facts of an artifact to the day on which it is due, what happens then, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from compliance.retention.rules.schedules import Action, ArtifactFacts, ClockStart, Guard, Rule, Schedule

_CASE_CLOSED = "case_closed:"
_THEN = {
    Action.DELETE: "",
    Action.REDACT: ", then a person looks (redaction is not available yet)",
    Action.REVIEW: ", then a person looks",
}


@dataclass(frozen=True)
class Assignment:
    """When an artifact is due (None: kept, or not due yet), by which rule, why in words, what a person should know
    about it, and what happens on the day.
    """

    due_on: date | None
    rule_id: str
    reason: str
    warning: str | None
    action: Action = Action.DELETE


def assign(schedule: Schedule, facts: ArtifactFacts) -> Assignment:
    """The day on which an artifact is due under a schedule. Where guards disagree the longest minimum wins.

    A case that is not closed makes nothing due, but a maximum counts all the same, from the end of the call.
    """
    rule = next(rule for rule in schedule.rules if rule.match.fits(facts))
    days, bound = _guarded(rule.keep_days, [guard for guard in schedule.guards if guard.match.fits(facts)])
    bounds = f"; {bound}" if bound else ""
    if days is None:
        return Assignment(None, rule.rule_id, f"kept until it is erased: {rule.why}{bounds}", rule.warning)
    if rule.clock is ClockStart.CASE_CLOSED and facts.case_closed_on is None:
        return _without_end(schedule, facts, rule)
    start, source = _start(rule.clock, facts)
    reason = f"{_days(days)} from {source} on {start}{_THEN[rule.action]}: {rule.why}{bounds}"
    return Assignment(_later(start, days), rule.rule_id, reason, rule.warning, rule.action)


def case_closed_on(labels: Iterable[str]) -> date | None:
    """The newest day of a call's labels `case_closed:<day>`; what is no day is no closing."""
    days = []
    for label in labels:
        if label.startswith(_CASE_CLOSED):
            try:
                days.append(date.fromisoformat(label.removeprefix(_CASE_CLOSED)))
            except ValueError:
                continue
    return max(days, default=None)


def _without_end(schedule: Schedule, facts: ArtifactFacts, rule: Rule) -> Assignment:
    days, bound = _guarded(None, [guard for guard in schedule.guards if guard.match.fits(facts)])
    if days is None:
        waits = f"not due yet: {_days(rule.keep_days or 0)} from the closing of the case, which is not closed"
        return Assignment(None, rule.rule_id, f"{waits}: {rule.why}", rule.warning, rule.action)
    start, source = _start(ClockStart.CALL_END, facts)
    reason = f"{_days(days)} from {source} on {start}, as the case is not closed{_THEN[rule.action]}: {rule.why}"
    return Assignment(_later(start, days), rule.rule_id, f"{reason}; {bound}", rule.warning, rule.action)


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
        ClockStart.LAST_CONTACT: (facts.last_contact_on or facts.call_ended_on, "the last contact"),
        ClockStart.CASE_CLOSED: (facts.case_closed_on, "the closing of the case"),
    }
    day, source = known[clock]
    if day is not None:
        return day, source
    return facts.registered_on, f"registration (the day of {source} is unknown)"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def _later(start: date, days: int) -> date:
    """That many days later; the calendar's last day where it would end before."""
    return date.fromordinal(min(start.toordinal() + days, date.max.toordinal()))
