"""Evidence spans: the shortest run of whole sentences or clauses that makes the disclosure (policy section 6)."""

from __future__ import annotations

import re

from compliance.disclosure.rules import quotations
from compliance.disclosure.rules.reading import Reading
from compliance.disclosure.rules.segments import Frame

_STRONG = re.compile(r"\s[—–-]\s|\s?[—–]\s?|;\s|:\s|\s?→\s?|\.\.\.\s")
_COMMA = re.compile(r",\s+")
_BRACKETED = re.compile(r"(?:<!--|\{#|/\*)\s*(.*?)\s*(?:-->|#\}|\*/)?", re.DOTALL)
_AFTER_LABEL = re.compile(r"[\"\s*_]*(?::|=|\s[—–-])\s*")
_EDGE = " \t\n\r\"'*_>|"


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Without white space, quotation marks and emphasis at the edges."""
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    return start, end


def _cuts(pattern: re.Pattern[str], text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces, at = [], start
    for match in pattern.finditer(text, start, end):
        pieces.append((at, match.start()))
        at = match.end()
    return [*pieces, (at, end)]


def _around(pieces: list[tuple[int, int]], hit: tuple[int, int]) -> tuple[int, int]:
    """First and last index of the pieces that the hit touches."""
    touched = [i for i, (start, end) in enumerate(pieces) if start < hit[1] and end > hit[0]]
    return (touched[0], touched[-1]) if touched else (0, len(pieces) - 1)


def spoken_evidence(reading: Reading, floor: int, sentence: tuple[int, int], hit: tuple[int, int]) -> tuple[int, int]:
    """The clause of a spoken sentence, with an announcing sentence before it ("Just so you know.")."""
    text = reading.surface.plain
    start, end = sentence
    pieces = _cuts(_STRONG, reading.words, start, end)
    first, last = _around(pieces, hit)
    start, end = pieces[first][0], pieces[last][1]
    commas = _cuts(_COMMA, reading.words, start, end)
    first, last = _around(commas, hit)
    while first > 0 and reading.has("evidence.lead", reading.words[slice(*commas[first - 1])]):
        first -= 1
    while last + 1 < len(commas) and reading.has("evidence.tail", reading.words[slice(*commas[last + 1])]):
        last += 1
    start, end = commas[first][0], commas[last][1]
    if start == sentence[0]:
        before = quotations.sentences(text, floor, start, reading.packs)
        if before and reading.has("evidence.announce", reading.words[slice(*before[-1])]):
            start = before[-1][0]
    if end == sentence[1] or text[end : end + 1] in ".!?":
        end = min(end + (text[end : end + 1] in tuple(".!?")), len(text))
    return trim(text, start, end)


def sentence_of(reading: Reading, frame: Frame, hit: tuple[int, int]) -> tuple[int, int]:
    """The sentence of a frame around a hit."""
    for start, end in quotations.sentences(reading.surface.plain, frame.start, frame.end, reading.packs):
        if start <= hit[0] < end:
            return start, end
    return frame.start, frame.end


def instructed_evidence(reading: Reading, frame: Frame) -> tuple[int, int]:
    """The whole frame without its label where that is only a name."""
    text = reading.surface.plain
    start, end = frame.start, frame.end
    if (
        frame.label
        and (frame.zone in ("opening", "closing", "flow", "rules") or _is_laid_out(reading, frame))
        and not reading.has("condition.some", frame.label)
    ):
        label = text.find(frame.label, start, end)
        cut = _AFTER_LABEL.match(text, label + len(frame.label)) if label >= 0 else None
        if cut and cut.end() < end - 10:
            start = cut.end()
    left, right = start, end
    while left < right and text[left] in " \t*_>|":
        left += 1
    while right > left and text[right - 1] in " \t*_>|;→":
        right -= 1
    if frame.quotes and frame.quotes[0][0] - 1 <= left:
        left, right = trim(text, left, right)
    return left, right


def _is_laid_out(reading: Reading, frame: Frame) -> bool:
    """Whether the label was the key or first cell of a configuration or table, and no words of the text."""
    at = reading.surface.text.find(frame.label, frame.start, frame.end) + len(frame.label)
    after = reading.surface.original(at, at).start
    return reading.surface.source[after : after + 1] not in (":", "=", " ", "")


def written_evidence(reading: Reading, frame: Frame) -> tuple[int, int]:
    """Text that nobody hears: the frame, inside its quotes where it is only a quote."""
    if len(frame.quotes) == 1 and frame.zone in ("counter", "template", "disabled"):
        return trim(reading.surface.plain, *frame.quotes[0])
    start, end = instructed_evidence(reading, frame)
    bracketed = _BRACKETED.fullmatch(reading.surface.text, start, end)
    return bracketed.span(1) if bracketed else (start, end)
