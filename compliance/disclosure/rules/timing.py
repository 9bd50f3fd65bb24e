"""Whether a candidate is told on time (labelling policy section 4.5), and whether it is told in all calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from compliance.disclosure.rules import markup, segments
from compliance.disclosure.rules.candidates import Candidate, Mode
from compliance.disclosure.rules.reading import Reading
from compliance.disclosure.rules.segments import Frame

_VARIABLE = re.compile(r"\{\{?[^{}]{0,60}\}?\}")
ON_TIME, UNFIXED, LATE = "on_time", "unfixed", "late"
# Frames of these zones say nothing about the order of a call.
_ASIDE = segments.UNSPOKEN | {"rules", "faq", "example", "closing"}


class Course:
    """The order of a call as the prompt gives it."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def _flows(self, frame: Frame) -> bool:
        return frame.zone not in _ASIDE and not (frame.heading and frame.zone in ("", "opening") and not frame.quotes)

    @cached_property
    def asks(self) -> tuple[Frame, ...]:
        """Frames that ask the caller for personal data."""
        found = []
        for frame in self.reading.open_to("timing.ask_data"):
            if not self._flows(frame):
                continue
            text = _VARIABLE.sub(" ", self.reading.whole(frame))
            data = self.reading.search("timing.ask_data", text)
            if data and self._is_request(frame, text):
                found.append(frame)
        return tuple(found)

    def _is_request(self, frame: Frame, text: str) -> bool:
        if frame.zone == "opening" and frame.quotes:
            return False  # what the first utterance asks is answered after all of it was heard: see `_after_question`
        if frame.zone == "flow" or frame.step is not None or "?" in text:
            return True
        return self.reading.has("timing.data_verb", text)

    @cached_property
    def invites(self) -> tuple[Frame, ...]:
        """Frames in which the caller is invited to speak on the matter, or asked who they are."""
        return tuple(
            frame
            for frame in self.reading.open_to("timing.open_help", "timing.identity")
            if self._flows(frame)
            and (
                self.reading.has("timing.open_help", self.reading.whole(frame))
                or self.reading.has("timing.identity", self.reading.whole(frame))
            )
        )

    @cached_property
    def speeches(self) -> tuple[Frame, ...]:
        """Frames with verbatim speech, in order."""
        return tuple(frame for frame in self.reading.frames if frame.quotes and self._flows(frame))

    def place(self, candidate: Candidate) -> str:
        """ON_TIME, UNFIXED or LATE."""
        frame, reading = candidate.frame, self.reading
        outer = reading.outer(frame)
        before = outer if candidate.part.quoted else outer[: max(0, candidate.hit[0] - frame.start)]
        instructed = candidate.part.quoted or candidate.mode is Mode.INSTRUCTION
        if frame.zone == "closing" or (instructed and reading.has("timing.late", outer)):
            return LATE
        if reading.has("timing.past", reading.whole(frame)) and frame.zone != "opening":
            return LATE
        if frame.zone == "opening":
            return ON_TIME
        order = self._ordered_next(frame)
        if order:
            return order
        fixed = instructed and (reading.has("timing.first", before) or reading.has("timing.first", outer))
        if self._asked_before(candidate, fixed, before):
            return LATE
        asked = bool(self.asks) and self.asks[0].start < frame.start and not self._same_breath(candidate, self.asks[0])
        if fixed:
            return ON_TIME
        if frame.zone == "rules":
            return UNFIXED  # a duty, wherever it stands, says nothing about the order of a call
        if asked or self._after_question(candidate):
            return LATE
        invited = bool(self.invites) and self.invites[0].start < frame.start
        if invited and not self._same_breath(candidate, self.invites[0]):
            return UNFIXED
        return self._in_order(candidate)

    def _asked_before(self, candidate: Candidate, fixed: bool, before: str) -> bool:
        """Whether the sentence that orders a notice has data asked for first ("take the name, then tell …")."""
        if candidate.part.quoted:
            before = before[: candidate.part.start - candidate.frame.start]
        elif candidate.mode is not Mode.INSTRUCTION:
            return False
        ordered = (fixed and not candidate.part.quoted) or self.reading.has("timing.next", before)
        return ordered and self._asks_in(before)

    def _asks_in(self, before: str) -> bool:
        """Whether personal data is asked for in the words before a notice."""
        text = _VARIABLE.sub(" ", before)
        data = self.reading.search("timing.ask_data", text)
        lead = text[: data.start()] if data else ""
        return self.reading.has("timing.data_verb", lead) and not self.reading.has("timing.ahead", lead)

    def _ordered_next(self, frame: Frame) -> str:
        """When "this" is to be done, as the next sentence of the line says; empty where it does not."""
        for following in self.reading.after(frame, 1):
            text = self.reading.outer(following)
            if following.line == frame.line and self.reading.has("timing.anaphora", text):
                if self.reading.has("timing.late", text):
                    return LATE
                return ON_TIME if self.reading.has("timing.first", text) else ""
        return ""

    def _after_question(self, candidate: Candidate) -> bool:
        """Whether an utterance of its own follows a first utterance that asks for personal data."""
        frame = candidate.frame
        if not candidate.part.quoted or frame.zone not in ("", "flow"):
            return False
        first = next((speech for speech in self.speeches if speech.zone == "opening"), None)
        if first is None or first.line >= frame.line:
            return False
        text = _VARIABLE.sub(" ", self.reading.whole(first))
        return "?" in text and self.reading.has("timing.ask_data", text)

    def _same_breath(self, candidate: Candidate, earlier: Frame) -> bool:
        """Whether speech without quotation marks stands in the same line as a question: one utterance. What is quoted
        is said for itself, after what the line orders before it.
        """
        is_bare = candidate.mode is Mode.SPEECH and not candidate.part.quoted
        return is_bare and earlier.line == candidate.frame.line and not earlier.quotes

    def _in_order(self, candidate: Candidate) -> str:
        frame = candidate.frame
        if frame.zone in ("rules", "faq", "knowledge"):
            return UNFIXED
        earlier = bool(self.speeches) and self.speeches[0].start < frame.start
        if frame.step is not None or self.reading.has("timing.next", self.reading.outer(frame)):
            return ON_TIME
        if candidate.mode is Mode.INSTRUCTION and any(self._follows(ask, frame) for ask in self.asks):
            return ON_TIME
        if candidate.mode is Mode.SPEECH:
            return UNFIXED if earlier else ON_TIME
        return UNFIXED

    def _follows(self, ask: Frame, frame: Frame) -> bool:
        """Whether the same line goes on with "then ask …": what stands before it is done before."""
        is_later = ask.line == frame.line and ask.start > frame.start
        return is_later and self.reading.has("timing.next", self.reading.outer(ask))


def condition(reading: Reading, candidate: Candidate) -> str:
    """The kind of condition that a candidate hangs on: none, "some", "place" or "switch"."""
    frame = candidate.frame
    block = next(markup.around(reading.regions.conditions, candidate.hit[0]), "")
    if block:
        return _kind(reading, block)
    above = _heading_condition(reading, frame)
    if above:
        return _kind(reading, above)
    if frame.zone == "faq":
        return "some"
    if frame.case and frame.zone != "opening" and not _every_case(reading, frame.label):
        return _kind(reading, frame.label)
    if candidate.part.quoted and frame.label and has_opposite(reading, frame):
        return "some"
    outer = reading.outer(frame)
    if _after_willingness(reading, frame):
        return ""
    for pack in reading.packs_of(outer):
        outer = pack.rule("condition.harmless").sub(lambda match: " " * len(match[0]), outer)
    if candidate.part.quoted:
        text = outer
    elif candidate.mode is Mode.INSTRUCTION and candidate.told_at is not None:
        told, hit = max(0, candidate.told_at - frame.start), max(0, candidate.hit[0] - frame.start)
        if reading.has("condition.between", outer[told:hit]):
            return _kind(reading, outer)
        text = outer[:told] + " . " + _trailing(reading, outer, candidate.hit[1] - frame.start)
    else:
        text = frame.label
    return _kind(reading, text) if reading.has("condition.some", text) else ""


def _after_willingness(reading: Reading, frame: Frame) -> bool:
    """Whether a notice stands behind the yes to whether the caller has time or wants to take part. Whoever says no has
    no call to be told of; what else is asked before, such as for data, is a matter of time.
    """
    if not reading.has("condition.if_yes", reading.outer(frame)):
        return False
    asking = next((other for other in _frames_before(reading, frame, 4) if "?" in reading.whole(other)), None)
    return asking is not None and reading.has("condition.willing", reading.whole(asking))


def _frames_before(reading: Reading, frame: Frame, count: int) -> Iterator[Frame]:
    """The frames before a frame, the nearest first."""
    before = reading.before(frame)
    while before is not None and count:
        yield before
        before, count = reading.before(before), count - 1


def has_opposite(reading: Reading, frame: Frame) -> bool:
    """Whether other words stand beside these for the opposite case ("match: …", "no match: …")."""
    near = (*reading.after(frame, 3), reading.before(frame))
    return any(
        other is not None
        and other.label
        and other.quotes
        and other.line != frame.line
        and _is_opposite(reading, frame.label, other.label)
        for other in near
    )


def _is_opposite(reading: Reading, one: str, other: str) -> bool:
    bare = [reading.packs[0].rule("markers.neg").sub("", label).strip() for label in (one, other)]
    negated = (bare[0] == one) != (bare[1] == other)
    return (negated and bare[0] == bare[1]) or (
        len(one) != len(other) and {one, other} in ({one, "un" + one}, {other, "un" + other})
    )


def _every_case(reading: Reading, label: str) -> bool:
    """Whether a case is the one in which every call is: its start."""
    return any(
        reading.has(rule, label)
        for rule in ("condition.every", "condition.harmless", "timing.first", "cancel.all_calls")
    )


def _trailing(reading: Reading, outer: str, at: int) -> str:
    tail = outer[at:]
    return "" if reading.has("consent.optout", tail) or reading.has("consent.question", tail) else tail


def _heading_condition(reading: Reading, frame: Frame) -> str:
    """The heading above a frame where it limits what stands under it ("Sales calls only")."""
    heading = reading.heading_of(frame)
    text = reading.outer(heading) if heading else ""
    if not reading.has("condition.heading", text) or reading.has("cancel.all_calls", text):
        return ""
    return "" if reading.has("condition.harmless", text) or reading.has("timing.first", text) else text


def _kind(reading: Reading, text: str) -> str:
    if reading.has("condition.asked", text):
        return "some"
    if reading.has("condition.switch", text):
        return "switch"
    return "place" if reading.has("condition.place", text) else "some"
