"""Civil dates, working days and places."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from dateutil.relativedelta import relativedelta  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from compliance.law import LawError, calendars, received_on
from tests.compliance.law.vectors import months

TABLE = months()


@pytest.mark.parametrize(("start", "end"), TABLE["one_month"])
def test_a_month_ends_on_the_same_number_or_the_last_day(start: str, end: str) -> None:
    assert calendars.add_months(date.fromisoformat(start), 1) == date.fromisoformat(end)


@pytest.mark.parametrize(("start", "end"), TABLE["three_months"])
def test_three_months_count_from_the_start(start: str, end: str) -> None:
    assert calendars.add_months(date.fromisoformat(start), 3) == date.fromisoformat(end)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(1, 24))
def test_months_agree_with_another_library(day: date, count: int) -> None:
    assert calendars.add_months(day, count) == day + relativedelta(months=count)


@pytest.mark.parametrize("text", TABLE["no_date"])
def test_what_is_no_civil_date_is_refused(text: str) -> None:
    with pytest.raises(LawError):
        calendars.parse_date(text)


def test_an_instant_is_no_civil_date() -> None:
    with pytest.raises(LawError, match="not a civil date"):
        calendars.in_range(datetime(2026, 3, 10, tzinfo=UTC))


def test_weekdays_run_through_holidays_and_working_days_do_not() -> None:
    thanksgiving_week = date(2026, 11, 20)
    assert calendars.add_weekdays(thanksgiving_week, 10) == date(2026, 12, 4)
    assert calendars.calendar_of("US-CA").add_working_days(thanksgiving_week, 10) == date(2026, 12, 8)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 1)), st.integers(1, 60))
def test_weekdays_are_counted_one_by_one(day: date, count: int) -> None:
    end = calendars.add_weekdays(day, count)
    between = [day + timedelta(days=n) for n in range(1, (end - day).days + 1)]
    assert end.weekday() < 5
    assert sum(d.weekday() < 5 for d in between) == count


@pytest.mark.parametrize(
    ("place", "day", "reason"),
    [
        ("DE-BY", date(2026, 1, 6), "a public holiday (Epiphany)"),
        ("DE-BE", date(2026, 1, 6), None),
        ("DE", date(2026, 10, 3), "a public holiday (German Unity Day)"),
        ("DE-BY", date(2026, 8, 15), "a Saturday"),  # Assumption: a holiday in catholic communes only
        ("GB-ENG", date(2026, 12, 28), "a public holiday (Boxing Day (observed))"),
        ("GB-SCT", date(2026, 1, 2), "a public holiday"),
        ("IE-D", date(2026, 3, 17), "a public holiday"),
        ("FR-IDF", date(2026, 7, 14), "a public holiday"),
        ("US-CA", date(2026, 3, 8), "a Sunday"),
    ],
)
def test_days_off(place: str, day: date, reason: str | None) -> None:
    found = calendars.calendar_of(place).day_off(day)
    assert found == reason if reason is None else found is not None and found.startswith(reason)


@pytest.mark.parametrize(
    "place", ["XX", "UK", "DE-XX", "US-ZZ", "DE_BY", "DE-", "DEU", "DE-BYXX", "de", "DE-BY\n", "Ü"]
)
def test_unknown_places_are_refused(place: str) -> None:
    with pytest.raises(LawError):
        calendars.calendar_of(place)


def test_every_member_state_has_a_calendar() -> None:
    for place in re.findall("..", "ATBEBGHRCYCZDKEEFIFRDEGRHUIEITLVLTLUMTNLPLPTROSKSIESSEISLINO"):
        assert calendars.calendar_of(place).day_off(date(2026, 12, 25)) is not None, place


def test_threads_see_the_same_holidays() -> None:
    calendar = calendars.calendar_of("DE-TH")
    whole_years = [date(year, 9, 20) for year in range(2019, 2091)]  # World Children's Day, Thuringia, since 2019
    with ThreadPoolExecutor(8) as pool:
        found = [list(pool.map(calendar.day_off, whole_years)) for _ in range(4)]
    assert all("public holiday" in str(reason) for row in found for reason in row)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 10)),
        (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), "Europe/London", date(2026, 3, 9)),
        (datetime(2026, 3, 10, 5, 0, tzinfo=UTC), "America/Los_Angeles", date(2026, 3, 9)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "Europe/Berlin", date(2026, 3, 29)),  # clocks change that night
        (datetime(2026, 10, 24, 22, 30, tzinfo=UTC), "Europe/Berlin", date(2026, 10, 25)),
        (datetime(2026, 3, 10, 1, 0, tzinfo=timezone(timedelta(hours=9))), "UTC", date(2026, 3, 9)),
    ],
)
def test_receipt_is_a_day_at_the_controllers_place(instant: datetime, zone: str, day: date) -> None:
    assert received_on(instant, zone) == day


@pytest.mark.parametrize(
    ("instant", "zone"),
    [
        (datetime(2026, 3, 9, 23, 30), "Europe/Berlin"),  # noqa: DTZ001
        (datetime(2026, 3, 9, tzinfo=UTC), "Europe/Bavaria"),
        (datetime(2026, 3, 9, tzinfo=UTC), "../etc/passwd"),
        (datetime(2026, 3, 9, tzinfo=UTC), ""),
    ],
)
def test_receipt_needs_zones_that_exist(instant: datetime, zone: str) -> None:
    with pytest.raises(LawError):
        received_on(instant, zone)
