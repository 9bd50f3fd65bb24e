"""Quotation marks and ends of sentences."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.surface import Surface

_LONG_LINE = 2_000  # single quotes are not looked for in longer lines: apostrophes would make it quadratic
_WIDE = "\u0600-\u1cff\u3041-\u9fff\ua500-\ua57f\uac00-\ud7af"  # scripts that put no space after a full stop
_END = re.compile(rf"[.!?…](?=\s|[{_WIDE}])|[;→](?=\s)|\s[|](?=\s)|[?!](?=[a-z])")
_UNSPACED = re.compile("[\u3041-\u9fff]")
_PAIR = re.compile(r"\"")
_SINGLE = re.compile(rf"(?:(?<=[\s(:=\[,{_WIDE}])|^)'(?=\w)([^'\n]*(?:'[a-z][^'\n]*)*)'(?=[\s.,;:)\]!?{_WIDE}]|$)")


def words_in(text: str) -> int:
    """How many words a text has; where no spaces stand between words, about two letters are one."""
    return len(text.split()) + (0 if text.isascii() else len(_UNSPACED.findall(text)) // 2)


def quotes_in(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Spans inside quotation marks within one line; an unpaired mark opens nothing."""
    if text.find('"', start, end) >= 0:
        marks = [match.start() for match in _PAIR.finditer(text, start, end)]
        marks = list(_without_inches(text, marks, end))
        if len(marks) > 1:
            return [(marks[i] + 1, marks[i + 1]) for i in range(0, len(marks) - 1, 2)]
    if end - start > _LONG_LINE or text.find("'", start, end) < 0:
        return []
    singles = _SINGLE.finditer(text[start:end])
    return [(start + match.start(1), start + match.end(1)) for match in singles if words_in(match[1]) > 1]


def _without_inches(text: str, marks: list[int], end: int) -> Iterator[int]:
    """Quotation marks without those for inches (`a 5" pipe`); after an open quote a mark closes it (`"Agent 2"`)."""
    is_open = False
    for at in marks:
        measures = text[at - 1 : at].isdigit() and (at + 1 >= end or text[at + 1] in " ,.)x")
        if is_open or not measures:
            is_open = not is_open
            yield at


def ends(
    text: str,
    start: int,
    end: int,
    quotes: list[tuple[int, int]],
    packs: Sequence[Pack],
    surface: Surface | None = None,
    base: int = 0,
) -> Iterator[int]:
    """Offsets after which a new frame begins. `base` is where the text stands in the surface, if one is given."""
    starts = [quote[0] for quote in quotes]

    def quoted(at: int) -> bool:
        index = bisect_right(starts, at) - 1
        return index >= 0 and at < quotes[index][1]

    cuts = []
    only_arrow = text.count("→", start, end) == 1  # a case and what is done in it, no order of steps
    for match in _END.finditer(text, start, end):
        at = match.start()
        if quoted(at) or (only_arrow and match[0] == "→") or _abbreviates(text, max(start, at - 8), match, packs):
            continue
        cuts.append(match.end())
    for _, close in quotes:
        if text[close - 1 : close] in tuple(".!?…") and text[close : close + 1]:
            if any(pack.rule("structure.carry_on").match(text, close + 1, end) for pack in packs) and not (
                surface and _starts_upper(surface, base + close + 1)
            ):
                continue
            if text[close + 1 : end].strip(" ]})*_"):
                cuts.append(min(close + 1, end))
    yield from sorted(cuts)


def _abbreviates(text: str, start: int, match: re.Match[str], packs: Sequence[Pack]) -> bool:
    """Whether a full stop belongs to the short word before it."""
    if match[0] != ".":
        return False
    return any(pack.rule("structure.abbreviation").search(text[start : match.start()]) for pack in packs)


def _starts_upper(surface: Surface, at: int) -> bool:
    """Whether the next word is written with a capital in the source."""
    while at < len(surface.text) and not surface.text[at].isalnum():
        at += 1
    return at < len(surface.text) and surface.source[surface.original(at, at).start].isupper()


def sentences(text: str, start: int, end: int, packs: Sequence[Pack]) -> list[tuple[int, int]]:
    """Sentences of a stretch of speech, trimmed."""
    found = []
    for cut in [*ends(text, start, end, [], packs), end]:
        while start < cut and text[start].isspace():
            start += 1
        stop = cut
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if stop > start:
            found.append((start, stop))
        start = cut
    return found
