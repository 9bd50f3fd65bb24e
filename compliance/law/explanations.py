"""Why each date is what it is, one sentence a rule, each with its article."""

from collections.abc import Iterator
from datetime import date

import holidays

from compliance.law.happenings import Question
from compliance.law.periods import Period
from compliance.law.statutes import Certainty, EffectKind, Limit, Unit
from compliance.law.terms import Matter

_CAVEATS = {
    Certainty.SECONDARY: "stated here after secondary sources; check it against the text before relying on the day",
    Certainty.KNOWLEDGE: "stated here from common knowledge, not from the text; have it checked before relying on it",
}
_WANTED = {
    Matter.IDENTITY: "identity information",
    Matter.CLARIFICATION: "clarification",
    Matter.FEE: "the fee",
}


def explain(period: Period, questions: tuple[Question, ...]) -> Iterator[str]:
    """The lines of the explanation, in the order in which the dates are made."""
    clock = period.clock
    yield f"Received on {period.received}, place {period.calendar.place}: {period.regime.counting}."
    yield from _start(period, questions)
    if clock.acknowledge:
        yield from _limit(period, "Acknowledge", clock.acknowledge)
    yield from _limit(period, "Respond", clock.respond)
    if clock.extended:
        yield from _limit(period, "Respond if extended", clock.extended)
        yield from _extension(period, clock.extended)
    yield from _suspensions(period, questions)
    yield from clock.notes
    if clock.certainty in _CAVEATS:
        yield f"{clock.respond.law} is {_CAVEATS[clock.certainty]}."


def _start(period: Period, questions: tuple[Question, ...]) -> Iterator[str]:
    for question in questions:
        law, wanted = question.effect.law, _WANTED[question.matter]
        if question.effect.kind is EffectKind.SUSPENDS:
            continue
        if question.answered is None:
            yield (
                f"Asked on {question.asked} for {wanted}, not received yet ({law}). The clock waits for it, but no day "
                "is known, so the date without it is shown: the earlier date holds."
            )
        elif question.effect.kind is EffectKind.SHIFTS_START:
            yield f"Asked on {question.asked} for {wanted}, received on {question.answered} ({law})."
        else:
            yield from _pause(period, question, question.answered)
    if period.start > period.received:
        yield f"The period begins on {period.start}, the latest of these days and receipt ({period.clock.respond.law})."


def _pause(period: Period, question: Question, answered: date) -> Iterator[str]:
    days = period.paused_days(question)
    line = f"{question.asked} to {answered}: {days} days do not count ({question.effect.law})"
    if question.asked > period.end(period.clock.respond):
        line += "; asked after the first period had ended, so they count for the extended one only"
    yield f"{line}."


def _limit(period: Period, what: str, limit: Limit) -> Iterator[str]:
    bare, nominal, end = period.bare(limit), period.nominal(limit), period.end(limit)
    line = f"{what} by {end}: {limit.span} from {period.start} ({limit.law})"
    if limit.span.unit is Unit.MONTHS and bare.day != period.start.day:
        line += f"; there is no such day in that month, so its last day {bare} (Reg. 1182/71 Art. 3(2)(c))"
    if nominal > bare:
        line += f"; {bare} and the {(nominal - bare).days} days that do not count make it {nominal}"
    yield f"{line}."
    if limit.span.unit is Unit.BUSINESS_DAYS:
        yield from _business_days(period, limit, end)
    elif period.regime.rolls:
        yield from _roll(period, nominal, end)
    elif reason := period.calendar.day_off(end):
        yield (
            f"{end} is {reason}. {limit.law} does not move it, so the earlier date holds "
            f"(the next working day is {period.calendar.next_working_day(end)})."
        )
    if period.regime.reading and limit is period.clock.respond:
        yield period.regime.reading.format(strict=_strict(period, limit))


def _roll(period: Period, nominal: date, end: date) -> Iterator[str]:
    if nominal < end:
        reason = period.calendar.day_off(nominal)
        yield f"{nominal} is {reason}; the period ends with the next working day, {end} ({period.regime.rolls})."
    elif not period.calendar.subdivision and holidays.country_holidays(period.calendar.country).subdivisions:
        yield (
            f"Only the national public holidays of {period.calendar.country} are known for {period.calendar.place}; "
            f"a regional one on {end} would move it ({period.regime.rolls}), so the earlier date holds."
        )


def _business_days(period: Period, limit: Limit, end: date) -> Iterator[str]:
    later = period.calendar.add_working_days(period.start, limit.span.count)
    if later != end:
        yield (
            f"{limit.law} does not say that public holidays are no business days, so only weekends are left out and "
            f"the earlier date holds (without the public holidays of {period.calendar.place}: {later})."
        )


def _extension(period: Period, extended: Limit) -> Iterator[str]:
    notice = period.end(period.clock.respond)
    yield (
        f"The extension counts from the start, {period.start}, not from the end of the first period; it holds only if "
        f"the person is told, with the reasons, by {notice} ({extended.law})."
    )


def _strict(period: Period, limit: Limit) -> date:
    """A month "beginning with" a day, read to end the day before the same-numbered one."""
    day = period.nominal(limit)
    before = date.fromordinal(day.toordinal() - 1) if period.bare(limit).day == period.start.day else day
    return period.calendar.next_working_day(before)


def _suspensions(period: Period, questions: tuple[Question, ...]) -> Iterator[str]:
    suspending = tuple(question for question in questions if question.effect.kind is EffectKind.SUSPENDS)
    for question in suspending:
        until = f"received on {question.answered}" if question.answered else "not received yet"
        yield (
            f"Asked on {question.asked} for {_WANTED[question.matter]}, {until}: time may be suspended in between "
            f"if it was asked without undue delay ({question.effect.law}). GDPR Art. 12(3) itself knows no "
            "suspension, so the dates above stand."
        )
    if any(question.answered for question in suspending):
        limits = [limit for limit in (period.clock.respond, period.clock.extended) if limit]
        ends = " and, if extended, ".join(str(period.suspended(suspending, limit)) for limit in limits)
        yield f"Alternative with the suspension: respond by {ends} (EDPB Guidelines 01/2022 section 5.3)."
