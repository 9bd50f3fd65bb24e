"""The judge of prompts: labelling policy section 4.7, in its order of decision."""

from __future__ import annotations

from dataclasses import dataclass, replace

from compliance.disclosure.rules import (
    assistants,
    cancels,
    candidates,
    clauses,
    jurisdictions,
    languages,
    placeholders,
    timing,
)
from compliance.disclosure.rules.cancels import Act, Cancel
from compliance.disclosure.rules.candidates import Candidate, Kind, Mode
from compliance.disclosure.rules.doors import Memo
from compliance.disclosure.rules.greetings import Greetings
from compliance.disclosure.rules.packs import RULEBOOK_VERSION, has_pack
from compliance.disclosure.rules.reading import Reading
from compliance.disclosure.rules.results import Check, Finding, JurisdictionView, PromptResult, Span, Verdict, worst
from compliance.disclosure.rules.segments import Frame

MAX_CHARS = 1_000_000
MAX_CANDIDATES = 300  # the first ones; cancelling texts are never left out
_PASS, _REVIEW, _FAIL = Verdict.PASS, Verdict.REVIEW, Verdict.FAIL


class TextTooLong(ValueError):
    """The text is longer than MAX_CHARS code points and was not read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the decision rests on, gathered once."""

    reading: Reading
    found: tuple[Candidate, ...]
    cancels: tuple[Cancel, ...]
    view: JurisdictionView
    greetings: Greetings

    def valid(self) -> list[Candidate]:
        """Clear, spoken, unconditional, on time, in the right language."""
        return [candidate for candidate in self.found if not _shortfall(self, candidate)]


def gather(text: str, language: str, view: JurisdictionView, memo: Memo | None = None) -> Evidence:
    """Stages 1 to 8 of the pipeline: normalise, cut, find, place."""
    if len(text) > MAX_CHARS:
        raise TextTooLong(f"{len(text)} characters; at most {MAX_CHARS} are read")
    reading = Reading(text, language, memo)
    hot = candidates.hot_frames(reading)
    found = _collect(reading, hot)
    course = timing.Course(reading)
    for candidate in found:
        candidate.condition = candidate.condition or timing.condition(reading, candidate)
        candidate.place = course.place(candidate)
        if candidate.condition and candidate.part.quoted and candidate.kind is Kind.CLEAR:
            candidate.start, candidate.end = clauses.instructed_evidence(reading, candidate.frame)
    lines = frozenset(c.frame.line for c in found if c.kind is Kind.CLEAR and c.mode in (Mode.SPEECH, Mode.INSTRUCTION))
    cancelling = cancels.find(reading, hot, lines)
    kept = [candidate for candidate in found if not any(_covers(cancel, candidate) for cancel in cancelling)]
    return Evidence(reading, tuple(kept), tuple(cancelling), view, Greetings(reading))


def _covers(cancel: Cancel, candidate: Candidate) -> bool:
    """A cancelling text that quotes the disclosure is no disclosure itself."""
    if cancel.act in (Act.INAUDIBLE, Act.SILENCE, Act.OVERRIDE):
        return False  # these act on what they stand beside
    if cancel.act is Act.REMOVAL and candidate.part.quoted:
        return False
    return cancel.start < candidate.hit[1] and cancel.end > candidate.hit[0]


def _collect(reading: Reading, hot: list[Frame]) -> list[Candidate]:
    found: list[Candidate] = []
    for frame in hot:
        outside = candidates.external(reading, frame)
        if outside:
            found.append(outside)
            continue
        referred = placeholders.reference(reading, frame)
        if referred:
            found.append(referred)
        for part in reading.parts(frame):
            candidate = candidates.from_quote(reading, part) if part.quoted else candidates.from_words(reading, part)
            if candidate:
                found.append(candidate)
    found.extend(placeholders.find(reading))
    found.extend(candidates.foreign(reading))
    found.extend(candidates.answered_yes(reading))
    return sorted(found, key=lambda candidate: candidate.start)[:MAX_CANDIDATES]


# what a candidate lacks --------------------------------------------------------------------------------------------


def _shortfall(evidence: Evidence, candidate: Candidate) -> Finding | None:
    """Why a candidate is no valid disclosure, as the finding that it would give; None for a valid one."""
    reason, verdict = _why_not(evidence, candidate)
    return Finding(reason, verdict, Span(candidate.start, candidate.end)) if reason else None


def _why_not(evidence: Evidence, candidate: Candidate) -> tuple[str, Verdict]:
    reading = evidence.reading
    if candidate.kind is Kind.PLACEHOLDER:
        return "placeholder", _REVIEW
    if candidate.kind is Kind.EXTERNAL:
        return "external_notice", _REVIEW
    if candidate.mode is Mode.FACT and candidate.frame.zone == "faq" and candidate.kind is Kind.CLEAR:
        return "conditional", _FAIL  # told to whoever asks
    if candidate.mode is Mode.FACT:
        return ("not_spoken", _FAIL) if candidate.kind is Kind.CLEAR else ("", _PASS)
    if candidate.mode is Mode.EXAMPLE:
        return "example_only", _REVIEW
    if candidate.kind is Kind.UNCLEAR:
        return "ambiguous", _REVIEW
    if candidate.mode is Mode.SPEECH and candidate.language != reading.language:
        return "wrong_language", _FAIL
    if candidate.condition:
        return "conditional", _REVIEW if candidate.condition in ("place", "switch") else _FAIL
    if candidate.place == timing.LATE:
        return "late", _FAIL
    if candidate.place == timing.UNFIXED or candidate.mode is Mode.OPEN:
        return "timing_unclear", _REVIEW
    if candidate.mode is Mode.SPEECH and evidence.greetings.some_languages_lack_it(candidate):
        return "wrong_language", _REVIEW
    if candidate.part.quoted and evidence.greetings.some_callers_lack_it(candidate):
        return "conditional", _FAIL
    return "", _PASS


# Nearest to a valid disclosure first (policy 4.7, step 5).
_NEAREST = (
    ("conditional", _REVIEW),
    ("timing_unclear", _REVIEW),
    ("wrong_language", _REVIEW),
    ("placeholder", _REVIEW),
    ("external_notice", _REVIEW),
    ("example_only", _REVIEW),
    ("ambiguous", _REVIEW),
    ("late", _FAIL),
    ("conditional", _FAIL),
    ("wrong_language", _FAIL),
    ("not_spoken", _FAIL),
)


def _nearest(evidence: Evidence) -> Finding | None:
    shortfalls = [finding for candidate in evidence.found if (finding := _shortfall(evidence, candidate))]
    for reason, verdict in _NEAREST:
        for finding in shortfalls:
            if (finding.reason, finding.verdict) == (reason, verdict):
                return finding
    return None


# decision ----------------------------------------------------------------------------------------------------------


def _decide(evidence: Evidence, ai: str) -> list[Finding]:
    valid = evidence.valid()
    if valid:
        return _decide_valid(evidence, valid[0])
    refused = _denials_and_prohibitions(evidence)
    if refused:
        return refused
    nearest = _nearest(evidence)
    if nearest:
        skip = next((c for c in evidence.cancels if c.act is Act.REMOVAL and not c.every), None)
        if nearest.reason == "conditional" and skip:
            nearest.offending = Span(skip.start, skip.end)
        return [nearest]
    return [Finding("ai_only" if ai == "yes" else "missing", _FAIL)]


def _decide_valid(evidence: Evidence, candidate: Candidate) -> list[Finding]:
    span = Span(candidate.start, candidate.end)
    hard = [
        c
        for c in evidence.cancels
        if c.act is Act.DENIAL or (c.every and c.act in (Act.PROHIBITION, Act.REMOVAL, Act.INAUDIBLE))
    ]
    if hard:
        return [Finding("contradicted", _FAIL, span, Span(hard[0].start, hard[0].end))]
    soft = [c for c in evidence.cancels if c.act in (Act.PROHIBITION, Act.REMOVAL, Act.INAUDIBLE)]
    if soft:
        return [Finding("conditional", _FAIL, span, Span(soft[0].start, soft[0].end))]
    express = evidence.view.demand == jurisdictions.EXPRESS
    ignored = [c for c in evidence.cancels if c.act is Act.OVERRIDE or (c.act is Act.SILENCE and express)]
    if ignored:
        return [Finding("consent_ignored", _FAIL, span, Span(ignored[0].start, ignored[0].end))]
    lacking = _consent(evidence, candidate, span) if express else []
    if evidence.view.purpose and not _purpose(evidence, candidate):
        lacking.append(Finding("purpose_missing", _REVIEW, span))
    return lacking or [Finding("disclosed", _PASS, span)]


def _consent(evidence: Evidence, candidate: Candidate, span: Span) -> list[Finding]:
    reading = evidence.reading
    near = _neighbourhood(reading, candidate, 3)
    if any(reading.has("consent.question", text) for text in near):
        return []
    if any(reading.has("consent.optout", text) for text in near):
        return [Finding("opt_out_only", _REVIEW, span)]
    return [Finding("consent_not_requested", _FAIL, span)]


def _neighbourhood(reading: Reading, candidate: Candidate, frames_after: int) -> list[str]:
    """The utterance from the disclosure on, and the next frames."""
    floor = candidate.part.start if candidate.part.quoted else candidate.frame.start
    stop = candidate.part.end if candidate.part.quoted else candidate.frame.end
    after = reading.after(candidate.frame, frames_after)
    after = [
        frame for frame in after if frame.zone in ("", "opening", "flow") and frame.line <= candidate.frame.line + 2
    ]
    texts = [reading.surface.plain[max(floor, candidate.start - 120) : stop], reading.outer(candidate.frame)]
    return texts + [reading.surface.plain[frame.start : frame.end] for frame in after]


def _purpose(evidence: Evidence, candidate: Candidate) -> bool:
    reading = evidence.reading
    near = [reading.surface.plain[candidate.start : candidate.end]]
    if candidate.mode is Mode.INSTRUCTION:
        near.append(reading.surface.plain[candidate.frame.start : candidate.frame.end])
    else:
        text = reading.surface.plain
        limit = candidate.part.end if candidate.part.quoted else len(text)
        stop = text.find("\n", candidate.end, limit)
        rest = text[candidate.end : min(limit if stop < 0 else stop, candidate.end + 220)]
        near.append(_next_sentence(rest))
    return any(reading.has("clear.purpose_words", _without_other_reasons(reading, text)) for text in near)


def _without_other_reasons(reading: Reading, text: str) -> str:
    """A text without the reasons in it that are none of the recording."""
    for pack in reading.packs_of(text) if reading.may("clear.no_purpose", text) else ():
        text = pack.rule("clear.no_purpose").sub(lambda match: " " * len(match[0]), text)
    return text


def _next_sentence(rest: str) -> str:
    """The rest of the sentence and the next one, but no question: it is about something else."""
    pieces, text = [], rest
    for _ in range(2):
        cut = min((at for at in (text.find(mark, 1) for mark in ".!?") if at > 0), default=len(text))
        piece, text = text[: cut + 1], text[cut + 1 :]
        if not piece.rstrip().endswith("?"):
            pieces.append(piece)
    return " ".join(pieces)


def _denials_and_prohibitions(evidence: Evidence) -> list[Finding]:
    found = []
    denial = next((c for c in evidence.cancels if c.act is Act.DENIAL), None)
    prohibition = next((c for c in evidence.cancels if c.act is Act.PROHIBITION), None)
    if denial:
        found.append(Finding("negated", _FAIL, None, Span(denial.start, denial.end)))
    if prohibition:
        found.append(Finding("concealed", _FAIL, None, Span(prohibition.start, prohibition.end)))
    return found


def _one_party(evidence: Evidence, findings: list[Finding]) -> list[Finding]:
    """Labelling policy section 4.6."""
    first = findings[0]
    denial = next((c for c in evidence.cancels if c.act is Act.DENIAL), None)
    if denial:
        return [Finding("negated", _FAIL, None, Span(denial.start, denial.end))]
    if first.reason in ("concealed", "contradicted", "consent_ignored"):
        return [replace(first, verdict=_REVIEW)]
    if first.reason == "disclosed":
        return findings
    return [Finding("not_required", _PASS)]


def _doubt(evidence: Evidence, findings: list[Finding]) -> list[Finding]:
    """What is not understood never passes."""
    if findings[0].verdict is not _PASS:
        return findings
    reading = evidence.reading
    for mention in reading.mentions:
        if mention.negated:
            return [Finding("ambiguous", _REVIEW, Span(mention.start, mention.end))]
    if not languages.is_understood(reading):
        return [_not_understood(evidence)]
    if reading.surface.disguised:
        return [Finding("ambiguous", _REVIEW, Span(*reading.surface.disguised[0]))]
    if other := evidence.greetings.by_case:
        return [Finding("ambiguous", _REVIEW, Span(other.start, other.end))]
    known: list[tuple[int, int]] = []
    facts: list[tuple[int, int]] = []
    for candidate in evidence.found:
        heard = candidate.mode in (Mode.SPEECH, Mode.INSTRUCTION)
        (known if heard else facts).append((candidate.start, candidate.end))
    known += [(cancel.start, cancel.end) for cancel in evidence.cancels]
    doubtful = cancels.unsettled(reading, known, facts)
    return [Finding("ambiguous", _REVIEW, Span(*doubtful))] if doubtful else findings


def _not_understood(evidence: Evidence) -> Finding:
    nearest = _nearest(evidence)
    if nearest and nearest.reason in ("placeholder", "external_notice", "example_only"):
        return nearest
    reading = evidence.reading
    frame = next(iter(reading.opening_frames), None) or next(iter(reading.frames), None)
    mention = next(iter(reading.mentions), None)
    if mention:
        frame = reading.frame_at(mention.start) or frame
    return Finding("ambiguous", _REVIEW, Span(frame.start, frame.end) if frame else None)


def decide(evidence: Evidence, ai: str) -> list[Finding]:
    """Findings, the deciding one first. `ai` only tells `missing` from `ai_only`."""
    if not has_pack(evidence.reading.language):
        return [_not_understood(evidence)]
    findings = _decide(evidence, ai)
    if evidence.view.demand == jurisdictions.ONE_PARTY:
        findings = _one_party(evidence, findings)
    return _doubt(evidence, findings)


def passes(evidence: Evidence) -> bool:
    """The verdict alone, without the AI label."""
    return decide(evidence, "no")[0].verdict is _PASS


# The questions of section 4.7, and the reasons that answer them with no.
_QUESTIONS = (
    ("told", ("missing", "ai_only", "not_spoken", "ambiguous", "placeholder", "external_notice", "example_only")),
    ("every_caller", ("conditional",)),
    ("on_time", ("late", "timing_unclear")),
    ("own_language", ("wrong_language",)),
    ("not_denied", ("negated", "concealed", "contradicted")),
    ("consent", ("consent_not_requested", "consent_ignored", "opt_out_only")),
    ("purpose", ("purpose_missing",)),
)


def _checks(evidence: Evidence, findings: list[Finding]) -> tuple[Check, ...]:
    """Each question with its answer; the ones that the places do not ask are left out."""
    surface, found = evidence.reading.surface, []
    for question, reasons in _QUESTIONS:
        if question == "consent" and evidence.view.demand != jurisdictions.EXPRESS:
            reasons = ("consent_ignored",)
        if question == "purpose" and not evidence.view.purpose:
            continue
        against = next((finding for finding in findings if finding.reason in reasons), None)
        span = (against.offending or against.span) if against else None
        found.append(Check(question, against is None, surface.original(span.start, span.end) if span else None))
    return tuple(found)


def _unquoted(text: str, span: Span) -> Span:
    """Without the closing mark of a string of a configuration, which was read as a full stop."""
    inside = text[span.start : span.end]
    return Span(span.start, span.end - 1) if inside.endswith('"') and inside.count('"') == 1 else span


def judge_evidence(text: str, evidence: Evidence) -> PromptResult:
    """The result from what was gathered."""
    ai = assistants.label(evidence.reading)
    findings = decide(evidence, ai)
    surface = evidence.reading.surface
    first = findings[0]
    span = _unquoted(text, surface.original(first.span.start, first.span.end)) if first.span else None
    offending = next((f.offending for f in findings if f.offending), None)
    bad = _unquoted(text, surface.original(offending.start, offending.end)) if offending else None
    return PromptResult(
        verdict=worst([finding.verdict for finding in findings]),
        reasons=tuple(finding.reason for finding in findings),
        ai=ai,
        jurisdiction=evidence.view,
        evidence=text[span.start : span.end] if span else None,
        offending=text[bad.start : bad.end] if bad else None,
        evidence_span=span,
        offending_span=bad,
        rulebook=RULEBOOK_VERSION,
        ai_check=jurisdictions.check_ai(evidence.view.codes, ai),
        checks=_checks(evidence, findings),
    )
