"""Places in a transcript where something identifying was said."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class SpanKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    CARD = "card"


_FIRST = (SpanKind.CARD, SpanKind.EMAIL, SpanKind.PHONE)
"""Of two readings of the same text the one that it would be worse to miss."""


@dataclass(frozen=True, slots=True)
class Span:
    """One of them: turn from 0, `start` and `end` in code points of its content, and a hint at the value that tells
    at most its last digits.
    """

    kind: SpanKind
    turn: int
    start: int
    end: int
    hint: str = field(repr=False)


def without_overlaps(found: Iterable[Span]) -> list[Span]:
    """In the order of the text; of those that overlap the longest is taken first."""
    kept: list[tuple[int, int, Span]] = []
    order = sorted(
        set(found), key=lambda one: (one.start - one.end, _FIRST.index(one.kind), one.turn, one.start, one.hint)
    )
    for one in order:
        at = bisect.bisect(kept, (one.turn, one.start), key=lambda known: known[:2])
        is_free_before = at == 0 or kept[at - 1][0] != one.turn or kept[at - 1][2].end <= one.start
        is_free_after = at == len(kept) or kept[at][0] != one.turn or one.end <= kept[at][1]
        if is_free_before and is_free_after:
            kept.insert(at, (one.turn, one.start, one))
    return [one for _, _, one in kept]
