"""The turns of a call as the judge sees them: speakers, times, and what each turn holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from compliance.disclosure.rules import packs, surface, tongues
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import Pack

AGENT_ROLES = frozenset(("assistant", "agent", "bot", "ai", "ivr"))
CALLER_ROLES = frozenset(("user", "customer", "caller", "contact", "human", "callee"))


@dataclass(frozen=True, slots=True)
class Turn:
    """One spoken turn. `index` is its place in the transcript as given, `at` its start in seconds or None."""

    index: int
    agent: bool
    raw: str
    text: str  # folded
    words: str  # folded, look-alikes blanked
    memo: Memo  # knows the rules that the text opens
    at: float | None
    packs: tuple[Pack, ...]  # of the languages that it is in

    def has(self, rule: str) -> bool:
        """Whether a rule matches in the turn's languages: an agent's struck words, or all that a caller said."""
        if not self.memo.opens(rule, self.text):
            return False
        text = self.words if self.agent else self.text
        return any(pack.rule(rule).search(text) for pack in self.packs)


def seconds(value: object) -> float | None:
    """A timestamp in seconds: a number, or an ISO 8601 string; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if value == value and abs(value) < 1e15 else None
    if not isinstance(value, str):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def read(raw: Sequence[Mapping[str, Any]], language: str) -> tuple[list[Turn], tuple[Pack, ...], Memo]:
    """Spoken turns in the order of their times where all have one, else as given; other roles are never spoken.

    With them the packs that take part in the whole call, and the memo of its words.
    """
    spoken = [(index, message["content"], role) for index, message in enumerate(raw) if (role := _speaker(message))]
    folded = surface.fold("\n".join(content for _, content, _ in spoken), language)
    memo = folded.memo or packs.new_memo(folded.packs)
    turns = []
    for index, content, role in spoken:
        one = surface.fold(content, language, folded.packs)
        mine = tongues.of_text(one.text, language, folded.packs)
        words = one.plain
        for pack in mine if memo.opens("strike.lookalike", one.text) else ():
            words = pack.rule("strike.lookalike").sub(lambda match: " " * len(match[0]), words)
        at = seconds(raw[index].get("timestamp"))
        turns.append(Turn(index, role in AGENT_ROLES, content, one.text, words, memo, at, mine))
    if all(turn.at is not None for turn in turns):
        turns.sort(key=lambda turn: (turn.at or 0.0, turn.index))
    return turns, folded.packs, memo


def _speaker(message: Mapping[str, Any]) -> str:
    """The role of a spoken turn; empty for any other."""
    role, content = str(message.get("role") or "").strip().lower(), message.get("content")
    known = role in AGENT_ROLES or role in CALLER_ROLES
    return role if known and isinstance(content, str) and content.strip() else ""


_DIGITS = re.compile(r"\d(?:[ \-./]{0,2}\d){3,}")
_CODE = re.compile(r"\b(?=[A-Z0-9]*\d)[A-Z]{1,4}[ -]?\d{3,}\b|\b\d[A-Z]{2,4}\d{2,}\b")
_MAIL = re.compile(r"(?<!\S)[^\s@]{1,64}@[^\s@]{1,255}\.\w|\b\w{1,64} at \w{1,64} dot \w")
_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")


def gives_personal_data(turn: Turn, asked: Turn | None) -> bool:
    """Whether a caller's turn holds data about an identifiable person; `asked` is the agent's turn before it."""
    raw = turn.raw.replace("’", "'")
    if _DIGITS.search(raw) or _CODE.search(raw) or _MAIL.search(turn.text):
        return True
    if any(pack.rule("spelled.name").search(raw) for pack in turn.packs):
        return True
    if turn.has("caller.personal"):
        return True
    if asked is None:
        return False
    if asked.has("caller.named_question") and turn.has("caller.yes"):
        return True
    return asked.has("caller.data_question") and _answers(turn)


def _answers(turn: Turn) -> bool:
    """Whether a turn says anything at all beyond "sorry, what?"."""
    empty = frozenset().union(*(pack.empty for pack in turn.packs))
    if "?" in turn.text:
        return False
    if any(not pack.spaced for pack in turn.packs):
        longest_first = sorted(empty, key=len, reverse=True)
        return bool(_WORD.search(re.sub("|".join(map(re.escape, longest_first)) or "(?!)", "", turn.text)))
    return any(word not in empty for word in _WORD.findall(turn.text))
