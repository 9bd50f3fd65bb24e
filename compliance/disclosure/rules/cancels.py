"""Text that denies, forbids, removes or overrides a disclosure, and how far it reaches."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from compliance.disclosure.rules import clauses, quotations, segments
from compliance.disclosure.rules.candidates import asks_about_recording, is_negative
from compliance.disclosure.rules.reading import Part, Reading
from compliance.disclosure.rules.segments import Frame


class Act(Enum):
    """What a cancelling text does."""

    DENIAL = "denial"  # says that the call is not recorded
    PROHIBITION = "prohibition"  # forbids to speak of it
    REMOVAL = "removal"  # drops the greeting or the line that holds it
    INAUDIBLE = "inaudible"
    OVERRIDE = "override"  # goes on recording after a refusal
    SILENCE = "silence"  # takes no answer as a yes


@dataclass(frozen=True, slots=True)
class Cancel:
    """One such text; `every` is false where it holds for some calls only."""

    act: Act
    start: int
    end: int
    every: bool


_CLAUSE_END = re.compile(r"[.:;,!?]")
NO_SPANS: list[tuple[int, int]] = []
_BRANCH = 40  # frames of one branch at most
_MUTE_ZONES = frozenset(("counter", "example", "disabled"))


def find(reading: Reading, frames: list[Frame], disclosed_lines: frozenset[int]) -> list[Cancel]:
    """Every cancelling text, in order. `disclosed_lines` are the lines that hold a disclosure, for "do not say it"."""
    found: list[Cancel] = []
    known: set[int] = set()  # starts of the frames that cancel already
    refusals = _refusal_frames(reading)
    for frame in frames:
        if frame.zone in _MUTE_ZONES:
            if frame.zone == "counter" and not frame.quotes:  # an order among what is forbidden is no counterexample
                found.extend(_prohibitions(reading, frame))
            continue
        if frame.start not in refusals:
            found.extend(_denials(reading, frame))
        refusal = frame.start in refusals and _triggers(reading, frame)  # judged as such, not as a prohibition
        if not refusal and not (found and found[-1].start >= frame.start):
            found.extend(_prohibitions(reading, frame))
        if found and found[-1].start >= frame.start:
            known.add(frame.start)
    for frame in reading.open_to(
        "cancel.part", "cancel.inaudible", "cancel.shortcut", "cancel.anaphora", "cancel.step"
    ):
        if frame.zone in _MUTE_ZONES or frame.start in known:
            continue
        if not (frame.start in refusals and reading.has("consent.honoured", reading.whole(frame))):  # "turn it off"
            found.extend(_removals(reading, frame, disclosed_lines))
    found.extend(_answered_no(reading))
    found.extend(_silent_markup(reading))
    found.extend(_refusals(reading))
    return sorted(found, key=lambda cancel: cancel.start)


def unsettled(
    reading: Reading, known: list[tuple[int, int]], facts: list[tuple[int, int]] = NO_SPANS
) -> tuple[int, int] | None:
    """A frame that seems to act against the notice, and that no rule has understood.

    `known` are the spans that are understood: disclosures and cancelling texts; `facts` those that only state.
    """
    refusals = _refusal_frames(reading)
    for frame in reading.open_to("denial.topic", "cancel.what", "cancel.reopen"):
        if frame.zone in _MUTE_ZONES or frame.heading or frame.start in refusals:
            continue
        if any(start < frame.end and end > frame.start for start, end in known):
            continue
        text = reading.whole(frame)
        if _reopens(reading, frame, text):
            return clauses.instructed_evidence(reading, frame)
        topic, greeting = reading.in_any("denial.topic", text), reading.has("cancel.what", text)
        if not (topic or greeting) or reading.has("forbid.keep", text):
            continue
        aside = ("denial.data_object", "forbid.style", "strike.other_call")
        if topic and any(reading.has(rule, text) for rule in aside):
            continue
        if _says_truth(reading, text):
            continue
        against = reading.has("forbid.dropping", text) or reading.has("cancel.doubtful", text)
        stated = any(start < frame.end and end > frame.start for start, end in facts)
        strange = not stated and _is_strange(reading, frame, text)
        if against or strange or (topic and reading.has("markers.neg", text)):
            return clauses.instructed_evidence(reading, frame)
    return None


def _reopens(reading: Reading, frame: Frame, text: str) -> bool:
    """Whether a frame opens some calls in another way than with the greeting."""
    if frame.zone in segments.UNSPOKEN or not reading.has("cancel.reopen", text):
        return False
    return reading.has("cancel.early", text) or frame.case or not _every(reading, text)


def _is_strange(reading: Reading, frame: Frame, text: str) -> bool:
    """Whether a frame speaks of the recording in a way that no rule knows to be harmless."""
    if frame.zone in segments.UNSPOKEN or frame.zone == "faq" or frame.quotes:
        return False
    return reading.has("cancel.about", text) and not reading.has("cancel.understood", text)


def _every(reading: Reading, text: str) -> bool:
    if reading.has("cancel.all_calls", text):
        return True
    return not any(
        pack.rule("condition.some").search(pack.rule("condition.harmless").sub(" ", text))
        for pack in reading.packs_of(text)
    )


def _denials(reading: Reading, frame: Frame) -> list[Cancel]:
    found = []
    outer = reading.outer(frame)
    for part in reading.parts(frame):
        text = reading.text_of(part)
        if not reading.has("denial.frames", text):
            continue
        for pack in reading.packs_of(text):
            for match in pack.rule("denial.frames").finditer(text):
                if _is_denial(reading, part, text, match, outer):
                    start, end = _denial_span(reading, part, part.start + match.start())
                    found.append(Cancel(Act.DENIAL, start, end, True))
                    break
    answers_no = reading.search("denial.answer_no", outer)
    if not found and (answers_no or _quoted_no(reading, frame)) and reading.has("denial.topic", reading.whole(frame)):
        start, end = clauses.instructed_evidence(reading, frame)
        found.append(Cancel(Act.DENIAL, start, end, True))
    return found


def _quoted_no(reading: Reading, frame: Frame) -> bool:
    """`If asked whether we record, say "no"`; `"Am I being recorded?": "No, you are not"`."""
    asked = reading.has("condition.asked", reading.outer(frame))
    for start, end in frame.quotes:
        said = reading.words[start:end]
        if asked and reading.has("denial.answered_no", said):
            return True
        asked = asked or ("?" in said and reading.has("denial.topic", said))
    return False


def _is_denial(reading: Reading, part: Part, text: str, match: re.Match[str], outer: str) -> bool:
    before = text[: match.start()]
    if reading.has("markers.only_just", match[0]) or reading.has("denial.exempt_before", before[-60:]):
        return False
    if reading.has("denial.data_after", text[match.end() :][:60]):
        return False
    if reading.has("denial.data_object", _CLAUSE_END.split(before)[-1][-40:]):
        return False  # "card numbers are never recorded"
    lead = outer if part.quoted else before
    return not (reading.has("forbid.verb", lead) and not reading.has("condition.asked", lead))


def _denial_span(reading: Reading, part: Part, at: int) -> tuple[int, int]:
    if not part.quoted:
        return clauses.instructed_evidence(reading, part.frame)
    for start, end in quotations.sentences(reading.surface.plain, part.start, part.end, reading.packs):
        if start <= at < end:
            return clauses.trim(reading.surface.plain, start, end)
    return part.start, part.end


def _prohibitions(reading: Reading, frame: Frame) -> list[Cancel]:
    text = reading.whole(frame)
    if _under_prohibition(reading, frame, text):
        return [Cancel(Act.PROHIBITION, *clauses.instructed_evidence(reading, frame), True)]
    if not reading.has("forbid.frames", text) or _is_kept(reading, text) or reading.has("strike.other_call", text):
        return []
    for pack in reading.packs_of(text):
        match = next((m for m in pack.rule("forbid.frames").finditer(text) if not _in_quote(frame, m)), None)
        if not match:
            continue
        if reading.has("forbid.style", text[match.start() :]) and not reading.has("forbid.hard", text):
            continue
        if _says_truth(reading, match[0]) or reading.has("forbid.not_ours", text[match.start() :]):
            continue
        start, end = clauses.instructed_evidence(reading, frame)
        hard = reading.has("forbid.unless_asked", text) or _every(reading, text)
        return [Cancel(Act.PROHIBITION, start, end, hard)]
    return []


def _is_kept(reading: Reading, text: str) -> bool:
    """Whether a sentence with a negation orders to keep the notice; "not before they ask" does not."""
    kept = reading.search("forbid.keep", text)
    return kept is not None and not any(
        kept.start() < asked.end() and not _CLAUSE_END.search(text, kept.end(), max(kept.end(), asked.start()))
        for pack in reading.packs_of(text)
        for asked in pack.rule("forbid.unless_asked").finditer(text)
    )


def _under_prohibition(reading: Reading, frame: Frame, text: str) -> bool:
    """An item that speaks of recording under a heading such as "Never:" or "Do not"."""
    heading = None if frame.quotes else reading.heading_of(frame)
    if heading is None or not reading.has("forbid.heading", reading.outer(heading)):
        return False
    told = reading.has("clear.tell", text) and reading.has("denial.topic", text)
    return told and not (reading.has("timing.first", text) or reading.has("markers.neg", text))


def _in_quote(frame: Frame, match: re.Match[str]) -> bool:
    """Whether a match lies in one quote: those are words of the call, not orders."""
    start, end = frame.start + match.start(), frame.start + match.end()
    return any(left <= start and end <= right for left, right in frame.quotes)


def _says_truth(reading: Reading, matched: str) -> bool:
    """ "Never claim that the call is not recorded": two negations, the second about recording."""
    return any(
        len(pack.rule("markers.neg").findall(matched)) > 1 and pack.rule("denial.frames").search(matched)
        for pack in reading.packs_of(matched)
    )


def _removals(reading: Reading, frame: Frame, disclosed_lines: frozenset[int]) -> list[Cancel]:
    text, outer = reading.whole(frame), reading.outer(frame)
    cut = reading.search("cancel.part", text) or (
        '"' in text and reading.search("cancel.part", _marked(reading, frame))
    )
    spoken_of = reading.has("cancel.anaphora", text) and _topic_before(reading, frame)
    anaphora = spoken_of or (_near(frame, disclosed_lines) and reading.has("cancel.anaphora", text))
    inaudible = _is_inaudible(reading, frame, disclosed_lines)
    shortcut, step = reading.has("cancel.shortcut", text), _skips_step(reading, text, disclosed_lines)
    if not (cut or step or anaphora or inaudible or shortcut) or reading.has("forbid.keep", text):
        return []
    early = reading.has("cancel.early", text)
    every = _every(reading, outer) and not (step and early)
    if not (cut or step or anaphora or inaudible) and (every or not early):
        return []
    if not (every or step or inaudible or anaphora or early or reading.has("cancel.what", text)):
        return []  # a change of course in the middle of a call
    span = clauses.instructed_evidence(reading, frame)
    if inaudible:
        return [Cancel(Act.INAUDIBLE, *span, _every(reading, text))]
    after = outer[cut.end() :] if cut else text
    if not step and reading.has("forbid.style", after) and not reading.has("forbid.hard", text):
        return []
    return [Cancel(Act.PROHIBITION if spoken_of else Act.REMOVAL, *span, every)]


def _skips_step(reading: Reading, text: str, disclosed_lines: frozenset[int]) -> bool:
    """Whether a step is left out by its number, and a disclosure stands in it."""
    left_out = {
        int(match[match.lastindex or 0])
        for pack in reading.packs_of(text)
        for match in pack.rule("cancel.step").finditer(text)
    }
    return bool(left_out) and any(frame.step in left_out and frame.line in disclosed_lines for frame in reading.frames)


def _marked(reading: Reading, frame: Frame) -> str:
    """The frame with what was struck as a look-alike."""
    return reading.surface.text[frame.start : frame.end]


def _near(frame: Frame, lines: frozenset[int]) -> bool:
    return frame.line in lines or frame.line - 1 in lines or frame.line - 2 in lines


def _is_inaudible(reading: Reading, frame: Frame, disclosed_lines: frozenset[int]) -> bool:
    text = reading.whole(frame)
    return reading.has("cancel.inaudible", reading.outer(frame)) and (
        reading.has("denial.topic", text) or reading.has("cancel.what", text) or frame.line - 1 in disclosed_lines
    )


def _answered_no(reading: Reading) -> Iterator[Cancel]:
    """A question of the caller about recording, and on the next line a no."""
    for frame in reading.open_to("caller.speaks_of_recording"):
        if frame.zone in _MUTE_ZONES or not asks_about_recording(reading, frame):
            continue
        for answer in [other for other in reading.after(frame, 2) if _speaks(reading, other)][:1]:
            if any(reading.has("denial.answered_no", text) for text in _answers(reading, frame, answer)):
                yield Cancel(Act.DENIAL, *clauses.instructed_evidence(reading, answer), True)


def _answers(reading: Reading, frame: Frame, answer: Frame) -> list[str]:
    """What follows a question: all of it, and in the same line the words to be said (`answer: "No"`)."""
    whole = reading.words[answer.start : answer.end]
    return [whole, *(reading.words[slice(*quote)] for quote in answer.quotes[:1] if answer.line == frame.line)]


def _speaks(reading: Reading, frame: Frame) -> bool:
    """Whether a frame has words, and is no mark between a question and its answer."""
    return any(char.isalpha() for char in reading.words[frame.start : frame.end])


def _topic_before(reading: Reading, frame: Frame) -> bool:
    """Whether recording is spoken of just before, in the same line."""
    before = reading.before(frame)
    return before is not None and before.line == frame.line and reading.has("denial.topic", reading.outer(before))


def _silent_markup(reading: Reading) -> list[Cancel]:
    text = reading.surface.text
    return [
        Cancel(Act.INAUDIBLE, match.start(), match.end(), True)
        for pack in reading.packs
        for match in pack.rule("cancel.silent_markup").finditer(text)
    ]


def _refusal_frames(reading: Reading) -> frozenset[int]:
    """Starts of the frames of refusal branches: the trigger and what follows it in the same line, or under it where it
    is a heading.
    """
    if reading.refusals is None:
        reading.refusals = frozenset(frame.start for branch in _branches(reading) for frame in branch)
    return reading.refusals


def _branches(reading: Reading) -> list[list[Frame]]:
    """What is done after a refusal, branch by branch."""
    found: list[list[Frame]] = []
    for frame in reading.open_to("consent.refusal", "consent.objection"):
        if (found and frame.start <= found[-1][-1].start) or not _triggers(reading, frame):
            continue
        following = reading.after(frame, _BRANCH)
        if frame.heading and following and following[0].line != frame.line:
            following = list(itertools.takewhile(lambda other: not other.heading, following))
        else:
            following = [other for other in following if other.line == frame.line]
        found.append([frame, *following])
    return found


def _triggers(reading: Reading, frame: Frame) -> bool:
    if frame.zone == "opening" and frame.quotes and not reading.has("consent.refusal", reading.outer(frame)):
        return False
    text = reading.outer(frame)
    return reading.has("consent.refusal", text) or any(
        reading.has("consent.objection", reading.words[start:end]) for start, end in frame.quotes
    )


def _refusals(reading: Reading) -> list[Cancel]:
    found = [
        Cancel(Act.SILENCE, *clauses.instructed_evidence(reading, frame), True)
        for frame in reading.open_to("consent.silence")
        if reading.has("consent.silence", reading.whole(frame))
        and not reading.has("consent.silence_no", reading.whole(frame))
    ]
    for frames in _branches(reading):
        text = reading.words[frames[0].start : frames[-1].end]
        if _overridden(reading, text, frames):
            start, _ = clauses.instructed_evidence(reading, frames[0])
            _, end = clauses.instructed_evidence(reading, frames[-1])
            found.append(Cancel(Act.OVERRIDE, start, end, True))
    return found


def _overridden(reading: Reading, text: str, frames: list[Frame]) -> bool:
    about_recording = reading.has("denial.topic", text) or _near_consent(reading, frames[0])
    if not about_recording:
        return False
    override = reading.search("consent.override", text)
    if override:  # a bare "anyway" may also say that the caller is helped without a recording
        return " " in override[0].strip() or not reading.has("consent.honoured", text)
    return reading.has("consent.carry_on", text) and not reading.has("consent.honoured", text)


def _near_consent(reading: Reading, frame: Frame) -> bool:
    """Whether the refusal is one of recording: the question or a disclosure stands shortly before it."""
    around = reading.words[max(0, frame.start - 300) : frame.start]
    return any(
        not is_negative(reading, around, clear)
        for pack in reading.packs
        for clear in pack.rule("clear.frames").finditer(around)
    )
