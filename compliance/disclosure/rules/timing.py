"""Whether a candidate is told on time (labelling policy section 4.5), and whether it is told in all calls."""

from __future__ import annotations

import re
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
        for frame in self.reading.frames:
            if not self._flows(frame):
                continue
            text = _VARIABLE.sub(" ", self.reading.whole(frame))
            data = self.reading.search("timing.ask_data", text)
            if data and self._is_request(frame, text):
                found.append(frame)
        return tuple(found)

    def _is_request(self, frame: Frame, text: str) -> bool:
        if frame.zone == "opening" and frame.quotes:
            return False  # what the first utterance asks is answered after all of it was heard
        if frame.zone == "flow" or frame.step is not None or "?" in text:
            return True
        return self.reading.has("timing.data_verb", text)

    @cached_property
    def invites(self) -> tuple[Frame, ...]:
        """Frames in which the caller is invited to speak on the matter, or asked who they are."""
        return tuple(
            frame
            for frame in self.reading.frames
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
        fixed = instructed and (reading.has("timing.first", before) or reading.has("timing.first", outer))
        asked = bool(self.asks) and self.asks[0].start < frame.start
        if fixed:
            return ON_TIME
        if asked:
            return LATE
        if self.invites and self.invites[0].start < frame.start and self.invites[0].line != frame.line:
            return UNFIXED
        return self._in_order(candidate)

    def _in_order(self, candidate: Candidate) -> str:
        frame = candidate.frame
        if frame.zone in ("rules", "faq", "knowledge"):
            return UNFIXED
        earlier = bool(self.speeches) and self.speeches[0].start < frame.start
        if frame.step is not None or self.reading.has("timing.next", self.reading.outer(frame)):
            return ON_TIME
        if candidate.mode is Mode.SPEECH:
            return UNFIXED if earlier else ON_TIME
        return UNFIXED


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
    outer = reading.outer(frame)
    if candidate.part.quoted:
        text = outer
    elif candidate.mode is Mode.INSTRUCTION and candidate.told_at is not None:
        told, hit = max(0, candidate.told_at - frame.start), max(0, candidate.hit[0] - frame.start)
        if reading.has("condition.between", outer[told:hit]):
            return _kind(reading, outer)
        text = outer[:told] + " . " + _trailing(reading, outer, candidate.hit[1] - frame.start)
    else:
        text = frame.label
    for pack in reading.packs:
        stripped = pack.rule("condition.harmless").sub(" ", text)
        if pack.rule("condition.some").search(stripped):
            return _kind(reading, stripped)
    return ""


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
