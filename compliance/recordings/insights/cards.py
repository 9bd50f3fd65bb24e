"""Numbers of payment cards: 13 to 19 digits that begin as an issuer's do, are as long as they should be, and carry
Luhn's check digit.

The table is coarse on purpose: ISO/IEC 7812 gives ranges to issuers, and a range that is missing here is a card that
is not found. Ranges and lengths from Wikipedia, "Payment card number", from memory, to be checked.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from compliance.recordings.insights.digits import Piece
from compliance.recordings.insights.spans import Span, SpanKind

_SHORTEST, _LONGEST = 13, 19
_PREFIX = 4
_DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}
_WIDE = frozenset(range(16, 20))
_ISSUERS: Sequence[tuple[int, int, frozenset[int]]] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset(range(14, 20))),  # Diners Club
    (3095, 3095, frozenset(range(14, 20))),
    (36, 36, frozenset(range(14, 20))),
    (38, 39, frozenset(range(14, 20))),
    (3528, 3589, _WIDE),  # JCB
    (6011, 6011, _WIDE),  # Discover
    (644, 649, _WIDE),
    (65, 65, _WIDE),
    (62, 62, _WIDE),  # UnionPay
    (81, 82, _WIDE),  # UnionPay, RuPay
    (60, 60, frozenset({16})),  # RuPay
    (2200, 2204, _WIDE),  # Mir
    (50, 50, frozenset(range(13, 20))),  # Maestro
    (56, 58, frozenset(range(13, 20))),
    (6304, 6304, frozenset(range(13, 20))),
    (6759, 6763, frozenset(range(13, 20))),
)


def cards_in(turn: int, runs: Sequence[Sequence[Piece]]) -> Iterator[Span]:
    """Every reading of a turn's runs of digits as a card; they may overlap. A written group is never cut."""
    for run in runs:
        pieces = [piece for piece in run if piece.value != "+"]
        for first in range(len(pieces)):
            found = _longest_from(pieces, first)
            if found is not None:
                last, number = found
                yield Span(SpanKind.CARD, turn, pieces[first].start, pieces[last].end, f"…{number[-4:]}")


def _longest_from(pieces: Sequence[Piece], first: int) -> tuple[int, str] | None:
    number, found = "", None
    for last in range(first, len(pieces)):
        number += pieces[last].value
        if len(number) > _LONGEST or (len(number) >= _PREFIX and not _lengths(number[:_PREFIX])):
            break
        if is_card(number):
            found = last, number
    return found


def is_card(number: str) -> bool:
    """Whether these digits may be a card's."""
    return len(number) >= _SHORTEST and len(number) in _lengths(number[:_PREFIX]) and _checks(number)


@functools.cache
def _lengths(prefix: str) -> frozenset[int]:
    """How long the cards are whose numbers begin with these four digits."""
    fitting = [lengths for low, high, lengths in _ISSUERS if low <= int(prefix[: len(str(low))]) <= high]
    return frozenset().union(*fitting)


def _checks(number: str) -> bool:
    """Luhn: every second digit from the right is doubled, and all digits of the results add up to a ten."""
    doubled = sum(_DOUBLED[one] for one in number[-2::-2])
    return (doubled + sum(map(int, number[-1::-2]))) % 10 == 0
