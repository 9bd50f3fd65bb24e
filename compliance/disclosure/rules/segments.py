"""Cutting a prompt into frames (sentences with the quotes in them) and saying in which zone each one stands.

A frame is one sentence or list item; speech in quotation marks is opaque to the cut, so that `Say "Hi. It's us."`
stays one frame with one quote. The zone (opening, rules, example, comment …) comes from headings, labels, markup and
lead-ins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compliance.disclosure.rules import markup, quotations
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.surface import Surface

MAX_FRAME = 900
# A line that only names the step or state that the next lines belong to.
_NAMED = re.compile(
    r"[\s\-*]*\"?(?:id|name|node|state|stage|step|key|title|phase|section|intent)\"?\s*[:=]\s*"
    r"\"?([\w .-]{2,40}?)\"?\s*,?\s*$"
)
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
    r"[ \t>]*(?:[-*•+–▪◦●○■□◆◇※☆★‣►▶]+[ \t]+|[•●○■□◆◇※☆★・]+|"
    r"\(?\[?(?P<number>\d{1,2})[.)\]:]+(?:[ \t]+|(?=[\u3041-\u9fff\uac00-\ud7af]))|\(?(?P<letter>[a-h])[.)][ \t]+)?"
    r"(?:\*{1,3}(?P<bold>\d{1,2})[.)])?"
)
_HEADING = re.compile(r"[ \t]*(#{1,6})[ \t]+(.*)")
_RULE_LINE = re.compile(
    r"[ \t]*(?:\*\*|__|=+|-{2,}|\[)[ \t]*([^\"\n]{2,60}?)[ \t]*:?[ \t]*(?:\*\*|__|=+|-{2,}|\]):?[ \t]*$"
)
_LABEL = re.compile(
    r"[ \t|*_]*\"?(?P<label>[^:=\"\n]{1,90}?)\"?[ \t*_|]*(?P<mark>:(?!//)|=(?!=)|[ \t][—–-][ \t])[ \t*_|]*"
)
_OVER_AN_END = re.compile(r"[.!?]\s+\S+\s+\S|(?:\S{1,40}\s{1,5}){2}\S{1,40}[.!?]\s{1,5}\S")
_LABEL_MARKS = (":", "=", " - ", "—", "–")


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
    items: int = 0  # of the list that is being read
    spoke: bool = False  # a line that is labelled as any utterance has been met


def zone_of(label: str, packs: Sequence[Pack], memo: Memo, zones: tuple[str, ...] = ZONES) -> str:
    """The zone that a heading, label or lead-in names, or an empty string."""
    label = label.replace("_", " ")
    known = memo.zones.get((label, zones))
    if known is None:
        known = memo.zones[label, zones] = _zone_of(label, packs, memo, zones)
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
    return (
        bool(body)
        and quotations.words_in(body) <= 7
        and body[-1] not in ".!?,;\"'>}])"
        and not set(body) & set('":{}[]<>→=|?!')
    )


def _short_label(label: str) -> bool:
    bare = re.sub(r"\([^)]*\)", "", label)
    # Not over the end of a sentence: what stands before "Greeting:" is no part of the greeting. "Part 1. Greeting" is.
    runs_over = _OVER_AN_END.search(bare)
    return quotations.words_in(bare) <= 9 and not runs_over


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
        named = _NAMED.match(self.text, start, end)
        if named and (zone := zone_of(named[1], self.packs, self.memo)) and self._zone(body) not in UNSPOKEN:
            self.state.block_zone, self.state.block_label, self.state.block_lines = zone, named[1], 0
            self._frames(number, body, end, None, False, heading=True)
            return
        self.state.block_lines += 1
        if step is None and self._zone(body) == "flow" and self._is_item(bullet, body, end):
            self.state.items += 1
            step = self.state.items  # a list of what is done one after another
        self._frames(number, body, end, step, bool(bullet and bullet[0].strip()))

    def _is_item(self, bullet: re.Match[str] | None, body: int, end: int) -> bool:
        """Whether a line is one of a list: it has a bullet, or is a member of a laid-out list."""
        if bullet and bullet[0].strip():
            return True
        last = self.surface.original(end - 1, end).end
        return self.surface.source[last : last + 1] in (",", "]") and ":" not in self.text[body:end]

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
        ordinal = self._step(label) or re.match(r"\W*(\d{1,2})[.):]", label)
        state.heading_step = self._step_number(ordinal[1]) if ordinal else None
        state.block_zone, state.block_label, state.block_lines = "", "", 0
        self._frames(number, match.start(2), end, None, False, heading=True)

    @staticmethod
    def _step_number(raw: str) -> int:
        if raw.isdecimal():
            return int(raw)
        return int(unicodedata.numeric(raw[0], ord(raw[0]) - ord("a") + 1))

    def _step(self, text: str, *, at_start: bool = False) -> re.Match[str] | None:
        """The number of a step in a label, by any pack."""
        if not self.memo.opens("structure.step", text):
            return None
        for pack in self.packs:
            rule = pack.rule("structure.step")
            if found := rule.match(text) if at_start else rule.search(text):
                return found
        return None

    def _block(self, label: str, number: int, start: int, end: int) -> None:
        state = self.state
        state.block_zone, state.block_label, state.block_lines = zone_of(label, self.packs, self.memo) or "", label, 0
        state.items = 0
        ordinal = self._step(label)
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
        cuts = [*quotations.ends(self.plain, start, end, quotes, self.packs, self.surface), end]
        if "</" in self.text[start:end]:
            closed = (at for at in markup.element_ends(self.text, start, end) if not markup.inside(quotes, at))
            cuts = sorted({*cuts, *closed})
        for index, cut in enumerate(cuts):
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
        head = self.plain[start : min(end, start + 130)]
        if not any(mark in head for mark in _LABEL_MARKS):
            return ""
        match = _LABEL.match(self.plain, start, min(end, start + 130))
        if not match or not _short_label(match["label"]) or (quotes and quotes[0][0] < match.start("label")):
            return ""
        if "<" in self.text[match.start("label") : match.end("label")]:
            return ""  # words of two elements are no label
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
            named = self._named(frame.label)
            if named and not (frame.zone in UNSPOKEN and named in ("flow", "rules")):
                frame.zone = named
            ordinal = self._step(frame.label, at_start=True)
            frame.step = self._step_number(ordinal[1]) if ordinal else frame.step
        if frame.step is None:
            opened = self.memo.opens("structure.step", self.plain[frame.start : frame.end])
            ordinal = self._step(self.text[frame.start : frame.start + 40], at_start=True) if opened else None
            frame.step = self._step_number(ordinal[1]) if ordinal else self.state.heading_step
        if frame.quotes and not frame.label and frame.zone not in _STICKY:
            lead = zone_of(frame.keyed[0][-90:], self.packs, self.memo, LEAD_ZONES)
            frame.zone = lead or frame.zone

    def _named(self, label: str) -> str:
        """The zone of a label. Of lines labelled alike ("say:", "agent:") only the first can open the call."""
        if label.endswith("?"):
            return "faq"  # a question, and what to answer
        zone = zone_of(label, self.packs, self.memo)
        if zone == "opening" and zone_of(label, self.packs, self.memo, ("speech",)):
            zone = "flow" if self.state.spoke else "opening"
            self.state.spoke = True
        return zone

    def _lead(self, frame: Frame, quote: tuple[int, int]) -> str:
        """What introduces a quote: its JSON key if it has one, else the words before it."""
        before = self.text[frame.start : quote[0] - 1]
        key = re.search(r"\"([a-z_][\w .-]{0,40})\"\s*[:=]\s*$", before)
        return key[1] if key else before


def read(surface: Surface, packs: Sequence[Pack], memo: Memo, regions: markup.Regions) -> list[Frame]:
    """The frames of a text, in order."""
    return _Reader(surface, packs, memo, regions).read()
