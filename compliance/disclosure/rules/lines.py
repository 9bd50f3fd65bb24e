"""One line of a prompt by itself: its bullet or number, whether it is a heading or names a block, its label, and where
it is cut. What stands around a line is the business of `segments`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from compliance.disclosure.rules import markup, quotations
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.surface import Surface

MAX_FRAME = 900
_TITLE = 240  # longer ones name nothing
_HEAD = 130  # where a label ends at the latest
# A line that only names the step or state that the next lines belong to.
_NAMED = re.compile(
    r"[\s\-*]*\"?(?:id|name|node|state|stage|step|key|title|phase|section|intent)\"?\s*[:=]\s*"
    r"\"?([\w .-]{2,40}?)\"?\s*,?\s*$"
)
_BULLET = re.compile(
    r"[ \t>]*(?:[-*•·∙⁃+–▪◦●○■□◆◇※☆★‣►▶]+[ \t]+|[•●○■□◆◇※☆★・]+|[│├└┌╰╭┃─┬┴]+[ \t]+|"
    r"\(?\[?(?P<number>\d{1,2})[.)\]:]+(?:[ \t]+|(?=[\u3041-\u9fff\uac00-\ud7af]))|\(?(?P<letter>[a-h])[.)][ \t]+)?"
    r"(?:\*{1,3}(?P<bold>\d{1,2})[.)])?"
)
_HEADING = re.compile(r"[ \t]*(#{1,6})[ \t]+(.*)")
_RULE_LINE = re.compile(
    r"[ \t]*(?:\*\*|__|=+|-{2,}|\[)[ \t]*([^\"\n]{2,60}?)[ \t]*:?[ \t]*(?:\*\*|__|=+|-{2,}|\]):?[ \t]*$"
)
_LABEL = re.compile(
    r"[ \t|*_]*\"?(?P<label>[^:=\"\n]{1,90}?)\"?[ \t*_|]*(?P<mark>:(?!//)|=(?!=)|[ \t][—–-][ \t]|→)[ \t*_|]*"
)
_OVER_AN_END = re.compile(r"[.!?]\s+\S+\s+\S|(?:\S{1,40}\s{1,5}){2}\S{1,40}[.!?]\s{1,5}\S")
_LABEL_MARK = re.compile(r"[:=—–→]| - ")
_SECTION = re.compile(r"^(?:section|part|step|phase|stage|chapter|block|§) ?[\w.]{1,4} ?[:.)–—-] ?")
_ASIDE = re.compile(r"\s*\([^()]{1,120}\)$")
_ARROW = re.compile(r"\s*\"?\s*[→⇒]")


@dataclass(frozen=True, slots=True)
class Line:
    """What a line is; offsets count from its start."""

    body: int  # behind the bullet
    bulleted: bool
    step: int | None  # the number or letter of the bullet
    heading: tuple[int, int, int, str] | None  # where its marks begin, how many, where the words begin, the words
    block: str | None  # the name of the block that the line opens
    title: bool  # names the block below it, if anything stands there
    named: str | None  # a step or state that the line names


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a stretch of a line is cut; offsets count from its start."""

    quotes: tuple[tuple[int, int], ...]
    label: str
    case: bool  # the label names a case, and behind an arrow stands what is done in it
    pieces: tuple[tuple[int, int, bool], ...]  # start, end, and whether the label is of this piece


def line(text: str, memo: Memo) -> Line:
    """What a line with something in it is, told once for all lines that are alike."""
    known = memo.lines.get(text)
    if known is None:
        known = memo.lines[text] = _line(text)
    return known


def _line(text: str) -> Line:
    bullet = _BULLET.match(text)
    at = bullet.end() if bullet else 0
    bulleted = bool(bullet and bullet[0].strip())
    step, body = _ordinal(bullet), text[at:].strip()
    heading = _HEADING.match(text)
    boxed = _RULE_LINE.match(text)
    opens = body.endswith((":", ": |", ":|", ": >")) and _short_label(body) and '"' not in body
    named = _NAMED.match(text)
    return Line(
        at,
        bulleted,
        step,
        (heading.start(1), len(heading[1]), heading.start(2), heading[2].strip()) if heading else None,
        boxed[1] if boxed else body.rstrip("|>: ") if opens else None,
        step is None and not bulleted and _is_title(body),
        named[1] if named else None,
    )


def _ordinal(bullet: re.Match[str] | None) -> int | None:
    if not bullet:
        return None
    number = bullet["number"] or bullet["bold"]
    if number:
        return int(number)
    return ord(bullet["letter"]) - ord("a") + 1 if bullet["letter"] else None


def _is_title(body: str) -> bool:
    if len(body) > _TITLE:
        return False
    section = _SECTION.match(body)
    body = body[section.end() :] if section else body
    body = _ASIDE.sub("", body) if body.endswith(")") else body
    return (
        bool(body)
        and quotations.words_in(body) <= 7
        and body[-1] not in ".!?,;\"'>}])"
        and not set(body) & set('":{}[]<>→=|?!')
    )


def _short_label(label: str) -> bool:
    bare = re.sub(r"\([^)]*\)", "", label) if "(" in label else label
    # Not over the end of a sentence: what stands before "Greeting:" is no part of the greeting. "Part 1. Greeting" is.
    return quotations.words_in(bare) <= 9 and not _OVER_AN_END.search(bare)


def stretch(surface: Surface, memo: Memo, start: int, end: int) -> Stretch:
    """Quotes, label and sentences of a part of a line."""
    text, plain = surface.text[start:end], surface.plain[start:end]
    known = memo.lines.get((text, plain))
    if known is None:
        quotes = quotations.quotes_in(plain, 0, len(plain))
        known = _stretch(surface, memo, start, text, plain, quotes)
        if not quotes:  # else the cuts depend on more than these words
            memo.lines[text, plain] = known
    return known


def _stretch(surface: Surface, memo: Memo, start: int, text: str, plain: str, quotes: list[tuple[int, int]]) -> Stretch:
    cuts = [*quotations.ends(plain, 0, len(plain), quotes, memo.packs, surface, start), len(plain)]
    if "</" in text:
        closed = (at for at in markup.element_ends(text, 0, len(text)) if not markup.inside(quotes, at))
        cuts = sorted({*cuts, *closed})
    pieces = []
    at = 0
    for index, cut in enumerate(cuts):
        pieces += [(left, right, index == 0 or not quotes) for left, right in _pieces(text, plain, at, cut)]
        at = cut
    label = _label(text, plain, quotes)
    case = bool(label) and _ARROW.match(text, plain.find(label) + len(label)) is not None
    return Stretch(tuple(quotes), label, case, tuple(pieces))


def _label(text: str, plain: str, quotes: list[tuple[int, int]]) -> str:
    if not _LABEL_MARK.search(plain, 0, _HEAD):
        return ""
    match = _LABEL.match(plain, 0, _HEAD)
    if match and match["mark"] == "→" and plain.count("→") > 1:
        return ""  # steps, one after another
    if not match or not _short_label(match["label"]) or (quotes and quotes[0][0] < match.start("label")):
        return ""
    if "<" in text[match.start("label") : match.end("label")]:
        return ""  # words of two elements are no label
    return match["label"].strip()


def _pieces(text: str, plain: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and plain[start].isspace():
        start += 1
    while end > start and plain[end - 1].isspace():
        end -= 1
    while end - start > MAX_FRAME:  # hostile or unpunctuated text: bounded pieces keep every pattern linear
        cut = text.rfind(" ", start + MAX_FRAME // 2, start + MAX_FRAME)
        cut = cut if cut > 0 else start + MAX_FRAME
        yield start, cut
        start = cut
    if end > start:
        yield start, end
