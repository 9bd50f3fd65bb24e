"""The JSON document that a schedule is stored as. Reading it raises RuleError only, naming what is wrong.

Format 1 knew no labels, no actions but deletion, and two clocks; it had no number. What it says means the same in 2.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields

from compliance.retention.rules.schedules import Action, ClockStart, Guard, Match, Rule, RuleError, Schedule

FORMAT = 2


def to_document(schedule: Schedule) -> dict[str, object]:
    """The schedule as JSON values; `parse_schedule` reads it back."""
    rules = [_document(rule) for rule in schedule.rules]
    guards = [_document(guard) for guard in schedule.guards]
    return {"format": FORMAT, "rules": rules, "guards": guards}


def parse_schedule(document: object) -> Schedule:
    """Reads a schedule. Raises RuleError, naming what is unknown, missing or of the wrong type."""
    top = _object(document, {"format", "rules", "guards"}, "the schedule")
    form = top.get("format", 1)
    if isinstance(form, bool) or form not in (1, FORMAT):
        raise RuleError(f"unknown format {str(form)[:20]!r}; known are 1 and {FORMAT}")
    return Schedule(
        rules=tuple(_rule(item) for item in _list(top.get("rules"), "rules")),
        guards=tuple(_guard(item) for item in _list(top.get("guards", []), "guards")),
    )


def _document(part: Rule | Guard) -> dict[str, object]:
    values = asdict(part)
    if isinstance(part, Rule):
        values |= {"clock": part.clock.value, "action": part.action.value}
    values["match"] = {name: sorted(wanted) for name, wanted in values["match"].items() if wanted is not None}
    return values


def _rule(item: object) -> Rule:
    values = _object(item, {field.name for field in fields(Rule)}, "a rule")
    clock, action = _text(values, "clock"), values.get("action", Action.DELETE.value)
    if clock not in set(ClockStart):
        raise RuleError(f"unknown clock {clock!r}; known are {', '.join(ClockStart)}")
    if not isinstance(action, str) or action not in set(Action):
        raise RuleError(f"unknown action {str(action)[:20]!r}; known are {', '.join(Action)}")
    return Rule(
        rule_id=_text(values, "rule_id"),
        keep_days=_number(values, "keep_days", required=True),
        clock=ClockStart(clock),
        why=_text(values, "why"),
        match=_match(values.get("match", {})),
        warning=_text(values, "warning") if values.get("warning") is not None else None,
        action=Action(action),
    )


def _guard(item: object) -> Guard:
    values = _object(item, {field.name for field in fields(Guard)}, "a guard")
    return Guard(
        guard_id=_text(values, "guard_id"),
        why=_text(values, "why"),
        match=_match(values.get("match", {})),
        minimum_days=_number(values, "minimum_days"),
        maximum_days=_number(values, "maximum_days"),
    )


def _match(item: object) -> Match:
    values = _object(item, {field.name for field in fields(Match)}, "a match")
    return Match(**{name: frozenset(_words(values[name], name)) for name in values})


def _words(value: object, name: str) -> list[str]:
    words = _list(value, name)
    if not words or not all(isinstance(word, str) for word in words):
        raise RuleError(f"{name} must be a list of at least one text")
    return [str(word) for word in words]


def _object(value: object, known: set[str], what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise RuleError(f"{what} is not an object")
    unknown = sorted(set(value) - known)
    if unknown:
        raise RuleError(f"{what} has an unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return value


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise RuleError(f"{name} is not a list")
    return value


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise RuleError(f"{name} is not a text")
    return value


def _number(values: Mapping[str, object], name: str, *, required: bool = False) -> int | None:
    if required and name not in values:
        raise RuleError(f"{name} is missing; null means kept")
    value = values.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise RuleError(f"{name} is not a whole number")
