"""When words are found in a transcript, and which pieces of text an index must know for it. Pure.

The rule is the one of the system that this replaces, message by message: `content.toLowerCase()` contains
`keyword.toLowerCase()`. Python's `str.lower` is that function: full mappings without a language, İ becomes i and a
combining dot, and a capital sigma at the end of a word becomes ς. Nothing is folded, normalised or trimmed: ß does not
find ss, and a letter with an accent in one code point does not find the same letter in two.

Python and JavaScript may know different versions of Unicode. `tests/vectors/search/README.md` names the code points by
which that can be noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compliance.connectors.facts import Message

GRAM = 3
"""Code points of the pieces that are indexed. Shorter words are looked for without an index."""

_AROUND = 160
"""Code points that an excerpt shows at most before and after the words."""
_SENTENCE_ENDS = ".!?…。！？\n"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The sentence around the first place where the words stand in a turn; `start` and `end` are of the words in
    `text`, in code points.
    """

    turn: int
    role: str
    text: str = field(repr=False)
    start: int
    end: int


def lowered(text: str) -> str:
    """`toLowerCase`. Context counts (a final sigma), so a whole message is lowered, never a part of it."""
    return text.lower()


def is_in(words: str, content: str) -> bool:
    """Whether the words stand in one message."""
    return lowered(words) in lowered(content)


def turns_with(words: str, messages: Sequence[Message], role: str | None = None) -> list[int]:
    """The numbers of the turns, from 0, in which the words stand; of one role, if it is given."""
    wanted = lowered(words)
    return [
        number
        for number, message in enumerate(messages)
        if (role is None or message.role == role) and wanted in lowered(message.content)
    ]


def grams_of(contents: Iterable[str]) -> set[str]:
    """Every piece of `GRAM` code points of each message, lowered; none reaches from one message into the next."""
    found: set[str] = set()
    for content in contents:
        text = lowered(content)
        found.update([text[at : at + GRAM] for at in range(len(text) - GRAM + 1)])
    return found


def is_indexable(words: str) -> bool:
    """Whether the words are long enough to be looked for by their pieces."""
    return len(lowered(words)) >= GRAM


def excerpt(words: str, messages: Sequence[Message], turn: int) -> Excerpt:
    """The sentence in which the words stand in this turn, cut where it is long."""
    message = messages[turn]
    begin, end = _place(lowered(words), message.content)
    first = max(begin - _AROUND, 1 + max((message.content.rfind(mark, 0, begin) for mark in _SENTENCE_ENDS), default=0))
    ends = [at for mark in _SENTENCE_ENDS if (at := message.content.find(mark, end)) >= 0]
    last = min(end + _AROUND, 1 + min(ends, default=len(message.content)), len(message.content))
    while first < begin and message.content[first].isspace():
        first += 1
    return Excerpt(turn, message.role, message.content[first:last], begin - first, end - first)


def _place(wanted: str, content: str) -> tuple[int, int]:
    """Where the words stand in the message as it was written: a lowered one may be longer."""
    text = lowered(content)
    begin = text.index(wanted)
    end = begin + len(wanted)
    if len(text) == len(content):
        return begin, end
    # Only whole code points are lowered to one or more others, so their lengths add up (a sigma's is one in any case).
    starts = [0]
    for character in content:
        starts.append(starts[-1] + len(character.lower()))
    first = max(at for at, start in enumerate(starts) if start <= begin)
    last = min(at for at, start in enumerate(starts) if start >= end)
    return first, last
