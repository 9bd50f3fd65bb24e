"""A prompt as the later stages see it: frames with their outer words, their speech, and who is spoken to."""

from __future__ import annotations

import functools
import operator
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from compliance.disclosure.rules import markup, segments, surface, tongues
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.packs import Pack, foreign_hints, new_memo
from compliance.disclosure.rules.segments import Frame
from compliance.disclosure.rules.tongues import primary as primary


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a frame: its own words (`quoted` false) or one quote in it."""

    frame: Frame
    start: int
    end: int
    quoted: bool
    zone: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """Recording spoken of in a language without a pack."""

    start: int
    end: int
    language: str
    negated: bool


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


class Reading:
    """One text, normalised, cut and struck; every offset is one of `surface.text`."""

    def __init__(self, source: str, language: str, memo: Memo | None = None) -> None:
        self.language = primary(language)
        self.surface = surface.fold(source, self.language, memo.packs if memo else None)
        self.packs: tuple[Pack, ...] = self.surface.packs
        self.memo = memo or self.surface.memo or new_memo(self.packs)
        self._rules = self.memo.bits
        self.regions = markup.regions(self.surface.text)
        self.frames = segments.read(self.surface, self.packs, self.memo, self.regions)
        self.bits = [self.memo.of_text(self.surface.plain[frame.start : frame.end]) for frame in self.frames]
        self.all_bits = functools.reduce(operator.or_, self.bits, 0)
        self.words = self._struck(self.surface.plain)
        self.refusals: frozenset[int] | None = None  # starts of the frames of refusal branches, once looked for
        self._outer: dict[int, str] = {}
        self._whole: dict[int, str] = {}

    def bit(self, rule: str) -> int:
        """The bit of a rule; 0 where no pack has it."""
        return self._rules.get(rule, 0)

    def open_to(self, *rules: str) -> list[Frame]:
        """The frames in which at least one of some rules could match."""
        wanted = 0
        for rule in rules:
            wanted |= self._rules.get(rule, 0)
        if not self.all_bits & wanted:
            return []
        return [frame for frame, bits in zip(self.frames, self.bits, strict=True) if bits & wanted]

    def _struck(self, text: str) -> str:
        """The wording with look-alikes blanked: what is left of `record` speaks of a call."""
        pieces: list[str] = []
        at = 0
        for frame in self.open_to("strike.lookalike"):
            struck = text[frame.start : frame.end]
            for pack in self.packs_of(struck):
                struck = pack.rule("strike.lookalike").sub(_blank, struck)
            pieces += (text[at : frame.start], struck)
            at = frame.end
        return "".join([*pieces, text[at:]])

    def whole(self, frame: Frame) -> str:
        """All words of a frame, quotes included. One object a frame, so that the memo's look-ups are cheap."""
        known = self._whole.get(frame.start)
        if known is None:
            known = self._whole[frame.start] = self.words[frame.start : frame.end]
        return known

    def outer(self, frame: Frame) -> str:
        """The words of a frame outside its quotes, at unchanged offsets."""
        if not frame.quotes:
            return self.whole(frame)
        known = self._outer.get(frame.start)
        if known is None:
            pieces: list[str] = []
            at = frame.start
            for start, end in frame.quotes:
                pieces += (self.words[at:start], " " * (min(end, frame.end) - start))
                at = end
            pieces.append(self.words[at : frame.end])
            known = self._outer[frame.start] = "".join(pieces)
        return known

    def parts(self, frame: Frame) -> list[Part]:
        """The frame's own words and its quotes, each with the zone it speaks from."""
        found = [Part(frame, frame.start, frame.end, False, frame.zone)]
        for (start, end), key in zip(frame.quotes, frame.keyed, strict=False):
            found.append(Part(frame, start, min(end, frame.end), True, self._quote_zone(frame, key), key))
        return found

    def _quote_zone(self, frame: Frame, key: str) -> str:
        if frame.zone in segments.UNSPOKEN or frame.zone == "example":
            return frame.zone
        if key and len(frame.quotes) > 1:
            return segments.zone_of(key[-60:], self.packs, self.memo) or frame.zone
        return frame.zone

    def text_of(self, part: Part) -> str:
        """The words of a part, at offsets from `part.start`."""
        return self.words[part.start : part.end] if part.quoted else self.outer(part.frame)

    def search(self, rule: str, text: str) -> re.Match[str] | None:
        """First match of a rule in the packs of a text's languages, the call's own first."""
        found = self.first(rule, text)
        return found[0] if found else None

    def first(self, rule: str, text: str) -> tuple[re.Match[str], str] | None:
        """The same with the language of the pack that it came from; looked for once in a judgement."""
        known = self.memo.about(text)
        if not known.bits & self._rules.get(rule, 0):
            return None
        if rule in known.found:
            return known.found[rule]
        for pack in self.packs_of(text):
            match = pack.rule(rule).search(text)
            if match:
                found = known.found[rule] = match, pack.language
                return found
        known.found[rule] = None
        return None

    def packs_of(self, text: str) -> tuple[Pack, ...]:
        """The packs of the languages that a sentence is in, the call's own first; all where it cannot be told."""
        if len(self.packs) == 1:
            return self.packs
        known = self.memo.about(text)
        if known.packs is None:
            known.packs = tongues.of_text(text, self.language, self.packs)
        return known.packs

    def in_any(self, rule: str, text: str) -> bool:
        """Whether the rule of any pack that takes part matches, whatever language the text is in."""
        return self.may(rule, text) and any(pack.rule(rule).search(text) for pack in self.packs)

    def has(self, rule: str, text: str) -> bool:
        """Whether the rule matches."""
        return self.search(rule, text) is not None

    def may(self, rule: str, text: str) -> bool:
        """Whether the words of a text leave it open that a rule matches."""
        return bool(self.memo.of_text(text) & self._rules.get(rule, 0))

    def frame_at(self, offset: int) -> Frame | None:
        """The frame around an offset."""
        index = bisect_right(self._starts, offset) - 1
        return self.frames[index] if index >= 0 and offset < self.frames[index].end else None

    def after(self, frame: Frame, count: int) -> list[Frame]:
        """The next frames."""
        index = bisect_right(self._starts, frame.start)
        return self.frames[index : index + count]

    def before(self, frame: Frame) -> Frame | None:
        """The frame before."""
        index = bisect_right(self._starts, frame.start) - 2
        return self.frames[index] if index >= 0 else None

    @cached_property
    def _starts(self) -> list[int]:
        return [frame.start for frame in self.frames]

    @cached_property
    def headings(self) -> list[Frame]:
        """Headings and block labels, in order."""
        return [frame for frame in self.frames if frame.heading]

    def heading_of(self, frame: Frame) -> Frame | None:
        """The nearest heading above a frame."""
        index = bisect_right(self.headings, frame.start, key=lambda other: other.start) - 1
        return self.headings[index] if index >= 0 and not frame.heading else None

    @cached_property
    def _first_orders(self) -> dict[int, int]:
        """For every paragraph the start of its first frame that speaks to the agent."""
        found: dict[int, int] = {}
        for frame in self.frames:
            if frame.start in self.agent_directed:
                found.setdefault(frame.paragraph, frame.start)
        return found

    @cached_property
    def mentions(self) -> list[Mention]:
        """Recording spoken of in languages without a pack, in order."""
        found = []
        for hint in foreign_hints():
            for frame in self.open_to(f"foreign.{hint.language}"):
                for match in hint.record.finditer(self.words, frame.start, frame.end):
                    around = self.words[max(frame.start, match.start() - 40) : match.end() + 25]
                    found.append(Mention(match.start(), match.end(), hint.language, bool(hint.negation.search(around))))
        return sorted(found, key=lambda mention: mention.start)

    @cached_property
    def agent_directed(self) -> frozenset[int]:
        """Starts of the frames that speak to the agent, not to the caller."""
        return frozenset(
            frame.start
            for frame in self.open_to("markers.agent_directed")
            if self.has("markers.agent_directed", self.outer(frame))
        )

    @cached_property
    def calling(self) -> frozenset[int]:
        """Paragraphs with unquoted words that only a caller is spoken to with."""
        return frozenset(
            frame.paragraph
            for frame in self.open_to("markers.caller_signal")
            if frame.start not in self.agent_directed
            and not frame.heading
            and self.has("markers.caller_signal", self.outer(frame))
        )

    @cached_property
    def opening_frames(self) -> tuple[Frame, ...]:
        """Frames that hold what the agent says first."""
        return tuple(
            frame for frame in self.frames if frame.zone == "opening" and not (frame.heading and not frame.quotes)
        )

    def spoken_to_caller(self, frame: Frame, text: str) -> str:
        """Whether unquoted words are speech: `yes`, `no`, or `unclear` where the text does not settle it."""
        if frame.heading or frame.zone == "opening":
            return "no" if frame.heading else "yes"
        if frame.zone or self.has("markers.background", text) or frame.start in self.agent_directed:
            return "no" if frame.zone not in ("", "flow") or frame.step is None else "unclear"
        elsewhere = any(other is not frame for other in self.opening_frames[:2])
        if elsewhere or self._first_orders.get(frame.paragraph, frame.start) < frame.start:
            return "no"
        if frame.paragraph in self.calling or self.has("markers.caller_deixis", text):
            return "yes"
        return "no"
