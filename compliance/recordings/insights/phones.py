"""Telephone numbers, written and said, by the tables of `phonenumbers`: as they are dialled in the places of the call,
or anywhere with a plus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumberMatcher

from compliance.recordings.insights.digits import Piece
from compliance.recordings.insights.spans import Span, SpanKind

REGIONS_MOST = 4
_FEWEST, _MOST = 7, 15
_TRIES_A_TURN = 500


@dataclass(slots=True)
class Budget:
    """How many more readings may be tried: a transcript of nothing but digits has too many."""

    left: int = 5_000

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def phones_in(
    turn: int, content: str, runs: Sequence[Sequence[Piece]], regions: Sequence[str], budget: Budget
) -> Iterator[Span]:
    """Every number of a turn; they may overlap, and one may be given more than once."""
    yield from _written(turn, content, regions, budget)
    for run in runs:
        if any(piece.is_said for piece in run):
            yield from _said(turn, run, regions, budget)


def _written(turn: int, content: str, regions: Sequence[str], budget: Budget) -> Iterator[Span]:
    count = sum(one.isdecimal() for one in content)
    if count < _FEWEST:
        return
    has_plus = "+" in content or "＋" in content
    for region in _tried(regions, has_plus=has_plus):
        if budget.left <= 0:
            return
        matcher = PhoneNumberMatcher(content, region, Leniency.VALID, max_tries=min(_TRIES_A_TURN, budget.left))
        for match in matcher:
            yield _span(turn, match.start, match.end, match.number)
        # It does not tell how often it tried: about once for as many digits as a number has at least.
        budget.left -= count // _FEWEST


def _said(turn: int, run: Sequence[Piece], regions: Sequence[str], budget: Budget) -> Iterator[Span]:
    """The longest number from each pause on; a number ends at a pause too."""
    for start in range(len(run)):
        if start and not run[start].pause and run[start - 1].value != "+":
            continue
        # A piece has at least one digit, so a number has no more pieces than digits, and perhaps a plus.
        for end in range(min(len(run), start + _MOST + 1), start, -1):
            if (end < len(run) and not run[end].pause) or not _fits(run[start:end]):
                continue
            if not budget.take():
                return
            number = _valid("".join(piece.value for piece in run[start:end]), regions)
            if number is not None:
                yield _span(turn, run[start].start, run[end - 1].end, number)
                break


def _fits(pieces: Sequence[Piece]) -> bool:
    return _FEWEST <= sum(len(piece.value) for piece in pieces if piece.value != "+") <= _MOST


def _tried(regions: Sequence[str], *, has_plus: bool) -> Sequence[str | None]:
    """Every region takes a number with a plus too."""
    return regions or ([None] if has_plus else [])


def _valid(number: str, regions: Sequence[str]) -> phonenumbers.PhoneNumber | None:
    for region in _tried(regions, has_plus=number.startswith("+")):
        try:
            parsed = phonenumbers.parse(number, region)
        except NumberParseException:
            continue
        if phonenumbers.is_possible_number(parsed) and phonenumbers.is_valid_number(parsed):
            return parsed
    return None


def _span(turn: int, start: int, end: int, number: phonenumbers.PhoneNumber) -> Span:
    return Span(SpanKind.PHONE, turn, start, end, f"…{str(number.national_number)[-2:]}")
