"""Doors: which rules can match a text at all, told from its words alone.

Every pattern of a pack needs some literal word stems to match (`stems`). A frame without them is never searched. A
door may be open too often, never shut wrongly: where no stem can be derived, the door is always open. (The tests
compare every rule with and without its door.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from compliance.disclosure.rules.stems import EDGE, demands

_LONG = 4
_BOUNDARY = re.compile(r"\b")
SLOTS, MANY_SLOTS = 4, 32
"""Doors of a rule: its branches share them out, so that two branches do not open one with half a key each. Rules that
are long and tried on every sentence have many."""


def marked(word: str) -> str:
    """A word of a text with its edges marked."""
    return EDGE + word + EDGE if word.isalnum() else _BOUNDARY.sub(EDGE, word)


def masks(names: Iterable[str], long: Collection[str] = ()) -> dict[str, int]:
    """For every rule name its own bits; the rules in `long` have many."""
    found, at = {}, 0
    for name in names:
        slots = MANY_SLOTS if name in long else SLOTS
        found[name] = ((1 << slots) - 1) << at
        at += slots
    return found


class Doors:
    """For every rule name some bits; for every word the bits that it has a key for.

    A door has two locks. The bits of the second stand `width` above those of the first.
    """

    def __init__(self, bits: dict[str, int]) -> None:
        self.bits = bits
        self.width = max((mask.bit_length() for mask in bits.values()), default=0)
        self.always = 0
        self._opened: dict[str, int] = {}  # by stem
        self._pairs: dict[str, int] = {}  # stems of two letters
        self._threes: dict[str, int] = {}  # stems of three letters
        self._starts: dict[str, list[str]] = {}  # longer stems by their first four letters

    def add(self, name: str, pattern: str, everyday: frozenset[str] = frozenset()) -> None:
        """Register one pattern under a rule name; several packs share the bits of a name."""
        mask = self.bits[name]
        lowest, slots = mask & -mask, mask.bit_count()
        for number, demand in enumerate(demands(pattern, everyday)):
            bit = lowest << number % slots
            if not demand:
                self.always |= bit
                continue
            for stem in demand[0]:
                self._open(stem, bit)
            for stem in demand[-1]:
                self._open(stem, bit << self.width)

    def add_stem(self, name: str, stem: str) -> None:
        """Let a stem of two letters or more open a rule."""
        self._open(stem, self.bits[name] | self.bits[name] << self.width)

    def _open(self, stem: str, bits: int) -> None:
        if len(stem) < _LONG:
            short = self._pairs if len(stem) == 2 else self._threes
            short[stem] = short.get(stem, 0) | bits
            return
        if stem not in self._opened:
            self._starts.setdefault(stem[:_LONG], []).append(stem)
        self._opened[stem] = self._opened.get(stem, 0) | bits

    def merge(self, other: Doors) -> None:
        """Take in the doors of another index over the same names."""
        self.always |= other.always
        for stems in (other._opened, other._threes, other._pairs):
            for stem, bits in stems.items():
                self._open(stem, bits)

    def of_word(self, word: str) -> int:
        """The keys that a word has; its edges are marked."""
        bits = 0
        pairs, threes, starts, opened = self._pairs, self._threes, self._starts, self._opened
        for at in range(len(word) - 1):
            four = word[at : at + _LONG]
            if four in starts:
                for stem in starts[four]:
                    if word.startswith(stem, at):
                        bits |= opened[stem]
            if four[:3] in threes:
                bits |= threes[four[:3]]
            if four[:2] in pairs:
                bits |= pairs[four[:2]]
        return bits


@dataclass(slots=True)
class Known:
    """What one judgement has found out about one text."""

    bits: int  # the rules that its words open
    packs: tuple[Any, ...] | None = None  # those that it is read by
    found: dict[str, tuple[re.Match[str], str] | None] = field(default_factory=dict)  # by rule: first match, language
    clear: tuple[tuple[re.Match[str], str], ...] | None = None  # clear wording, each with its language


@dataclass
class Memo:
    """What one judgement has found out about words and texts. It lives as long as the judgement: nothing of a text is
    kept in the process afterwards. A fix is proven with the memo of the prompt, most of whose sentences it shares."""

    packs: tuple[Any, ...]  # those that take part
    doors: Doors  # theirs, and those of the hints
    bits: dict[str, int]  # by rule name
    _words: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, Known] = field(default_factory=dict)
    zones: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    lines: dict[Any, Any] = field(default_factory=dict)  # what `lines` has told

    def about(self, text: str) -> Known:
        """The record of a text."""
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = Known(self._opened(text))
        return known

    def of_text(self, text: str) -> int:
        """The rules that the words of a text open between them."""
        return self.about(text).bits

    def _opened(self, text: str) -> int:
        keys, words = 0, self._words
        for word in text.split():
            found = words.get(word)
            if found is None:
                found = words[word] = self.doors.of_word(marked(word))
            keys |= found
        return keys & keys >> self.doors.width | self.doors.always

    def opens(self, rule: str, text: str) -> bool:
        """Whether the words of a text leave it open that a rule matches."""
        return bool(self.about(text).bits & self.bits.get(rule, 0))
