"""Digits as they are written and as they are said in English, with the places where they stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"[^\W\d_]+|\d+|\+|＋")
_ONES = {
    word: str(value)
    for value, words in enumerate(
        ("zero oh o nought naught", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
    for word in words.split()
}
_TEEN_WORDS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEENS = {word: str(value) for value, word in enumerate(_TEEN_WORDS.split(), 10)}
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: str(10 * value) for value, word in enumerate(_TEN_WORDS.split(), 2)}
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_ZEROS = {"hundred": "00", "thousand": "000"}
_PLUS = frozenset({"plus", "+", "＋"})
_UNSAID = frozenset({"um", "uh", "er", "erm", "uhm", "dash", "hyphen"})
_SOFT = re.compile(r"[\s()\u2010-\u2015-]{0,4}")
_PAUSE = re.compile(r"[\s(),.;:\u2026\u2010-\u2015-]{1,6}")
NUMBERS = frozenset(_ONES) | frozenset(_TEENS) | frozenset(_TENS)
"""Words that are read as digits on their own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Digits of one token or one expression ("double seven"); `pause`: whoever spoke made one before it."""

    value: str = field(repr=False)
    start: int
    end: int
    is_said: bool
    pause: bool = False


def runs(text: str) -> Iterator[list[Piece]]:
    """Digits that follow each other with nothing between but what people put between the parts of a number. A plus is
    a piece of its own, and only the first of its run.
    """
    tokens = [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(text)]
    run: list[Piece] = []
    at, last = 0, 0
    while at < len(tokens):
        word = tokens[at][0].lower()
        if run and word in _UNSAID and _gap(text[last : tokens[at][1]]) is not None:
            last, at = tokens[at][2], at + 1
            continue
        piece, at_next = _piece(text, tokens, at)
        gap = _gap(text[last : piece.start]) if piece else None
        if run and (piece is None or gap is None or piece.value == "+"):
            yield run
            run = []
        if piece is not None:
            run.append(Piece(piece.value, piece.start, piece.end, piece.is_said, bool(run) and bool(gap)))
            last = piece.end
        at = at_next
    if run:
        yield run


def _gap(between: str) -> bool | None:
    """Whether a gap is a pause; None where it parts two numbers."""
    if len(between) > 6:
        return None
    if _SOFT.fullmatch(between):
        return False
    return True if _PAUSE.fullmatch(between) else None


def _piece(text: str, tokens: list[tuple[str, int, int]], at: int) -> tuple[Piece | None, int]:
    """The digits that begin with this token, and the token after them."""
    token, start, end = tokens[at]
    word = token.lower()
    if token[0].isdecimal():
        if (start and _glued(text[start - 1])) or (end < len(text) and _glued(text[end])):
            return None, at + 1
        return Piece("".join(str(unicodedata.decimal(one)) for one in token), start, end, False), at + 1
    if word in _PLUS:
        return Piece("+", start, end, word == "plus"), at + 1
    if word in _TEENS:
        return Piece(_TEENS[word], start, end, True), at + 1
    following = _following(text, tokens, at)
    if word in _TIMES and following in _ONES:
        return Piece(_ONES[following] * _TIMES[word], start, tokens[at + 1][2], True), at + 2
    if word in _TENS and following in _ONES and _ONES[following] != "0":
        return Piece(_TENS[word][0] + _ONES[following], start, tokens[at + 1][2], True), at + 2
    if word in _TENS:
        return Piece(_TENS[word], start, end, True), at + 1
    if word in _ONES and following in _ZEROS:
        return Piece(_ONES[word] + _ZEROS[following], start, tokens[at + 1][2], True), at + 2
    return (Piece(_ONES[word], start, end, True), at + 1) if word in _ONES else (None, at + 1)


def _following(text: str, tokens: list[tuple[str, int, int]], at: int) -> str:
    """The next token as a word, where only a space or a hyphen is between; a numeral of one digit as its word."""
    if at + 1 >= len(tokens) or text[tokens[at][2] : tokens[at + 1][1]] not in (" ", "-"):
        return ""
    word = tokens[at + 1][0].lower()
    if len(word) == 1 and word.isdecimal():
        return next(name for name, value in _ONES.items() if value == str(unicodedata.decimal(word)))
    return word


def _glued(character: str) -> bool:
    return character.isalpha() or character == "_"
