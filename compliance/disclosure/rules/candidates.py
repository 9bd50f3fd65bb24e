"""Candidate texts: whatever is, or might be taken for, a disclosure of recording, with how it reaches the caller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from compliance.disclosure.rules import clauses, quotations, segments
from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.reading import Part, Reading
from compliance.disclosure.rules.segments import Frame


class Kind(Enum):
    """What a candidate is, before anything is said of time and place."""

    CLEAR = "clear"
    UNCLEAR = "unclear"
    PLACEHOLDER = "placeholder"
    EXTERNAL = "external"


class Mode(Enum):
    """How it reaches the caller."""

    SPEECH = "speech"
    INSTRUCTION = "instruction"
    FACT = "fact"
    EXAMPLE = "example"
    OPEN = "open"  # may be speech, may be a fact: the text does not say


@dataclass(slots=True)
class Candidate:
    """One such text. `hit` is the wording itself, `start` to `end` the evidence around it."""

    kind: Kind
    mode: Mode
    part: Part
    start: int
    end: int
    hit: tuple[int, int]
    language: str
    told_at: int | None = None  # where the telling verb of an instruction stands
    condition: str = ""  # "", "some", "place" or "switch"
    place: str = ""  # set by `timing`

    @property
    def frame(self) -> Frame:
        """The frame it stands in."""
        return self.part.frame


_PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}|\$\{[^{}\n]{1,60}\}|(?<![{$])\{[a-z_][^{}\n:\"]{0,50}\}(?!\})|"
    r"\[[^\[\]\n\"]{3,80}\]|<[a-z][a-z _-]{5,80}>|%[a-z_]{4,40}%|__[a-z_]{4,40}__|<<[^<>\n]{3,60}>>"
)
_DEFINITION = re.compile(r"[\"']?([a-z_][a-z0-9_.]{1,40})[\"']?[ \t]*[:=][ \t]*\"([^\"\n]{2,400})\"")
_BRACKETS = "{}%$[]<>_ \t#"
_NAME = re.compile(r"[a-z_][a-z0-9_.]*")


def hot_frames(reading: Reading) -> list[Frame]:
    """Frames worth looking at: those with a stem of recording, watching, keeping, or of a text that is not shown."""
    return reading.open_to(
        "clear.frames",
        "clear.topic",
        "clear.tell_noun",
        "unclear.frames",
        "unclear.bare_purpose",
        "denial.frames",
        "denial.topic",
        "forbid.frames",
        "placeholder.reference",
    )


def _first(reading: Reading, rule: str, text: str) -> tuple[re.Match[str], str] | None:
    """First match of a rule with the language of the pack that it came from."""
    if not reading.may(rule, text):
        return None
    for pack in reading.packs:
        match = pack.rule(rule).search(text)
        if match:
            return match, pack.language
    return None


def is_negative_in(packs: Iterable[Pack], text: str) -> bool:
    """Whether a match of clear wording is in truth a denial ("is not recorded"), double-checked against "not just"."""
    return any(
        pack.rule("markers.neg").search(text) and not pack.rule("markers.only_just").search(text) for pack in packs
    )


def is_negative(reading: Reading, text: str) -> bool:
    """The same with the packs of a reading."""
    return is_negative_in(reading.packs, text)


def _clear_match(reading: Reading, text: str) -> tuple[re.Match[str], str] | None:
    if not reading.may("clear.frames", text) or reading.has("strike.other_call", text):
        return None
    for pack in reading.packs:
        for match in pack.rule("clear.frames").finditer(text):
            if not is_negative(reading, match[0]):
                return match, pack.language
    return None


def _told_clear(reading: Reading, text: str) -> tuple[re.Match[str], str] | None:
    """The first clear wording that somebody is ordered to tell, if there is one."""
    if not reading.may("clear.tell", text) or reading.has("strike.other_call", text):
        return None
    for pack in reading.packs:
        for match in pack.rule("clear.frames").finditer(text):
            if not is_negative(reading, match[0]) and _told(reading, text, match) is not None:
                return match, pack.language
    return None


def from_quote(reading: Reading, part: Part) -> Candidate | None:
    """A disclosure spoken verbatim."""
    for start, end in quotations.sentences(reading.surface.plain, part.start, part.end):
        text = reading.words[start:end]
        for kind, rule in ((Kind.CLEAR, ""), (Kind.UNCLEAR, "unclear.frames"), (Kind.UNCLEAR, "unclear.bare_purpose")):
            found = _clear_match(reading, text) if not rule else _first(reading, rule, text)
            if found and not (rule and is_negative(reading, found[0][0])):
                hit = (start + found[0].start(), start + found[0].end())
                left, right = clauses.spoken_evidence(reading, part.start, (start, end), hit)
                if part.zone == "example":
                    left, right = clauses.trim(reading.surface.plain, start, end)
                elif part.zone in ("comment", "changelog"):
                    left, right = clauses.instructed_evidence(reading, part.frame)
                return Candidate(kind, _mode(part.zone), part, left, right, hit, found[1])
    return None


def _mode(zone: str) -> Mode:
    if zone == "example":
        return Mode.EXAMPLE
    return Mode.FACT if zone in segments.UNSPOKEN else Mode.SPEECH


def from_words(reading: Reading, part: Part) -> Candidate | None:
    """A disclosure outside quotation marks: an instruction to tell, bare speech, or a fact."""
    text = reading.text_of(part)
    base = part.start
    unspoken = part.zone in segments.UNSPOKEN or part.zone == "example"
    clear = _clear_match(reading, text)
    clear = clear and (_told_clear(reading, text) or clear)
    noun = None if clear or unspoken else _first(reading, "clear.tell_noun", text)
    if noun and (reading.has("strike.other_call", text) or is_negative(reading, noun[0][0])):
        noun = None
    kind, found = Kind.CLEAR, clear or noun
    if not found:
        kind, found = (
            Kind.UNCLEAR,
            _first(reading, "unclear.frames", text) or _first(reading, "unclear.bare_purpose", text),
        )
        if not found or is_negative(reading, found[0][0]):
            return None
    hit = (base + found[0].start(), base + found[0].end())
    if unspoken:
        left, right = clauses.written_evidence(reading, part.frame)
        return Candidate(kind, _mode(part.zone), part, left, right, hit, found[1])
    told = _told(reading, text, found[0])
    if told is not None:
        left, right = clauses.instructed_evidence(reading, part.frame)
        return Candidate(kind, Mode.INSTRUCTION, part, left, right, hit, found[1], told_at=base + told)
    if kind is Kind.CLEAR and noun:
        return None  # the bare noun discloses only as the object of telling
    left, right = clauses.sentence_of(reading, part.frame, hit)
    spoken = reading.spoken_to_caller(part.frame, reading.words[left:right])
    if spoken == "yes":
        left, right = clauses.spoken_evidence(reading, part.frame.start, (left, right), hit)
    elif kind is Kind.UNCLEAR and spoken == "no":
        return None  # "reviewed" in a fact for the model is no candidate at all
    mode = {"yes": Mode.SPEECH, "no": Mode.FACT, "unclear": Mode.OPEN}[spoken]
    return Candidate(kind, mode, part, left, right, hit, found[1])


def _told(reading: Reading, text: str, hit: re.Match[str]) -> int | None:
    """Where the verb of telling stands that has the wording as its object; None where nobody is ordered to tell."""
    for pack in reading.packs:
        for rule in ("clear.tell_noun", "clear.tell"):
            for tell in pack.rule(rule).finditer(text, 0, hit.end()):
                if tell.start() > hit.start() + 3 and rule == "clear.tell":
                    break
                if _orders(pack, text, tell.start(), hit.end()):
                    return tell.start()
        told = pack.rule("clear.told").search(text, 0, hit.end())
        if told and told.start() <= hit.start() + 3 and not pack.rule("clear.you_told").search(text, 0, hit.end()):
            return told.start()
        after = pack.rule("clear.tell_after").search(text, hit.end())
        if after and pack.rule("condition.asked").search(text, 0, hit.start() + 1):
            return after.start()
    return None


def _orders(pack: Pack, text: str, tell: int, stop: int) -> bool:
    """Whether a verb of telling is an order to the agent, not the agent's own or somebody else's word."""
    if pack.rule("clear.not_teller").search(text[:tell]):
        return False
    if pack.rule("clear.told_you").search(text[tell:stop]):
        return False
    return not pack.rule("clear.you_told").search(text[max(0, tell - 12) : stop])


def external(reading: Reading, frame: Frame) -> Candidate | None:
    """A claim that someone else tells or has told the caller."""
    text = reading.whole(frame)
    if frame.zone in ("counter", "changelog", "disabled", "example", "opening") and not frame.quotes:
        return None
    if not (reading.may("external.act", text) or reading.may("external.passive", text)):
        return None
    for pack in reading.packs:
        topic = pack.rule("clear.topic").search(text) or pack.rule("external.about").search(text)
        if not topic:
            continue
        said = text if frame.zone in ("comment", "knowledge", "tools") else reading.outer(frame)
        passive = pack.rule("external.passive").search(said)
        actor = pack.rule("external.actor").search(said)
        act = pack.rule("external.act").search(said, actor.end()) if actor else None
        if passive or act:
            left, right = clauses.instructed_evidence(reading, frame)
            part = Part(frame, frame.start, frame.end, False, frame.zone)
            return Candidate(Kind.EXTERNAL, Mode.FACT, part, left, right, (left, right), pack.language)
    return None


def definitions(reading: Reading) -> dict[str, tuple[int, int]]:
    """Variables whose value is shown, by name."""
    return {match[1]: match.span(2) for match in _DEFINITION.finditer(reading.surface.text)}


def placeholders(reading: Reading) -> Iterator[Candidate]:
    """Variables and includes that would hold the disclosure, or do where their value is shown."""
    if not any(mark in reading.surface.text for mark in "{[<%_"):
        return
    shown: dict[str, tuple[int, int]] | None = None
    for match in _PLACEHOLDER.finditer(reading.surface.text):
        inner = match[0].strip(_BRACKETS)
        if _is_list_or_json(match[0]) or f"</{inner}" in reading.surface.text:
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
    return raw.startswith("[") and ("," in raw or (":" in raw[:-1].strip("[]") and "insert" not in raw))


def _resolved(reading: Reading, part: Part, value: tuple[int, int]) -> Candidate | None:
    inner = from_quote(reading, Part(part.frame, value[0], value[1], True, part.zone))
    if inner is None:
        return None
    return Candidate(inner.kind, inner.mode, part, inner.start, inner.end, part_span(part), inner.language)


def part_span(part: Part) -> tuple[int, int]:
    """Start and end of a part."""
    return part.start, part.end


def reference(reading: Reading, frame: Frame) -> Candidate | None:
    """An order to read a text that is not shown."""
    outer = reading.outer(frame)
    found = _first(reading, "placeholder.reference", outer)
    if not found or frame.quotes or _clear_match(reading, outer):
        return None
    start, end = frame.start + found[0].start(), frame.start + found[0].end()
    part = Part(frame, frame.start, frame.end, False, frame.zone)
    return Candidate(Kind.PLACEHOLDER, Mode.INSTRUCTION, part, start, end, (start, end), found[1])


def foreign(reading: Reading) -> Iterator[Candidate]:
    """Verbatim disclosures in languages without a pack."""
    for mention in reading.mentions:
        frame = None if mention.negated else reading.frame_at(mention.start)
        if frame is None:
            continue
        quote = next((span for span in frame.quotes if span[0] <= mention.start < span[1]), None)
        bounds = quote or (frame.start, frame.end)
        spoken = quotations.sentences(reading.surface.plain, *bounds)
        start, end = next((span for span in spoken if span[0] <= mention.start < span[1]), bounds)
        part = Part(frame, *bounds, bool(quote), frame.zone)
        yield Candidate(Kind.CLEAR, _mode(frame.zone), part, start, end, (mention.start, mention.end), mention.language)
