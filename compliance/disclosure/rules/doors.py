"""Doors: which rules can match a text at all, told from its words alone.

Every pattern of a pack needs some literal word stem to match. This module derives those stems from the patterns, so
that a frame without any of them is never searched. A door may be open too often, never shut wrongly: where no stem
can be derived, the door is always open. (The tests compare every rule with and without its door.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_MIN_STEM, _LONG = 2, 4
EDGE = "\x08"
"""Stands where a word begins or ends, in stems and in the words that they are looked for in."""
_CLASSES = frozenset("BwWsSdDAZ")
_INSIDE = re.compile(rf"(?<=\w)(?=[^\w{EDGE}])|(?<=[^\w{EDGE}])(?=\w)")  # edges that every match has, unsaid
_BOUNDARY = re.compile(r"\b")
Stems = frozenset[str] | None  # None: no stem is needed


def marked(word: str) -> str:
    """A word of a text with its edges marked."""
    return EDGE + word + EDGE if word.isalnum() else _BOUNDARY.sub(EDGE, word)


def _is_stem(run: str) -> bool:
    return len(run) >= _MIN_STEM and run != EDGE + EDGE


def _cost(stem: str, everyday: frozenset[str]) -> float:
    """How often a stem is met in a prompt, roughly: short ones and everyday words more, within words the more."""
    bare = stem.strip(EDGE)
    common = 1.0 if bare in everyday else 0.02
    return common / len(bare) * (1.0 if stem.startswith(EDGE) or len(bare) > 3 else 3.0)


@dataclass
class _Parser:
    """Recursive descent over the dialect that the packs use; anything else makes no demand."""

    pattern: str
    everyday: frozenset[str] = frozenset()
    at: int = 0

    def best(self, found: list[frozenset[str]]) -> Stems:
        """The set that is met most rarely."""
        return min(found, key=lambda stems: sum(_cost(stem, self.everyday) for stem in stems), default=None)

    def alternation(self, before: str = "", after: str = "") -> Stems:
        """`before` and `after` are the edges that stand at both ends of every branch, if any."""
        branches = [self.sequence(before, after)]
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            branches.append(self.sequence(before, after))
        if any(branch is None for branch in branches):
            return None
        return frozenset().union(*(branch for branch in branches if branch))

    def sequence(self, before: str, after: str) -> Stems:
        found: list[frozenset[str]] = []
        run = before
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            opened = self.at if self.pattern[self.at] == "(" else None
            literal, stems = self.item(run[-1:] if run[-1:] == EDGE else "")
            low = self.quantifier()
            if opened is not None and self.pattern.startswith(("(?=", "(?!", "(?<"), opened) and low is None:
                continue  # takes up no room: the run goes on
            if literal and low is None:
                run += "" if literal == EDGE and run.endswith(EDGE) else literal
                continue
            if literal and low:  # "a+": the run may go on before, not across
                run += literal
            if _is_stem(run):
                found.append(frozenset((run,)))
            run = ""
            if stems and low != 0:
                found.append(stems)
        run += "" if run.endswith(EDGE) else after
        if _is_stem(run):
            found.append(frozenset((run,)))
        return self.best(found)

    def item(self, before: str) -> tuple[str, Stems]:
        """One atom: its literal character, or the stems of a group; neither for classes and assertions."""
        char = self.pattern[self.at]
        self.at += 1
        if char == "(":
            return "", self.group(before)
        if char == "[":
            self.character_class()
            return "", None
        if char == "\\":
            escaped = self.pattern[self.at]
            self.at += 1
            if escaped == "b":
                return EDGE, None
            return ("", None) if escaped in _CLASSES or escaped.isdigit() else (escaped, None)
        return ("", None) if char in ".^$" else (char, None)

    def group(self, before: str) -> Stems:
        asserting = False
        close = _closing(self.pattern, self.at)
        after = EDGE if self.pattern.startswith("\\b", close + 1) else ""
        if self.pattern.startswith("?", self.at):
            for mark in ("?:", "?=", "?!", "?<=", "?<!"):
                if self.pattern.startswith(mark, self.at):
                    self.at += len(mark)
                    asserting = mark != "?:"
                    break
            else:
                self.at = self.pattern.index(">", self.at) + 1  # a named group
        stems = self.alternation(before, after)
        self.at += 1
        return None if asserting else stems

    def character_class(self) -> None:
        self.at += 1 if self.pattern[self.at] == "^" else 0
        self.at += 1 if self.pattern[self.at] == "]" else 0
        while self.pattern[self.at] != "]":
            self.at += 2 if self.pattern[self.at] == "\\" else 1
        self.at += 1

    def quantifier(self) -> int | None:
        """Least number of repetitions; None where there is no quantifier."""
        low: int | None = None
        if self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char in "?*+":
                low = 1 if char == "+" else 0
                self.at += 1
            elif char == "{" and self.pattern[self.at + 1 : self.at + 2].isdigit():
                end = self.pattern.index("}", self.at)
                low = int(self.pattern[self.at + 1 : end].split(",")[0])
                self.at = end + 1
        if low is not None and self.pattern.startswith("?", self.at):
            self.at += 1
        return low


def _closing(pattern: str, at: int) -> int:
    """Where the group closes that a position lies in."""
    depth, in_class = 1, False
    while depth:
        char = pattern[at]
        if char == "\\":
            at += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            at += 1 if pattern[at + 1] == "^" else 0
            at += 1 if pattern[at + 1] == "]" else 0
        else:
            depth += (char == "(") - (char == ")")
        at += 1
    return at - 1


def stems_of(pattern: str, everyday: frozenset[str] = frozenset()) -> Stems:
    """Stems of which any text that the pattern matches holds at least one, rare ones before `everyday` words.

    None if none can be told.
    """
    found = _Parser(pattern, everyday).alternation()
    return found and frozenset(_INSIDE.sub(EDGE, stem) for stem in found)


@dataclass
class Doors:
    """For every rule name one bit; for every word the bits of the rules that it opens."""

    bits: dict[str, int] = field(default_factory=dict)
    always: int = 0
    _opened: dict[str, int] = field(default_factory=dict)  # by stem
    _pairs: dict[str, int] = field(default_factory=dict)  # stems of two letters
    _threes: dict[str, int] = field(default_factory=dict)  # stems of three letters
    _starts: dict[str, list[str]] = field(default_factory=dict)  # longer stems by their first four letters

    def add(self, name: str, pattern: str, everyday: frozenset[str] = frozenset()) -> None:
        """Register one pattern under a rule name; several packs share the bit of a name."""
        stems = stems_of(pattern, everyday)
        if stems is None:
            self.always |= self._bit(name)
            return
        for stem in stems:
            self.add_stem(name, stem)

    def _bit(self, name: str) -> int:
        return self.bits.setdefault(name, 1 << len(self.bits))

    def add_stem(self, name: str, stem: str) -> None:
        """Let a stem of two letters or more open a rule."""
        self._open(stem, self._bit(name))

    def _open(self, stem: str, bits: int) -> None:
        if len(stem) < _LONG:
            short = self._pairs if len(stem) == _MIN_STEM else self._threes
            short[stem] = short.get(stem, 0) | bits
            return
        if stem not in self._opened:
            self._starts.setdefault(stem[:_LONG], []).append(stem)
        self._opened[stem] = self._opened.get(stem, 0) | bits

    def merge(self, other: Doors, shift: int = 0) -> None:
        """Take in the doors of another index, whose bits are moved up by `shift`."""
        self.always |= other.always << shift
        for stems in (other._opened, other._threes, other._pairs):
            for stem, bits in stems.items():
                self._open(stem, bits << shift)

    def of_word(self, word: str) -> int:
        """The rules that a word opens; its edges are marked."""
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


@dataclass
class Memo:
    """What one judgement has found out about words and texts. It lives as long as the judgement: nothing of a text is
    kept in the process afterwards."""

    packs: tuple[Any, ...]  # those that take part
    doors: Doors  # theirs, and those of the hints
    bits: dict[str, int]  # by rule name
    _words: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, int] = field(default_factory=dict)
    zones: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    tongues: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # packs that a text is read by

    def of_text(self, text: str) -> int:
        """The rules that the words of a text open between them."""
        bits = self._texts.get(text)
        if bits is None:
            bits = self.doors.always
            words = self._words
            for word in text.split():
                found = words.get(word)
                if found is None:
                    found = words[word] = self.doors.of_word(marked(word))
                bits |= found
            self._texts[text] = bits
        return bits

    def opens(self, rule: str, text: str) -> bool:
        """Whether the words of a text leave it open that a rule matches."""
        return bool(self.of_text(text) & self.bits.get(rule, 0))
