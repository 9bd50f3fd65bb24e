"""Normalising text while every offset stays translatable to the original.

Two views of one length are made: `text` for structure (quotes, bullets, tags stand) and `plain` for wording (tags,
emphasis and look-alikes blanked). Offsets of both are mapped back by `Surface.original`.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from compliance.disclosure.rules import layout, letters, packs, tongues
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.results import Span

_CORNERED = letters.SAME_LENGTH | str.maketrans({"『": '"', "』": '"'})
_TAG = re.compile(r"</?[^\W\d_][\w:-]*(?:\s[^<>]{0,200})?/?>")
_ARROW = re.compile(r"(?<![-=<!])[-=]>")
_EMPHASIS = re.compile(r"[*~#>]+|(?<!\w)_+|_+(?!\w)")
_BREAKS = re.compile(r"\\[ntr]|\\\"")


def _near(word: str, key: str) -> bool:
    """Whether `word` is one edit (insertion, deletion, substitution, swap of neighbours) away from `key`."""
    if abs(len(word) - len(key)) > 1:
        return False
    head = 0
    while head < min(len(word), len(key)) and word[head] == key[head]:
        head += 1
    tail_word, tail_key = word[head:], key[head:]
    return (
        tail_word[1:] == tail_key[1:]
        or tail_word[1:] == tail_key
        or tail_word == tail_key[1:]
        or (len(tail_word) > 1 and tail_word[:2] == tail_key[1::-1] and tail_word[2:] == tail_key[2:])
    )


@dataclass(frozen=True, slots=True)
class Surface:
    """Folded text with its way back: `origin[i]` is the source offset of `text[i]`, None where nothing moved."""

    source: str
    text: str
    plain: str
    origin: tuple[int, ...] | None
    packs: tuple[Pack, ...]
    disguised: tuple[tuple[int, int], ...] = ()
    """Words that only look Latin: spans of `text`. What rests on such a text never passes."""
    memo: Memo | None = None
    """What is known of the words by now, where the text itself told the packs."""

    def original(self, start: int, end: int) -> Span:
        """The span of the source that a span of `text` or `plain` came from."""
        if self.origin is None:
            return Span(start, end)
        return Span(self.origin[start], max(self.origin[start], self.origin[end]))


def _rewrite(text: str, origin: list[int] | None, edits: list[tuple[int, int, str]]) -> tuple[str, list[int] | None]:
    """Apply length-changing edits, in order and apart from each other, and carry the map along."""
    if not edits:
        return text, origin
    before = origin if origin is not None else range(len(text) + 1)
    out: list[str] = []
    after: list[int] = []
    at = 0
    for start, end, replacement in edits:
        out += (text[at:start], replacement)
        after.extend(before[at:start])
        after.extend(before[min(start + index, max(end - 1, start))] for index in range(len(replacement)))
        at = end
    after.extend(before[at:])
    return "".join([*out, text[at:]]), after


def _fold_characters(source: str) -> tuple[str, list[int] | None]:
    text = source.translate(letters.SAME_LENGTH if "「" in source else _CORNERED)
    lower = text.lower()
    if text.isascii():
        return lower, None
    if len(lower) != len(text):  # a few letters grow when lowered; they keep their case
        lower = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    composed = [
        (match.start(), match.end(), unicodedata.normalize("NFKC", match[0]))
        for match in letters.COMPOSED.finditer(lower)
    ]
    lower, origin = _rewrite(lower, None, composed)
    edits = [(match.start(), match.end(), "") for match in letters.GONE.finditer(lower)]
    if not unicodedata.is_normalized("NFKC", lower):
        edits += (
            (at, at + 1, folded)
            for at, char in enumerate(lower)
            if char > "\u00ff" and (folded := letters.fold_character(char)) != char and folded
        )
        edits.sort()
    return _rewrite(lower, origin, edits)


def _unmasked(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Letters of other alphabets inside Latin words, as what they are meant to look like."""
    if text.isascii():
        return text, ()
    found = tuple(match.span() for match in letters.TWIN_WORD.finditer(text))
    return letters.TWIN_WORD.sub(lambda match: match[0].translate(letters.TWINS), text) if found else text, found


@lru_cache(maxsize=256)
def _suspects(of: tuple[Pack, ...]) -> re.Pattern[str]:
    """Words of about the length of a key stem that begin like one."""
    keys, _ = packs.typing_errors(of)
    first = "".join(sorted({key[0] for key in keys})) or "\0"
    lengths = [len(key) for key in keys] or [1]
    return re.compile(rf"\b[{first}][^\W\d_]{{{min(lengths) - 2},{max(lengths)}}}\b")


def _typo_edits(text: str, of: tuple[Pack, ...]) -> list[tuple[int, int, str]]:
    keys, real = packs.typing_errors(of)
    edits = []
    for match in _suspects(of).finditer(text) if keys else ():
        word = match[0]
        if word not in real:
            key = next((key for key in keys if word[0] == key[0] and _near(word, key)), None)
            if key:
                edits.append((match.start(), match.end(), key))
    return edits


def _moved(at: int, before: list[int] | None, after: list[int] | None) -> int:
    """An offset after a second rewriting."""
    return bisect_left(after or [], before[at] if before is not None else at)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _keep_breaks(match: re.Match[str]) -> str:
    return " \n" if match[0] != '\\"' else ' "'


def fold(source: str, language: str, of: tuple[Pack, ...] | None = None) -> Surface:
    """Fold case, width, quotes, invisible characters and near misses of the key stems.

    `language` is the call's; `of` the packs to read with, else those of the languages that are in the text.
    """
    text, origin = _fold_characters(layout.lay_out(source))
    if "->" in text or "=>" in text:
        text = _ARROW.sub("→ ", text)
    text, disguised = _unmasked(text)
    taking_part, memo = tongues.active(text, language) if of is None else (of, None)
    before = origin
    text, origin = _rewrite(text, origin, _typo_edits(text, taking_part))
    if origin is not before:  # the spans move along
        disguised = tuple((_moved(at, before, origin), _moved(end, before, origin)) for at, end in disguised)
    if "\\n" in text:  # a prompt inside a JSON string: its escapes are line breaks and quotes, of the same length
        text = _BREAKS.sub(_keep_breaks, text)
    plain = _TAG.sub(_blank, text)
    plain = _EMPHASIS.sub(_blank, plain)
    return Surface(source, text, plain, None if origin is None else tuple(origin), taking_part, disguised, memo)
