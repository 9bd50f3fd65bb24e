"""Doors: which rules can match a text at all, told from its words alone.

Every pattern of a pack needs some literal word stem to match. This module derives those stems from the patterns, so
that a frame without any of them is never searched. A door may be open too often, never shut wrongly: where no stem
can be derived, the door is always open. (The tests compare every rule with and without its door.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

_MIN_STEM = 2
_CLASSES = frozenset("bBwWsSdDAZ")
Stems = frozenset[str] | None  # None: no stem is needed


def _worth(stem: str, everyday: frozenset[str]) -> int:
    """How rarely a stem is met in a prompt, roughly."""
    return 0 if stem in everyday else len(stem)


@dataclass
class _Parser:
    """Recursive descent over the dialect that the packs use; anything else makes no demand."""

    pattern: str
    everyday: frozenset[str] = frozenset()
    at: int = 0

    def best(self, found: list[frozenset[str]]) -> Stems:
        """The set whose most frequent stem is rarest, then the smaller set."""
        return max(
            found, key=lambda stems: (min(_worth(stem, self.everyday) for stem in stems), -len(stems)), default=None
        )

    def alternation(self) -> Stems:
        branches = [self.sequence()]
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            branches.append(self.sequence())
        if any(branch is None for branch in branches):
            return None
        return frozenset().union(*(branch for branch in branches if branch))

    def sequence(self) -> Stems:
        found: list[frozenset[str]] = []
        run = ""
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            literal, stems = self.item()
            low = self.quantifier()
            if literal and low is None:
                run += literal
                continue
            if literal and low:  # "a+": the run may go on before, not across
                run += literal
            if len(run) >= _MIN_STEM:
                found.append(frozenset((run,)))
            run = ""
            if stems and low != 0:
                found.append(stems)
        if len(run) >= _MIN_STEM:
            found.append(frozenset((run,)))
        return self.best(found)

    def item(self) -> tuple[str, Stems]:
        """One atom: its literal character, or the stems of a group; neither for classes and assertions."""
        char = self.pattern[self.at]
        self.at += 1
        if char == "(":
            return "", self.group()
        if char == "[":
            self.character_class()
            return "", None
        if char == "\\":
            escaped = self.pattern[self.at]
            self.at += 1
            return ("", None) if escaped in _CLASSES or escaped.isdigit() else (escaped, None)
        return ("", None) if char in ".^$" else (char, None)

    def group(self) -> Stems:
        asserting = False
        if self.pattern.startswith("?", self.at):
            for mark in ("?:", "?=", "?!", "?<=", "?<!"):
                if self.pattern.startswith(mark, self.at):
                    self.at += len(mark)
                    asserting = mark != "?:"
                    break
            else:
                self.at = self.pattern.index(">", self.at) + 1  # a named group
        stems = self.alternation()
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


def stems_of(pattern: str, everyday: frozenset[str] = frozenset()) -> Stems:
    """Stems of which any text that the pattern matches holds at least one, rare ones before `everyday` words.

    None if none can be told.
    """
    return _Parser(pattern, everyday).alternation()


@dataclass
class Doors:
    """For every rule name one bit; for every word the bits of the rules that it opens."""

    bits: dict[str, int] = field(default_factory=dict)
    always: int = 0
    _opened: dict[str, int] = field(default_factory=dict)  # by stem
    _pairs: dict[str, int] = field(default_factory=dict)  # stems of two letters
    _starts: dict[str, list[str]] = field(default_factory=dict)  # longer stems by their first three letters

    def add(self, name: str, pattern: str, everyday: frozenset[str] = frozenset()) -> None:
        """Register one pattern under a rule name; several packs share the bit of a name."""
        bit = self.bits.setdefault(name, 1 << len(self.bits))
        stems = stems_of(pattern, everyday)
        if stems is None:
            self.always |= bit
            return
        for stem in stems:
            if len(stem) == _MIN_STEM:
                self._pairs[stem] = self._pairs.get(stem, 0) | bit
                continue
            if stem not in self._opened:
                self._starts.setdefault(stem[:3], []).append(stem)
            self._opened[stem] = self._opened.get(stem, 0) | bit

    def of_word(self, word: str) -> int:
        """The rules that a word opens."""
        bits = 0
        pairs, starts, opened = self._pairs, self._starts, self._opened
        for at in range(len(word) - 1):
            three = word[at : at + 3]
            if three in starts:
                for stem in starts[three]:
                    if word.startswith(stem, at):
                        bits |= opened[stem]
            if three[:2] in pairs:
                bits |= pairs[three[:2]]
        return bits


@dataclass
class Memo:
    """What one judgement has found out about words and texts. It lives as long as the judgement: nothing of a text is
    kept in the process afterwards."""

    doors: Doors
    _words: dict[str, int] = field(default_factory=dict)
    _texts: dict[str, int] = field(default_factory=dict)
    zones: dict[tuple[str, int], str] = field(default_factory=dict)

    def of_text(self, text: str) -> int:
        """The rules that the words of a text open between them."""
        bits = self._texts.get(text)
        if bits is None:
            bits = self.doors.always
            words = self._words
            for word in text.split():
                found = words.get(word)
                if found is None:
                    found = words[word] = self.doors.of_word(word)
                bits |= found
            self._texts[text] = bits
        return bits

    def opens(self, rule: str, text: str) -> bool:
        """Whether the words of a text leave it open that a rule matches."""
        return bool(self.of_text(text) & self.doors.bits.get(rule, 0))
