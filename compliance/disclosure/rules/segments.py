"""Cutting a prompt into frames (sentences with the quotes in them) and saying in which zone each one stands.

A frame is one sentence or list item; speech in quotation marks is opaque to the cut, so that `Say "Hi. It's us."`
stays one frame with one quote. The zone (opening, rules, example, comment …) comes from headings, labels, markup and
lead-ins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.disclosure.rules import markup, quotations
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import Pack, union
from compliance.disclosure.rules.surface import Surface

MAX_FRAME = 900
# Tested in this order: what takes speech away wins over what makes it speech.
ZONES = (
    "counter",
    "changelog",
    "comment",
    "disabled",
    "template",
    "example",
    "tools",
    "faq",
    "closing",
    "opening",
    "knowledge",
    "flow",
    "rules",
)
# A heading without a zone of its own keeps these from the heading above it.
_STICKY = frozenset(("counter", "changelog", "comment", "disabled", "template", "example", "tools", "faq", "knowledge"))
LEAD_ZONES = ("counter", "changelog", "comment", "template", "example", "closing", "opening")
UNSPOKEN = frozenset(("counter", "changelog", "comment", "disabled", "template", "tools", "knowledge"))

_BULLET = re.compile(
    r"[ \t>]*(?:[-*•+–▪◦]+[ \t]+|"
    r"\(?\[?(?P<number>\d{1,2})[.)\]:]+[ \t]+|\(?(?P<letter>[a-h])[.)][ \t]+)?"
    r"(?:\*{1,3}(?P<bold>\d{1,2})[.)])?"
)
_HEADING = re.compile(r"[ \t]*(#{1,6})[ \t]+(.*)")
_RULE_LINE = re.compile(
    r"[ \t]*(?:\*\*|__|=+|-{2,}|\[)[ \t]*([^\"\n]{2,60}?)[ \t]*:?[ \t]*(?:\*\*|__|=+|-{2,}|\]):?[ \t]*$"
)
_LABEL = re.compile(
    r"[ \t|*_]*\"?(?P<label>[^:=\"\n]{1,90}?)\"?[ \t*_|]*(?P<mark>:(?!//)|=(?!=)|[ \t][—–-][ \t])[ \t*_|]*"
)


@dataclass(slots=True)
class Frame:
    """One sentence, list item or line; offsets are in the folded text."""

    start: int
    end: int
    zone: str
    line: int
    paragraph: int
    quotes: list[tuple[int, int]] = field(default_factory=list)
    step: int | None = None
    label: str = ""
    keyed: list[str] = field(default_factory=list)
    heading: bool = False
    bulleted: bool = False


@dataclass(slots=True)
class _State:
    """Where the reader is while it goes through the lines."""

    headings: list[tuple[int, str]] = field(default_factory=list)
    heading_step: int | None = None
    block_zone: str = ""
    block_label: str = ""
    block_lines: int = 0
    paragraph: int = 0


def zone_of(label: str, packs: Sequence[Pack], memo: Memo, zones: Sequence[str] = ZONES) -> str:
    """The zone that a heading, label or lead-in names, or an empty string."""
    label = label.replace("_", " ")
    known = memo.zones.get((label, len(zones)))
    if known is None:
        known = memo.zones[label, len(zones)] = _zone_of(label, packs, memo, zones)
    return known


def _zone_of(label: str, packs: Sequence[Pack], memo: Memo, zones: Sequence[str]) -> str:
    for zone in zones:
        rule = f"zones.{zone}"
        if memo.opens(rule, label) and any(pack.rule(rule).search(label) for pack in packs):
            return zone
    return ""


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at <= len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        yield at, stop
        at = stop + 1


def _is_title(body: str) -> bool:
    words = body.split()
    return bool(body) and len(words) <= 7 and body[-1] not in ".!?,;\"'>}])" and not set(body) & set('":{}[]<>→=|?!')


def _short_label(label: str) -> bool:
    bare = re.sub(r"\([^)]*\)", "", label)
    return len(bare.split()) <= 9 and not re.search(r"[.!?]\s+\S+\s+\S", bare)


class _Reader:
    """One pass over the lines of a text."""

    def __init__(self, surface: Surface, packs: Sequence[Pack], memo: Memo, regions: markup.Regions) -> None:
        self.text, self.plain, self.packs = surface.text, surface.plain, packs
        self.surface, self.memo = surface, memo
        self.regions = regions
        self.state = _State()
        self.frames: list[Frame] = []

    def read(self) -> list[Frame]:
        lines = list(_lines(self.text))
        for number, (start, end) in enumerate(lines):
            if not self.text[start:end].strip(" \t\r\\"):
                self._blank_line()
                continue
            following = lines[number + 1] if number + 1 < len(lines) else None
            has_body = following is not None and bool(self.text[following[0] : following[1]].strip())
            self._line(number, start, end, has_body)
        return self.frames

    def _blank_line(self) -> None:
        state = self.state
        state.paragraph += 1
        if state.block_lines:
            state.block_zone, state.block_label, state.block_lines = "", "", 0

    def _line(self, number: int, start: int, end: int, has_body: bool) -> None:
        bullet = _BULLET.match(self.text, start, end)
        body = bullet.end() if bullet else start
        heading = _HEADING.match(self.text, start, end)
        step = self._ordinal(bullet)
        if heading and not markup.inside(self.regions.comments, heading.start(1)):
            self._heading(heading, number, end)
            return
        text = self.text[body:end].strip()
        boxed = _RULE_LINE.match(self.text, start, end)
        if boxed or (text.endswith((":", ": |", ":|", ": >")) and _short_label(text) and '"' not in text):
            self._block(boxed[1] if boxed else text.rstrip("|>: "), number, body, end)
            return
        if has_body and step is None and not (bullet and bullet[0].strip()) and _is_title(text):
            self._block(text, number, body, end)
            return
        self.state.block_lines += 1
        self._frames(number, body, end, step, bool(bullet and bullet[0].strip()))

    @staticmethod
    def _ordinal(bullet: re.Match[str] | None) -> int | None:
        if not bullet:
            return None
        number = bullet["number"] or bullet["bold"]
        if number:
            return int(number)
        return ord(bullet["letter"]) - ord("a") + 1 if bullet["letter"] else None

    def _heading(self, match: re.Match[str], number: int, end: int) -> None:
        level, label = len(match[1]), match[2].strip()
        state = self.state
        state.headings = [(depth, zone) for depth, zone in state.headings if depth < level]
        inherited = state.headings[-1][1] if state.headings else ""
        zone = zone_of(label, self.packs, self.memo) or (inherited if inherited in _STICKY else "")
        state.headings.append((level, zone))
        ordinal = union("structure.step").search(label) or re.match(r"\W*(\d{1,2})[.):]", label)
        state.heading_step = self._step_number(ordinal[1]) if ordinal else None
        state.block_zone, state.block_label, state.block_lines = "", "", 0
        self._frames(number, match.start(2), end, None, False, heading=True)

    @staticmethod
    def _step_number(raw: str) -> int:
        return int(raw) if raw.isdigit() else ord(raw) - ord("a") + 1

    def _block(self, label: str, number: int, start: int, end: int) -> None:
        state = self.state
        state.block_zone, state.block_label, state.block_lines = zone_of(label, self.packs, self.memo) or "", label, 0
        ordinal = union("structure.step").search(label)
        state.heading_step = self._step_number(ordinal[1]) if ordinal else state.heading_step
        self._frames(number, start, end, None, False, heading=True)

    def _zone(self, at: int) -> str:
        if self.regions.comments and markup.inside(self.regions.comments, at):
            return "comment"
        for name in markup.around(self.regions.tags, at) if self.regions.tags else ():
            if zone := zone_of(name, self.packs, self.memo):
                return zone
        state = self.state
        if state.block_label:
            inherited = state.headings[-1][1] if state.headings else ""
            return state.block_zone or (inherited if inherited in _STICKY else "")
        return state.headings[-1][1] if state.headings else ""

    def _frames(
        self, number: int, start: int, end: int, step: int | None, bulleted: bool, heading: bool = False
    ) -> None:
        quotes = quotations.quotes_in(self.plain, start, end)
        label = self._label(start, end, quotes)
        at = start
        for index, cut in enumerate([*quotations.ends(self.plain, start, end, quotes, self.surface), end]):
            for left, right in self._pieces(at, cut):
                frame = Frame(
                    left,
                    right,
                    self._zone(left),
                    number,
                    self.state.paragraph,
                    step=step,
                    heading=heading,
                    bulleted=bulleted,
                )
                frame.quotes = [quote for quote in quotes if left <= quote[0] < right]
                frame.label = label if index == 0 or not quotes else ""
                self._refine(frame)
                self.frames.append(frame)
            at = cut

    def _label(self, start: int, end: int, quotes: list[tuple[int, int]]) -> str:
        match = _LABEL.match(self.text, start, min(end, start + 130))
        if not match or not _short_label(match["label"]) or (quotes and quotes[0][0] < match.start("label")):
            return ""
        return match["label"].strip()

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        while start < end and self.plain[start].isspace():
            start += 1
        while end > start and self.plain[end - 1].isspace():
            end -= 1
        while end - start > MAX_FRAME:  # hostile or unpunctuated text: bounded pieces keep every pattern linear
            cut = self.text.rfind(" ", start + MAX_FRAME // 2, start + MAX_FRAME)
            cut = cut if cut > 0 else start + MAX_FRAME
            yield start, cut
            start = cut
        if end > start:
            yield start, end

    def _refine(self, frame: Frame) -> None:
        """Zone, step and keys from what stands in the frame itself."""
        frame.keyed = [self._lead(frame, quote) for quote in frame.quotes]
        if frame.zone == "comment":
            return
        if frame.label:
            named = zone_of(frame.label, self.packs, self.memo)
            if named and not (frame.zone in UNSPOKEN and named in ("flow", "rules")):
                frame.zone = named
            ordinal = union("structure.step").match(frame.label)
            frame.step = self._step_number(ordinal[1]) if ordinal else frame.step
        if frame.step is None:
            ordinal = union("structure.step").match(self.text[frame.start : frame.start + 40])
            frame.step = self._step_number(ordinal[1]) if ordinal else self.state.heading_step
        if frame.quotes and not frame.label and frame.zone not in _STICKY:
            lead = zone_of(frame.keyed[0][-90:], self.packs, self.memo, LEAD_ZONES)
            frame.zone = lead or frame.zone

    def _lead(self, frame: Frame, quote: tuple[int, int]) -> str:
        """What introduces a quote: its JSON key if it has one, else the words before it."""
        before = self.text[frame.start : quote[0] - 1]
        key = re.search(r"\"([a-z_][\w .-]{0,40})\"\s*[:=]\s*$", before)
        return key[1] if key else before


def read(surface: Surface, packs: Sequence[Pack], memo: Memo, regions: markup.Regions) -> list[Frame]:
    """The frames of a text, in order."""
    return _Reader(surface, packs, memo, regions).read()
