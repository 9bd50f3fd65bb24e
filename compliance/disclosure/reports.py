"""Reports: periods, shares, and tables as CSV. Pure; the figures come from `operations.figures`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from compliance.errors import Invalid

NAMES = ("coverage", "trend", "agents", "speech")
GROUPS = ("agent", "place", "language")
DEFAULT_DAYS = 90
LONGEST_DAYS = 2 * 366
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included, in UTC."""

    first: date
    last: date

    def __post_init__(self) -> None:
        """Refuse what is no period, or one so long that its figures mean nothing. Raises Invalid."""
        if not 0 <= (self.last - self.first).days < LONGEST_DAYS:
            raise Invalid("This is no period", errors={"from": [f"Before `until`, and less than {LONGEST_DAYS} days."]})

    @classmethod
    def read(cls, first: str, last: str, today: date) -> Period:
        """From a query; the last 90 days where it says nothing."""
        end = _day("until", last) if last else today
        return cls(_day("from", first) if first else end - timedelta(days=DEFAULT_DAYS - 1), end)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The first moment, and the first one after it."""
        start = datetime.combine(self.first, time(), UTC)
        return start, datetime.combine(self.last + timedelta(days=1), time(), UTC)


@dataclass(frozen=True, slots=True)
class Table:
    """A report's rows; every row has every column. `overrides` are sentences about whose class is not the table's."""

    name: str
    period: Period
    columns: tuple[str, ...]
    rows: Sequence[dict[str, Any]]
    overrides: tuple[str, ...] = ()


def share(part: int, whole: int) -> float | None:
    """A part of 1, to four places; None of nothing."""
    return round(part / whole, 4) if whole else None


def as_csv(table: Table) -> str:
    """RFC 4180 with a head; overrides follow as lines of their own, because a report that rests on them says so."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow([_cell(row[name]) for name in table.columns])
    for sentence in table.overrides:
        writer.writerow([f"# {sentence}"])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Names are other people's words: a spreadsheet must not take one for a formula."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("A day is written 2026-11-22", errors={name: ["Not a day."]}) from error
