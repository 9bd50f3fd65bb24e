"""Stems: which literal pieces of words any text must hold that a pattern matches, derived from the pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MIN_STEM = 2
EDGE = "\x08"
"""Stands where a word begins or ends, in stems and in the words that they are looked for in."""
_CLASSES = frozenset("BwWsSdDAZ")
_INSIDE = re.compile(rf"(?<=\w)(?=[^\w{EDGE}])|(?<=[^\w{EDGE}])(?=\w)")  # edges that every match has, unsaid
Stems = frozenset[str]
"""Any one of them will do."""
Demand = list[Stems]
"""At most two sets, the one that is met more rarely first; a match needs a stem of each. None: no stem is needed."""


def _is_stem(run: str) -> bool:
    return len(run) >= _MIN_STEM and run != EDGE + EDGE


def _cost(stem: str, everyday: frozenset[str]) -> float:
    """How often a stem is met in a prompt, roughly: short ones and everyday words more, within words the more."""
    bare = stem.strip(EDGE)
    common = 1.0 if bare in everyday else 0.02
    return common / len(bare) * (1.0 if stem.startswith(EDGE) or len(bare) > 3 else 3.0)


def _is_alike(stems: Stems, first: Stems) -> bool:
    """Whether a text with a stem of the first set mostly has one of the other for the same word."""
    shared = sum(any(stem in other for stem in stems) for other in first)
    return shared * 2 > len(first)


@dataclass
class _Parser:
    """Recursive descent over the dialect that the packs use; anything else makes no demand."""

    pattern: str
    everyday: frozenset[str] = frozenset()
    at: int = 0

    def rarest(self, found: Demand) -> Demand:
        """The set that is met most rarely, and the next that is not much the same."""
        if len(found) < 2:
            return found
        first, *others = sorted(found, key=lambda stems: sum(_cost(stem, self.everyday) for stem in stems))
        return [first, *[other for other in others if not _is_alike(other, first)][:1]]

    def branches(self, before: str = "", after: str = "") -> list[Demand]:
        """The demand of every branch. `before` and `after` are the edges that stand at both ends of each, if any."""
        found = [self.sequence(before, after)]
        while self.at < len(self.pattern) and self.pattern[self.at] == "|":
            self.at += 1
            found.append(self.sequence(before, after))
        return found

    def alternation(self, before: str = "", after: str = "") -> Demand:
        """What all branches need between them."""
        branches = self.branches(before, after)
        if len(branches) == 1 or not all(branches):
            return branches[0] if all(branches) else []
        firsts: Stems = frozenset().union(*(branch[0] for branch in branches))
        seconds: Stems = frozenset().union(*(branch[-1] for branch in branches))
        return [firsts] if firsts == seconds else [firsts, seconds]

    def sequence(self, before: str, after: str) -> Demand:
        found: Demand = []
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
            if low != 0:
                found.extend(stems)
        run += "" if run.endswith(EDGE) else after
        if _is_stem(run):
            found.append(frozenset((run,)))
        return self.rarest(found)

    def item(self, before: str) -> tuple[str, Demand]:
        """One atom: its literal character, or the stems of a group; neither for classes and assertions."""
        char = self.pattern[self.at]
        self.at += 1
        if char == "(":
            return "", self.group(before)
        if char == "[":
            self.character_class()
            return "", []
        if char == "\\":
            escaped = self.pattern[self.at]
            self.at += 1
            if escaped == "b":
                return EDGE, []
            return ("", []) if escaped in _CLASSES or escaped.isdigit() else (escaped, [])
        return ("", []) if char in ".^$" else (char, [])

    def group(self, before: str) -> Demand:
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
        return [] if asserting else stems

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


def demands(pattern: str, everyday: frozenset[str] = frozenset()) -> list[Demand]:
    """For every branch of a pattern the stems that a match of it needs, rare ones before `everyday` words."""
    found = _Parser(pattern, everyday).branches()
    return [[frozenset(_INSIDE.sub(EDGE, stem) for stem in stems) for stems in demand] for demand in found]
