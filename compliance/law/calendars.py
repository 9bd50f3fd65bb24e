"""Civil dates: months as Reg. (EEC, Euratom) 1182/71 counts them, working days, and the public holidays of a place.

A place is an ISO 3166 code, with its subdivision where holidays differ (`DE-BY`, `GB-ENG`, `US-CA`).
"""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from compliance.law.terms import LawError

FIRST_YEAR = 2000
LAST_YEAR = 2099  # the last year in which something may happen; holiday data end one year later
_PLACE = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# Countries whose holiday data list every ISO 3166-2 subdivision: there an unknown one is a mistake. Elsewhere
# (France, Belgium, Ireland …) only regions with days of their own are listed, and any other has the national days.
_COMPLETE = frozenset({"AT", "BR", "CA", "CH", "DE", "ES", "GB", "US"})


@dataclass(frozen=True)
class Calendar:
    """Working days at one place: all days but Saturdays, Sundays and public holidays (Reg. 1182/71 Art. 2(2))."""

    place: str
    country: str
    subdivision: str | None

    def day_off(self, day: date) -> str | None:
        """Why the day is no working day ("a Saturday", the holiday's name), or None."""
        holiday = _public_holidays(self.country, self.subdivision, day.year).get(day)
        if holiday:
            return f"a public holiday ({holiday})"
        return {5: "a Saturday", 6: "a Sunday"}.get(day.weekday())

    def next_working_day(self, day: date) -> date:
        """The day itself where it is a working day, else the first one after it."""
        while self.day_off(day):
            day += timedelta(days=1)
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """The count-th working day after the day, public holidays left out."""
        while count:
            day = self.next_working_day(day + timedelta(days=1))
            count -= 1
        return day


@lru_cache(maxsize=256)
def calendar_of(place: str) -> Calendar:
    """The calendar of a place. Raises LawError for a code that is malformed or unknown."""
    if not _PLACE.fullmatch(place):
        raise LawError(f"place {place!r} is not an ISO 3166 code such as DE-BY, GB-ENG or US-CA")
    country, _, subdivision = place.partition("-")
    if country not in holidays.list_supported_countries(include_aliases=False):
        raise LawError(f"no public holidays are known for country {country!r} of place {place!r}")
    known = holidays.country_holidays(country).subdivisions
    if subdivision and subdivision not in known and country in _COMPLETE:
        raise LawError(f"{country} has no subdivision {subdivision!r}; known are {', '.join(known)}")
    return Calendar(place, country, subdivision if subdivision in known else None)


def add_months(day: date, count: int) -> date:
    """The same-numbered day `count` months on, or that month's last day (Reg. 1182/71 Art. 3(2)(c))."""
    years, month = divmod(day.month - 1 + count, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def add_weekdays(day: date, count: int) -> date:
    """The count-th day from Monday to Friday after the day; public holidays count."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def parse_date(text: str) -> date:
    """A civil date written YYYY-MM-DD. Raises LawError for any other form, a day that does not exist, or a far year."""
    if not _DATE.fullmatch(text):
        raise LawError(f"{text!r} is not a civil date written YYYY-MM-DD")
    try:
        return in_range(date.fromisoformat(text))
    except ValueError as error:
        raise LawError(f"{text!r}: {error}") from None


def in_range(day: date) -> date:
    """The day, if its year is one that the calendars cover. Raises LawError."""
    if isinstance(day, datetime):
        raise LawError("an instant is not a civil date; take the date at the controller's place (received_on)")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise LawError(f"{day} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return day


def received_on(instant: datetime, zone: str) -> date:
    """The civil date of an instant in an IANA zone, that of the controller. Raises LawError."""
    if instant.utcoffset() is None:
        raise LawError("an instant without a zone has no civil date")
    try:
        return instant.astimezone(ZoneInfo(zone)).date()
    except (KeyError, ValueError, OSError):
        raise LawError(f"unknown time zone {zone!r}") from None


# One frozen mapping a year: the library's own object fills itself while it is read, which threads must not share.
@lru_cache(maxsize=4096)
def _public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    if year > LAST_YEAR + 1:
        raise LawError(f"no public holidays are known after {LAST_YEAR + 1}")
    languages = holidays.country_holidays(country).supported_languages
    language = "en_US" if "en_US" in languages else None
    return dict(holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, language=language))
