"""Text that is not shown: variables, includes, and orders to read something that stands elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compliance.disclosure.rules import candidates, segments
from compliance.disclosure.rules.candidates import Candidate, Kind, Mode
from compliance.disclosure.rules.reading import Part, Reading
from compliance.disclosure.rules.segments import Frame

_PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}|\[\[[^\[\]\n]{1,80}\]\]|"
    r"\{%[^%\n]{1,80}%\}|\$\{[^{}\n]{1,60}\}|(?<![{$])\{[a-z_][^{}\n:\"]{0,50}\}(?!\})|"
    r"<%[-=]?[^%\n]{3,80}%>|\[[^\[\]\n\"]{3,80}\]|<[a-z][a-z _-]{5,80}>|%[a-z_]{4,40}%|__[a-z_]{4,40}__|"
    r"<<[^<>\n]{3,60}>>"
)
_ORDER = re.compile(r"\[\W*(?:insert|paste|read|play|add|put|say|use|include|attach)\b")
_CLOSED = re.compile(r"</([^\W\d_][\w :.-]{0,80})")
_DEFINITION = re.compile(r"[\"']?([a-z_][a-z0-9_.]{1,40})[\"']?[ \t]*[:=][ \t]*\"([^\"\n]{2,400})\"")
_BRACKETS = "{}%$[]<>_ \t#"
_NAME = re.compile(r"[a-z_][a-z0-9_.]*")


def definitions(reading: Reading) -> dict[str, tuple[int, int]]:
    """Variables whose value is shown, by name."""
    return {match[1]: match.span(2) for match in _DEFINITION.finditer(reading.surface.text)}


def find(reading: Reading) -> Iterator[Candidate]:
    """Variables and includes that would hold the disclosure, or do where their value is shown."""
    if not any(mark in reading.surface.text for mark in "{[<%_"):
        return
    shown: dict[str, tuple[int, int]] | None = None
    closed = frozenset(_CLOSED.findall(reading.surface.text))
    for match in _PLACEHOLDER.finditer(reading.surface.text):
        inner = match[0].strip(_BRACKETS)
        if _is_list_or_json(match[0]) or inner in closed:
            continue  # a list, or a named section
        frame = reading.frame_at(match.start())
        if frame is None or frame.zone in segments.UNSPOKEN:
            continue
        name = _NAME.search(inner)
        shown = definitions(reading) if shown is None else shown
        value = shown.get(name[0]) if name else None
        part = Part(frame, match.start(), match.end(), True, frame.zone)
        if value:
            resolved = _resolved(reading, part, value)
            if resolved:
                yield resolved
        elif reading.has("placeholder.name", inner) and not reading.has("placeholder.not_name", inner):
            yield Candidate(
                Kind.PLACEHOLDER, Mode.SPEECH, part, match.start(), match.end(), match.span(), reading.language
            )


def _is_list_or_json(raw: str) -> bool:
    if _ORDER.match(raw):
        return False
    return raw.startswith("[") and ("," in raw or (":" in raw[:-1].strip("[]") and "insert" not in raw))


def _resolved(reading: Reading, part: Part, value: tuple[int, int]) -> Candidate | None:
    inner = candidates.from_quote(reading, Part(part.frame, value[0], value[1], True, part.zone))
    if inner is None:
        return None
    return Candidate(inner.kind, inner.mode, part, inner.start, inner.end, (part.start, part.end), inner.language)


def reference(reading: Reading, frame: Frame) -> Candidate | None:
    """An order to read a text that is not shown."""
    outer = reading.outer(frame)
    found = reading.first("placeholder.reference", outer)
    if not found or frame.quotes or candidates.clear_match(reading, outer):
        return None
    start, end = frame.start + found[0].start(), frame.start + found[0].end()
    part = Part(frame, frame.start, frame.end, False, frame.zone)
    return Candidate(Kind.PLACEHOLDER, Mode.INSTRUCTION, part, start, end, (start, end), found[1])
