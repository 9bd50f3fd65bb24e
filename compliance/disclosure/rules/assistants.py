"""Whether the caller is told that they speak with an AI (labelling policy section 1). Never part of the verdict."""

from __future__ import annotations

from compliance.disclosure.rules import segments
from compliance.disclosure.rules.reading import Reading


def label(reading: Reading) -> str:
    """`denied`, `yes`, `on_request` or `no`; the first of these that fits."""
    requested = False
    told = False
    for frame in reading.open_to("ai.topic"):
        outer, whole = reading.outer(frame), reading.whole(frame)
        if not reading.has("ai.topic", whole):
            continue
        if _asked_about(reading, frame, whole):
            if not reading.has("ai.honest", whole):
                if reading.has("ai.denied", whole):
                    return "denied"
                continue
            if reading.has("ai.denied_plain", whole):
                return "denied"
            requested = True
            continue
        if reading.has("ai.denied_plain", outer):
            return "denied"
        told = told or _tells(reading, frame, outer)
    return "yes" if told else "on_request" if requested else "no"


def _asked_about(reading: Reading, frame: segments.Frame, text: str) -> bool:
    return reading.has("ai.requested", text) or frame.zone == "faq"


def _tells(reading: Reading, frame: segments.Frame, outer: str) -> bool:
    for part in reading.parts(frame):
        text = reading.text_of(part)
        if not reading.has("ai.yes", text):
            continue
        if part.quoted:
            if part.zone not in segments.UNSPOKEN and part.zone not in ("example", "faq", "closing", "rules"):
                return True
        elif _instructed(reading, outer) or _unquoted(reading, frame, text):
            return True
    return False


def _instructed(reading: Reading, outer: str) -> bool:
    return reading.has("ai.tell", outer) and not reading.has("markers.neg_tell", outer)


def _unquoted(reading: Reading, frame: segments.Frame, text: str) -> bool:
    return frame.start not in reading.agent_directed and reading.spoken_to_caller(frame, text) == "yes"
