"""Markup of a prompt: comments, named tags and template conditions, found before its lines are read."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SSML = frozenset(
    (
        "speak",
        "p",
        "s",
        "break",
        "emphasis",
        "prosody",
        "say-as",
        "voice",
        "sub",
        "phoneme",
        "audio",
        "lang",
        "mark",
        "w",
    )
)
_TAG = re.compile(r"<(/?)([^\W\d_][\w:-]*)(?:\s[^<>]{0,200})?(/?)>")
_BRACKETS = (("<!--", "-->"), ("{#", "#}"), ("/*", "*/"))
_STRUCK = re.compile(r"~~[^~\n]+~~")
_SLASHES = re.compile(r"(?:^|(?<=\n))[ \t]*(//[^\n]*)")
_CODE_COMMENT = re.compile(r"(?:^|(?<=\n))[ \t]*(#(?!#)[ \t]*[^\n]*)")
_ASSIGNMENT = re.compile(r"(?:^|\n)[ \t]*[a-z_][a-z0-9_.]{0,60}[ \t]*=[ \t]*[\"'\[{(]")
_BLOCK = re.compile(
    r"\{%-?\s{0,9}(if|elif|else|endif)\b([^%]{0,120})%\}|"
    r"\{\{\s{0,9}(#if|#unless|else|/if|/unless)\b([^{}]{0,120})\}\}"
)
_DEEPEST = 50
_ELEMENT_END = re.compile(r"</([^\W\d_][\w:-]{0,40})>")
_INLINE = frozenset(("a", "b", "code", "em", "font", "i", "mark", "q", "small", "span", "strong", "u"))


@dataclass(frozen=True, slots=True)
class Regions:
    """Spans of comments; of named tags with their name; of conditional blocks with their condition. All sorted."""

    comments: tuple[tuple[int, int], ...]
    tags: tuple[tuple[int, int, str], ...]
    conditions: tuple[tuple[int, int, str], ...]


def _bracketed(text: str, opening: str, closing: str) -> Iterator[tuple[int, int]]:
    """From mark to mark; an unclosed mark ends the search, so it costs nothing."""
    at = text.find(opening)
    while at >= 0:
        end = text.find(closing, at + len(opening))
        if end < 0:
            return
        yield at, end + len(closing)
        at = text.find(opening, end + len(closing))


def _comments(text: str) -> list[tuple[int, int]]:
    found = [span for opening, closing in _BRACKETS for span in _bracketed(text, opening, closing)]
    if "~~" in text:
        found.extend(match.span() for match in _STRUCK.finditer(text))
    if "//" in text:
        found.extend(match.span(1) for match in _SLASHES.finditer(text))
    if "=" in text and _ASSIGNMENT.search(text):
        found.extend(match.span(1) for match in _CODE_COMMENT.finditer(text))
    return sorted(found)


def _tags(text: str) -> list[tuple[int, int, str]]:
    stack: list[tuple[str, int]] = []
    found = []
    for match in _TAG.finditer(text):
        closing, name, single = match.groups()
        if name in _SSML or single:
            continue
        if not closing:
            stack.append((name, match.end()))
            del stack[:-_DEEPEST]
            continue
        while stack:
            opened, start = stack.pop()
            if opened == name:
                found.append((start, match.start(), name.replace("-", " ")))
                break
    return sorted(found)


def _conditions(text: str) -> list[tuple[int, int, str]]:
    """What stands between `{% if x %}` and `{% endif %}`, with its condition."""
    stack: list[tuple[int, str]] = []
    found = []
    for match in _BLOCK.finditer(text):
        word = (match[1] or match[3]).strip("#")
        if word in ("if", "unless"):
            stack.append((match.end(), match[2] or match[4] or "?"))
            del stack[:-_DEEPEST]
        elif stack:
            start, condition = stack.pop()
            found.append((start, match.start(), condition))
            if word in ("elif", "else"):
                stack.append((match.end(), match[2] or condition))
    return sorted(found)


def regions(text: str) -> Regions:
    """Comments, markup and template conditions of a whole text."""
    return Regions(tuple(_comments(text)), tuple(_tags(text)), tuple(_conditions(text)))


def element_ends(text: str, start: int, end: int) -> Iterator[int]:
    """Where elements end that hold sections of a prompt, not spans of speech or of emphasis."""
    for match in _ELEMENT_END.finditer(text, start, end):
        if match[1] not in _SSML and match[1] not in _INLINE:
            yield match.end()


def inside(spans: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether an offset lies in one of some sorted spans that do not nest."""
    index = bisect_right(spans, (at, 1 << 60)) - 1
    return index >= 0 and at < spans[index][1]


def around(spans: Sequence[tuple[int, int, str]], at: int) -> Iterator[str]:
    """Names of the spans around an offset, innermost first; looks at the nearest ones only."""
    index = bisect_right(spans, (at, 1 << 60, "")) - 1
    for start, end, name in reversed(spans[max(0, index - 4 * _DEEPEST) : index + 1]):
        if start <= at < end:
            yield name
