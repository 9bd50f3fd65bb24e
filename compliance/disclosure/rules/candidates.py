"""Candidate texts: whatever is, or might be taken for, a disclosure of recording, with how it reaches the caller."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
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


_SENTENCE = re.compile(r"(?<=[.!?…。！？؟])\s*")
_VARIABLE_ONLY = re.compile(r"^\W*\{[^{}]*\}+\W*$")
_REACH = 140  # how far back "it" looks for what it stands for


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


def is_negative_in(packs: Iterable[Pack], text: str, match: re.Match[str]) -> bool:
    """Whether a match of clear wording is in truth a denial ("is not recorded"), double-checked against "not just"."""
    for pack in packs:
        if pack.rule("markers.neg_after").match(text, match.end()):
            return True
        if pack.rule("markers.neg").search(match[0]) and not pack.rule("markers.only_just").search(match[0]):
            return True
    return False


def is_negative(reading: Reading, text: str, match: re.Match[str]) -> bool:
    """The same with the packs of a reading."""
    return is_negative_in(reading.packs_of(text), text, match)


def _clear_matches(reading: Reading, text: str) -> Sequence[tuple[re.Match[str], str]]:
    """Clear wording that is no denial, in the text's own languages first; looked for once in a judgement."""
    known = reading.memo.about(text)
    if known.clear is None:
        known.clear = () if _only_asks(reading, text) else tuple(_find_clear(reading, text))
    return known.clear


def _find_clear(reading: Reading, text: str) -> Iterator[tuple[re.Match[str], str]]:
    own = reading.packs_of(text)
    for pack in (*own, *(other for other in reading.packs if other not in own)):
        for match in pack.rule("clear.frames").finditer(text):
            if not is_negative_in((*own, pack), text, match) and not _is_hypothetical(pack, text, match):
                yield match, pack.language


def _is_hypothetical(pack: Pack, text: str, match: re.Match[str]) -> bool:
    """Whether the wording says when, not that: "if the call is recorded" — without "say so" after it."""
    when = pack.rule("clear.hypothetical").search(text, max(0, match.start() - 80), match.start())
    return bool(when) and not pack.rule("clear.tell_after").search(text, match.end())


def _only_asks(reading: Reading, text: str) -> bool:
    """Whether a sentence is the question whether this is recorded, which discloses nothing."""
    return (
        text.rstrip().endswith("?")
        and reading.has("caller.question", text.rstrip()[:-1])
        and reading.has("caller.speaks_of_recording", text)
        and not reading.has("consent.question", text)
    )


def _anaphoric(reading: Reading, at: int, text: str) -> tuple[re.Match[str], str] | None:
    """ "It is recorded", where the call is what was spoken of just before. `at` is where the text begins."""
    if not reading.may("clear.anaphora", text):
        return None
    for pack in reading.packs_of(text):
        for match in pack.rule("clear.anaphora").finditer(text):
            before = reading.words[max(0, at + match.start() - _REACH) : at + match.start()]
            nouns = list(pack.rule("clear.object").finditer(before))
            data = list(pack.rule("timing.ask_data").finditer(before))
            meant = nouns and (not data or data[-1].end() <= nouns[-1].end())
            if meant and not is_negative_in((pack,), text, match):
                return match, pack.language
    return None


def clear_match(reading: Reading, text: str) -> tuple[re.Match[str], str] | None:
    if not reading.may("clear.frames", text) or reading.has("strike.other_call", text):
        return None
    return next(iter(_clear_matches(reading, text)), None)


def _told_clear(reading: Reading, text: str) -> tuple[re.Match[str], str] | None:
    """The first clear wording that somebody is ordered to tell, if there is one."""
    if not reading.may("clear.tell", text) or reading.has("strike.other_call", text):
        return None
    found = _clear_matches(reading, text)
    return next((clear for clear in found if _told(reading, text, clear[0]) is not None), None)


def from_quote(reading: Reading, part: Part) -> Candidate | None:
    """A disclosure spoken verbatim."""
    for start, end in quotations.sentences(reading.surface.plain, part.start, part.end, reading.packs):
        text = reading.words[start:end]
        for kind, rule in ((Kind.CLEAR, ""), (Kind.UNCLEAR, "unclear.frames"), (Kind.UNCLEAR, "unclear.bare_purpose")):
            if rule:
                found = reading.first(rule, text)
            else:
                found = clear_match(reading, text) or _anaphoric(reading, start, text)
            if found and not (rule and is_negative(reading, text, found[0])):
                hit = (start + found[0].start(), start + found[0].end())
                left, right = clauses.spoken_evidence(reading, part.start, (start, end), hit)
                if part.zone == "example":
                    left, right = clauses.trim(reading.surface.plain, start, end)
                elif part.zone in ("comment", "changelog"):
                    left, right = clauses.instructed_evidence(reading, part.frame)
                mode = _mode(part.zone)
                if mode is Mode.SPEECH and reading.has("forbid.heading", part.frame.label):
                    mode = Mode.FACT  # "Don't: …"
                elif mode is Mode.SPEECH and _is_only_cited(reading, part):
                    mode = Mode.OPEN
                return Candidate(kind, mode, part, left, right, hit, found[1])
    return None


def _is_only_cited(reading: Reading, part: Part) -> bool:
    """Whether words in quotation marks stand in a sentence that has nobody say them."""
    if part.zone or part.frame.label or part.frame.step is not None:
        return False
    outer = reading.outer(part.frame)
    if len(reading.surface.plain[part.frame.start : part.frame.end].split('"')[0].split()) < 2 or _VARIABLE_ONLY.search(
        outer
    ):
        return False
    return not any(reading.has(rule, outer) for rule in ("clear.tell", "timing.first", "timing.next", "zones.opening"))


def _is_asked_about(reading: Reading, text: str, match: re.Match[str]) -> bool:
    """Whether unclear wording is only what a caller may ask, or what may be so."""
    before = text[: match.start()]
    return reading.has("condition.asked", before) or reading.has("clear.hypothetical", before)


def _mode(zone: str) -> Mode:
    if zone == "example":
        return Mode.EXAMPLE
    return Mode.FACT if zone in segments.UNSPOKEN else Mode.SPEECH


def from_words(reading: Reading, part: Part) -> Candidate | None:
    """A disclosure outside quotation marks: an instruction to tell, bare speech, or a fact."""
    text = reading.text_of(part)
    base = part.start
    unspoken = part.zone in segments.UNSPOKEN or part.zone == "example"
    clear = clear_match(reading, text)
    clear = clear and (_told_clear(reading, text) or clear)
    noun = None if clear or unspoken else reading.first("clear.tell_noun", text)
    if noun and (reading.has("strike.other_call", text) or is_negative(reading, text, noun[0])):
        noun = None
    kind, found = Kind.CLEAR, clear or noun or _anaphoric(reading, base, text)
    if not found:
        kind, found = (
            Kind.UNCLEAR,
            reading.first("unclear.frames", text) or reading.first("unclear.bare_purpose", text),
        )
        if not found or is_negative(reading, text, found[0]) or _is_asked_about(reading, text, found[0]):
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
    for pack in reading.packs_of(text):
        for rule in ("clear.tell_noun", "clear.tell"):
            for tell in pack.rule(rule).finditer(text, 0, hit.end()):
                if tell.end() > max(hit.start() + 4, hit.end() - 6) and rule == "clear.tell":
                    break
                if _orders(pack, text, tell.start(), hit.end()):
                    return tell.start()
        told = pack.rule("clear.told").search(text, 0, hit.end())
        if told and told.start() <= hit.start() + 3 and not pack.rule("clear.you_told").search(text, 0, hit.end()):
            return told.start()
        after = pack.rule("clear.tell_after").search(text, hit.end())
        asked = pack.rule("condition.asked").search(text, 0, hit.start() + 1)
        when = pack.rule("clear.hypothetical").search(text, max(0, hit.start() - 80), hit.start())
        if after and (asked or when):
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
    if not (reading.has("clear.topic", text) or reading.has("external.about", text)):
        return None
    for pack in reading.packs_of(text):
        topic = pack.rule("clear.topic").search(text) or pack.rule("external.about").search(text)
        ordered = pack.rule("clear.tell_noun").search(text)
        said = text if frame.zone in ("comment", "knowledge", "tools") else reading.outer(frame)
        passive = pack.rule("external.passive").search(said)
        if not topic or (
            ordered
            and not (passive and passive.start() < ordered.start() < passive.end())
            and not pack.rule("external.actor").search(text, 0, ordered.start())
        ):
            continue
        if passive and pack.rule("clear.hypothetical").search(said, 0, passive.start()):
            passive = None  # "until the caller has agreed"
        actor = pack.rule("external.actor").search(said)
        act = pack.rule("external.act").search(said, actor.end()) if actor else None
        if passive or act:
            left, right = clauses.instructed_evidence(reading, frame)
            part = Part(frame, frame.start, frame.end, False, frame.zone)
            return Candidate(Kind.EXTERNAL, Mode.FACT, part, left, right, (left, right), pack.language)
    return None


def answered_yes(reading: Reading) -> Iterator[Candidate]:
    """A caller's question about recording with a yes behind it: told to those who ask."""
    for frame in reading.open_to("caller.speaks_of_recording"):
        if frame.zone in segments.UNSPOKEN or frame.zone == "example" or not asks_about_recording(reading, frame):
            continue
        for start, end in _answers(reading, frame):
            answer = reading.search("caller.yes", reading.words[start:end])
            if answer:
                part = Part(reading.frame_at(start) or frame, start, end, True, frame.zone)
                hit = (start + answer.start(), start + answer.end())
                yield Candidate(Kind.CLEAR, Mode.SPEECH, part, start, end, hit, reading.language, condition="some")


def _answers(reading: Reading, frame: Frame) -> list[tuple[int, int]]:
    """Where the answer to a question stands: the next quote, else the next words."""
    if len(frame.quotes) > 1:
        return frame.quotes[1:2]
    for following in reading.after(frame, 2):
        if any(char.isalpha() for char in reading.words[following.start : following.end]):
            return following.quotes[:1] or [(following.start, following.end)]
    return []


def asks_about_recording(reading: Reading, frame: Frame) -> bool:
    """Whether a question itself speaks of recording; a greeting that discloses may end with another question, and a
    question of the agent asks for consent.
    """
    questions = (part for part in _SENTENCE.split(reading.whole(frame)) if "?" in part or "？" in part or "؟" in part)
    return any(
        reading.has("caller.speaks_of_recording", part) and not reading.has("consent.question", part)
        for part in questions
    )


def foreign(reading: Reading) -> Iterator[Candidate]:
    """Verbatim disclosures in languages without a pack."""
    for mention in reading.mentions:
        frame = None if mention.negated else reading.frame_at(mention.start)
        if frame is None:
            continue
        quote = next((span for span in frame.quotes if span[0] <= mention.start < span[1]), None)
        bounds = quote or (frame.start, frame.end)
        spoken = quotations.sentences(reading.surface.plain, *bounds, reading.packs)
        start, end = next((span for span in spoken if span[0] <= mention.start < span[1]), bounds)
        part = Part(frame, *bounds, bool(quote), frame.zone)
        yield Candidate(Kind.CLEAR, _mode(frame.zone), part, start, end, (mention.start, mention.end), mention.language)
