"""The clock: from a regime, a right, a civil date of receipt, a place and events to the dates that bind.

What can go wrong: a date that is too late. So where a text is open the earlier date holds and the explanation says
so; an extension counts from the start of the period, never from the end of the first one; only what the law names
stops or moves a clock; and every line of the explanation names its article.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from compliance.law import calendars, explanations, happenings, regimes
from compliance.law.happenings import Question
from compliance.law.periods import Period
from compliance.law.statutes import EffectKind
from compliance.law.terms import Deadlines, Event, Refused, Right, as_right


def deadlines(regime: str, right: Right | str, received: date, place: str, events: Sequence[Event] = ()) -> Deadlines:
    """The dates that bind for one right, with every rule that made them.

    `received` is the civil date at the controller's place on which the request (for `appeal`: the appeal) arrived,
    working day or not. `place` decides weekends and public holidays. Raises LawError for what it cannot answer.
    """
    statute = regimes.regime_named(regime)
    clock = statute.clock_for(as_right(right))
    calendar = calendars.calendar_of(place)
    for day in (received, *(event.on for event in events)):
        calendars.in_range(day)
    reading = happenings.read(clock, received, events)
    period, late = _begin(Period(statute, clock, calendar, received, received), reading.questions)
    counted = tuple(question for question in reading.questions if question not in late)
    respond_by = period.end(clock.respond)
    return Deadlines(
        acknowledge_by=period.end(clock.acknowledge) if clock.acknowledge else None,
        respond_by=respond_by,
        extended_respond_by=period.end(clock.extended) if clock.extended else None,
        extension_notice_by=respond_by if clock.extended else None,
        refused=_refused(reading.refused, period, late),
        explanation=tuple(explanations.explain(period, counted)),
    )


def _begin(period: Period, questions: Iterable[Question]) -> tuple[Period, list[Question]]:
    """Lets each question shift the start or pause the period, in the order asked; one asked too late moves nothing."""
    late: list[Question] = []
    for question in questions:
        kind = question.effect.kind
        if kind is EffectKind.PAUSES and period.runs_on(question.asked):
            period = replace(period, pauses=(*period.pauses, question))
        elif kind is EffectKind.PAUSES or question.asked > period.end(period.clock.respond):
            late.append(question)
        elif kind is EffectKind.SHIFTS_START and question.answered:
            period = replace(period, start=max(period.start, question.answered))
    return period, late


def _refused(unread: Iterable[Refused], period: Period, late: Iterable[Question]) -> tuple[Refused, ...]:
    rule = f"{period.clock.respond.law}: asked after the period had ended, which cannot reopen it"
    refused = (*unread, *happenings.without_effect(late, rule))
    return tuple(sorted(refused, key=lambda event: (event.on, event.kind.is_answer)))
