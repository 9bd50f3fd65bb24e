"""One request's period: where it starts, what pauses it, and on which day each limit ends."""

from dataclasses import dataclass
from datetime import date, timedelta

from compliance.law import calendars
from compliance.law.calendars import Calendar
from compliance.law.happenings import Question
from compliance.law.statutes import Clock, EffectKind, Limit, Regime, Unit


@dataclass(frozen=True)
class Period:
    """All limits count from `start`, and only the pauses asked for while a limit still ran move that limit."""

    regime: Regime
    clock: Clock
    calendar: Calendar
    received: date
    start: date
    pauses: tuple[Question, ...] = ()

    def end(self, limit: Limit) -> date:
        """The last day of a limit."""
        return self._rolled(self.nominal(limit))

    def nominal(self, limit: Limit) -> date:
        """The last day before weekends and holidays move it, the days that do not count added."""
        day = self.bare(limit)
        for question in self.pauses:
            if question.asked <= self._rolled(day):
                day += timedelta(days=self.paused_days(question))
        return day

    def bare(self, limit: Limit) -> date:
        """The last day as the calendar alone gives it. Business days leave out weekends only."""
        count, unit = limit.span.count, limit.span.unit
        if unit is Unit.MONTHS:
            return calendars.add_months(self.start, count)
        if unit is Unit.BUSINESS_DAYS:
            return calendars.add_weekdays(self.start, count)
        return self.start + timedelta(days=count)

    def runs_on(self, day: date) -> bool:
        """Whether any limit has not ended before the day."""
        limits = (self.clock.respond, self.clock.extended or self.clock.respond)
        return day <= max(self.end(limit) for limit in limits)

    def paused_days(self, question: Question) -> int:
        """Days from question to answer, both included; no day counts twice and none before the period."""
        if question.answered is None:
            return 0
        day_after = timedelta(days=1)
        earlier = [
            pause.answered + day_after for pause in self.pauses if pause.answered and pause.asked < question.asked
        ]
        first = max(question.asked, self.start, *earlier)
        return max(0, (question.answered - first).days + 1)

    def suspended(self, questions: tuple[Question, ...], limit: Limit) -> date:
        """The last day if guidance is right that time stands still from question to answer; it never binds."""
        still: set[date] = set()
        for question in questions:
            if question.effect.kind is EffectKind.SUSPENDS and question.answered:
                days = (question.answered - question.asked).days
                still.update(question.asked + timedelta(days=day) for day in range(days))
        return self._rolled(self.bare(limit) + timedelta(days=len(still)))

    def _rolled(self, day: date) -> date:
        return self.calendar.next_working_day(day) if self.regime.rolls else day
