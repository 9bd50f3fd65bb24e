"""An organisation's overrides of the law table: which hold on a day, and whether a change loosens anything. Pure.

A change is looser where, on any day from now on, any place that it touches would ask for less than it did before: a
gentler class, or no purpose. Both are asked of the judge itself, so that this and the verdicts cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from json import dumps

from compliance.disclosure.rules import Override, jurisdictions
from compliance.disclosure.rules.jurisdictions import Overrides

_RANK = {jurisdictions.ONE_PARTY: 0, jurisdictions.NOTICE: 1, jurisdictions.EXPRESS: 2}


@dataclass(frozen=True, slots=True)
class Held:
    """One override: place, class, purpose, and its last day (None: no end)."""

    code: str
    kind: str
    purpose: bool
    reason: str
    until: date | None = None


def in_force(held: Sequence[Held], on: date) -> Overrides:
    """The overrides of a day, as the judge takes them."""
    return {
        one.code: Override(one.kind, one.purpose, one.reason)
        for one in held
        if one.until is None or one.until >= on
    }  # fmt: skip


def loosens(before: Sequence[Held], after: Sequence[Held], today: date) -> bool:
    """Whether some place would ever ask for less by `after` than it does by `before`."""
    ends = {one.until + timedelta(days=1) for one in (*before, *after) if one.until is not None}
    days = [today, *sorted(day for day in ends if day > today)]
    codes = _touched({one.code for one in (*before, *after)})
    return any(_asks_less(code, in_force(before, day), in_force(after, day)) for day in days for code in codes)


def _touched(codes: set[str]) -> list[str]:
    """The places themselves and, for a country, every part of it that the table knows, and one that it does not."""
    known = [row for row in jurisdictions.table() if row.split("-")[0] in codes]
    return sorted({*codes, *known, *(f"{code}-X" for code in codes if "-" not in code)})


def _asks_less(code: str, before: Overrides, after: Overrides) -> bool:
    was, will = jurisdictions.strictest([code], before), jurisdictions.strictest([code], after)
    return _RANK[will.demand] < _RANK[was.demand] or (was.purpose and not will.purpose)


def used_by(codes: Sequence[str], overrides: Overrides) -> list[str]:
    """The overridden places that a judgement for these places rests on."""
    return [
        found
        for code in codes
        if (found := next((key for key in (code.upper(), code.upper().split("-")[0]) if key in overrides), None))
    ]


def law_mark(codes: Sequence[str], overrides: Overrides) -> str:
    """A digest of all law that a judgement for these places rests on, overrides included: 12 hex digits.

    A change of the table elsewhere leaves it as it is; so does a row that was only looked at again.
    """
    view = jurisdictions.strictest(codes, overrides)
    ai = jurisdictions.check_ai(codes, "no")
    parts = [view.codes, view.demand, view.purpose, view.why, ai.demand, ai.citations]
    return sha256(dumps(parts).encode()).hexdigest()[:12]
