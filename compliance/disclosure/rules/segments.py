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

from compliance.disclosure.rules import lines, markup
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.lines import Line
from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.surface import Surface

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

# Zones whose quotes are shown to the model, not ordered to be said.
_SHOWN = frozenset(("counter", "example", "template", "comment", "changelog"))
_NUMBER = re.compile(r"\W*(\d{1,2})[.):]")


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
    case: bool = False  # the label is a case, and the rest is what is done in it


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


def _chained(text: str, pieces: Sequence[tuple[int, int, bool]]) -> dict[int, int]:
    """Pieces of a line that are steps one after another, joined by two arrows or more, with their numbers."""
    found: dict[int, int] = {}
    run: list[int] = []
    for at, (_, right, _) in enumerate((*pieces, (0, 0, False))):
        run.append(at)
        if right and text[right - 1] == "→":
            continue
        if len(run) > 2:
            found |= {index: number for number, index in enumerate(run, 1) if index < len(pieces)}
        run = []
    return found


class _Reader:
    """One pass over the lines of a text."""

    def __init__(self, surface: Surface, packs: Sequence[Pack], memo: Memo, regions: markup.Regions) -> None:
        self.text, self.plain, self.packs = surface.text, surface.plain, packs
        self.surface, self.memo = surface, memo
        self.regions = regions
        self.state = _State()
        self.frames: list[Frame] = []

    def read(self) -> list[Frame]:
        spans = list(_lines(self.text))
        for number, (start, end) in enumerate(spans):
            if not self.text[start:end].strip(" \t\r\\"):
                self._blank_line()
                continue
            following = spans[number + 1] if number + 1 < len(spans) else None
            has_body = following is not None and bool(self.text[following[0] : following[1]].strip())
            self._line(number, start, end, has_body)
        return self.frames

    def _blank_line(self) -> None:
        state = self.state
        state.paragraph += 1
        if state.block_lines:
            state.block_zone, state.block_label, state.block_lines = "", "", 0

    def _line(self, number: int, start: int, end: int, has_body: bool) -> None:
        line = lines.line(self.text[start:end], self.memo)
        body, step = start + line.body, line.step
        if line.heading and not markup.inside(self.regions.comments, start + line.heading[0]):
            self._heading(line.heading, number, start, end)
            return
        if line.block is not None or (has_body and line.title):
            name = line.block if line.block is not None else self.text[body:end].strip()
            self._block(name, number, body, end)
            return
        zone = zone_of(line.named, self.packs, self.memo) if line.named else ""
        if line.named and zone and self._zone(body) not in UNSPOKEN:
            self.state.block_zone, self.state.block_label, self.state.block_lines = zone, line.named, 0
            self._frames(number, body, end, None, False, heading=True)
            return
        self.state.block_lines += 1
        if step is None and self._zone(body) == "flow" and self._is_item(line, body, end):
            self.state.items += 1
            step = self.state.items  # a list of what is done one after another
        self._frames(number, body, end, step, line.bulleted)

    def _is_item(self, line: Line, body: int, end: int) -> bool:
        """Whether a line is one of a list: it has a bullet, or is a member of a laid-out list."""
        if line.bulleted:
            return True
        last = self.surface.original(end - 1, end).end
        return self.surface.source[last : last + 1] in (",", "]") and ":" not in self.text[body:end]

    def _heading(self, heading: tuple[int, int, int, str], number: int, start: int, end: int) -> None:
        _, level, words, label = heading
        state = self.state
        state.headings = [(depth, zone) for depth, zone in state.headings if depth < level]
        inherited = state.headings[-1][1] if state.headings else ""
        zone = zone_of(label, self.packs, self.memo) or (inherited if inherited in _STICKY else "")
        state.headings.append((level, zone))
        ordinal = self._step(label) or _NUMBER.match(label)
        state.heading_step = self._step_number(ordinal[ordinal.lastindex or 0]) if ordinal else None
        state.block_zone, state.block_label, state.block_lines = "", "", 0
        self._frames(number, start + words, end, None, False, heading=True)

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
        zone = zone_of(label, self.packs, self.memo)
        if not zone and zone_of(label, self.packs, self.memo, ("lead_in",)):
            zone = self._zone(start)  # "Say exactly this:" announces what the heading above it has named
        state.block_zone, state.block_label, state.block_lines = zone, label, 0
        state.items = 0
        ordinal = self._step(label)
        state.heading_step = self._step_number(ordinal[ordinal.lastindex or 0]) if ordinal else state.heading_step
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
        cut = lines.stretch(self.surface, self.memo, start, end)
        quotes = [(start + left, start + right) for left, right in cut.quotes]
        used, links = 0, _chained(self.text[start:end], cut.pieces)
        for at, (left, right, labelled) in enumerate(cut.pieces):
            frame = Frame(
                start + left,
                start + right,
                self._zone(start + left),
                number,
                self.state.paragraph,
                step=links.get(at, step),
                label=cut.label if labelled else "",
                heading=heading,
                bulleted=bulleted,
                case=cut.case and labelled,
            )
            while used < len(quotes) and quotes[used][0] < frame.end:
                if quotes[used][0] >= frame.start:
                    frame.quotes.append(quotes[used])
                used += 1
            self._refine(frame)
            self._join(frame)
            self.frames.append(frame)

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
            frame.step = self._step_number(ordinal[ordinal.lastindex or 0]) if ordinal else frame.step
        if frame.step is None:
            opened = self.memo.opens("structure.step", self.plain[frame.start : frame.end])
            ordinal = self._step(self.text[frame.start : frame.start + 40], at_start=True) if opened else None
            frame.step = self._step_number(ordinal[ordinal.lastindex or 0]) if ordinal else self.state.heading_step
        if frame.quotes and not frame.label and frame.zone not in _STICKY:
            lead = zone_of(frame.keyed[0][-90:], self.packs, self.memo, LEAD_ZONES)
            frame.zone = lead or frame.zone

    def _join(self, frame: Frame) -> None:
        """Of several quotes in a row, the next ones are what the first was said to be ("Bad openers: …")."""
        last = self.frames[-1] if self.frames else None
        if last is None or last.line != frame.line or last.zone not in _SHOWN or frame.zone in _SHOWN:
            return
        inside = sum(right - left for left, right in frame.quotes)
        if frame.quotes and not frame.label and frame.end - frame.start - inside <= 3 * len(frame.quotes) + 1:
            frame.zone = last.zone

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
