"""From single events to what counts: questions with their answers, and the events that no rule lets count."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from compliance.law.statutes import Clock, Effect
from compliance.law.terms import Event, EventKind, Matter, Refused


@dataclass(frozen=True)
class Question:
    """Something the controller asked for, and the day it came; None while it is outstanding."""

    matter: Matter
    asked: date
    answered: date | None
    effect: Effect

    @property
    def events(self) -> tuple[Event, ...]:
        asked = Event(EventKind(f"{self.matter}_requested"), self.asked)
        if self.answered is None:
            return (asked,)
        return (asked, Event(EventKind(f"{self.matter}_received"), self.answered))


@dataclass(frozen=True)
class Reading:
    """The questions that a clock lets count, by the day they were asked, and the events it does not."""

    questions: tuple[Question, ...]
    refused: tuple[Refused, ...]


def read(clock: Clock, received: date, events: Sequence[Event]) -> Reading:
    """Pairs each answer with the question before it; whatever pairs with nothing is refused with the rule."""
    questions: list[Question] = []
    refused: list[Refused] = []
    open_since: dict[Matter, date] = {}
    for event in _in_order(events, open_since):
        matter = event.kind.matter
        rule = _refusal(clock, received, event, open_since)
        if rule:
            refused.append(Refused(event.kind, event.on, rule))
        elif event.kind.is_answer:
            questions.append(Question(matter, open_since.pop(matter), event.on, clock.effects[matter]))
        else:
            open_since[matter] = event.on
    questions += [Question(matter, asked, None, clock.effects[matter]) for matter, asked in open_since.items()]
    return Reading(tuple(sorted(questions, key=lambda question: (question.asked, question.matter))), tuple(refused))


def _in_order(events: Sequence[Event], open_since: Mapping[Matter, date]) -> Iterator[Event]:
    """By day; on one day the answer to a question that is open comes first, else the question. Lazy, day by day."""
    for _, of_a_day in groupby(sorted(events, key=lambda event: event.on), key=lambda event: event.on):
        yield from sorted(of_a_day, key=lambda event: event.kind.is_answer != (event.kind.matter in open_since))


def without_effect(questions: Iterable[Question], rule: str) -> list[Refused]:
    """The events of questions that turned out to move nothing."""
    return [Refused(event.kind, event.on, rule) for question in questions for event in question.events]


def _refusal(clock: Clock, received: date, event: Event, open_since: Mapping[Matter, date]) -> str | None:
    matter = event.kind.matter
    effect = clock.effects.get(matter)
    if effect is None:
        return clock.silent_on.get(matter, clock.silent)
    if received < effect.since:
        return f"{effect.law} applies to requests received from {effect.since} on; for this one the earlier date holds"
    if event.on < received:
        return f"{clock.respond.law}: the period has not begun before receipt on {received}"
    if event.kind.is_answer and matter not in open_since:
        return f"{effect.law} counts from a request of the controller, and none was open on that day"
    if not event.kind.is_answer and matter in open_since:
        return (
            f"{effect.law}: already asked for on {open_since[matter]} and not yet received; asking again adds nothing"
        )
    return None
