"""The fix: a sentence that the caller should hear, and the edits that make the prompt pass, proven by judging again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compliance.disclosure.rules import jurisdictions as places
from compliance.disclosure.rules import packs as language_packs
from compliance.disclosure.rules import prompts
from compliance.disclosure.rules.candidates import Mode
from compliance.disclosure.rules.packs import Pack
from compliance.disclosure.rules.prompts import Evidence
from compliance.disclosure.rules.reading import primary
from compliance.disclosure.rules.results import Edit, PromptResult, Span, Verdict

_MAX_REMOVALS = 6
FIXED_CHARS = 200_000
"""A longer text is judged once, without the rounds of judging that prove a fix: no fix is offered."""


def judge_prompt(
    text: str, *, language: str, jurisdictions: Sequence[str], overrides: places.Overrides = places.NO_OVERRIDES
) -> PromptResult:
    """Judge one prompt, with a fix where it does not pass.

    `language` is the BCP-47 tag of what the agent speaks, `jurisdictions` the codes of caller and operator, and
    `overrides` an organisation's own classes for some of them. The fix is a sentence in that language; its edits turn
    the prompt into one that this judge passes, else, and above FIXED_CHARS, there is no fix.
    Raises `prompts.TextTooLong`.
    """
    evidence = prompts.gather(text, primary(language), places.strictest(jurisdictions, overrides))
    result = prompts.judge_evidence(text, evidence)
    if result.verdict is Verdict.PASS:
        return result
    if len(text) > FIXED_CHARS or not language_packs.has_pack(primary(language)):
        return result
    pack = language_packs.pack(primary(language))
    sentence = pack.remedy["express" if result.jurisdiction.demand == places.EXPRESS else "notice"]
    edits = _edits(text, result, evidence, sentence, pack)
    return replace(result, fix=sentence, edits=edits) if edits else result


def _passes(text: str, evidence: Evidence) -> bool:
    reading = evidence.reading
    return prompts.passes(prompts.gather(text, reading.language, evidence.view, reading.memo))


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with its edits made; they do not overlap."""
    for edit in sorted(edits, key=lambda one: one.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _edits(text: str, result: PromptResult, evidence: Evidence, sentence: str, pack: Pack) -> tuple[Edit, ...]:
    """The first set of edits that passes; empty if none does."""
    removals = _removals(evidence)
    for insertion in _insertions(result, evidence, sentence, pack):
        kept = [
            edit for edit in removals if edit.span.end <= insertion.span.start or edit.span.start >= insertion.span.end
        ]
        for edits in ([insertion, *kept], [insertion]) if kept else ([insertion],):
            if _passes(apply(text, edits), evidence):
                return tuple(sorted(edits, key=lambda one: one.span.start))
    return ()


def _removals(evidence: Evidence) -> list[Edit]:
    """Cancelling texts, cut out; the outermost where one holds another."""
    spans: list[Span] = []
    for cancel in evidence.cancels[:_MAX_REMOVALS]:
        span = evidence.reading.surface.original(cancel.start, cancel.end)
        if not spans or span.start >= spans[-1].end:
            spans.append(span)
    return [Edit(span, "") for span in spans]


def _insertions(result: PromptResult, evidence: Evidence, sentence: str, pack: Pack) -> Iterator[Edit]:
    """Places for the sentence: instead of a spoken notice that falls short, in the greeting, in front of everything."""
    surface = evidence.reading.surface
    if result.evidence_span and result.reasons[0] in (
        "purpose_missing",
        "consent_not_requested",
        "opt_out_only",
        "ambiguous",
        "placeholder",
    ):
        candidate = next((c for c in evidence.found if surface.original(c.start, c.end) == result.evidence_span), None)
        if candidate is not None and candidate.mode is Mode.SPEECH:
            yield Edit(result.evidence_span, sentence)
    for frame in evidence.reading.opening_frames:
        if frame.quotes:
            at = surface.original(frame.quotes[0][0], frame.quotes[0][0]).start
            yield Edit(Span(at, at), sentence + " ")
            break
    if not evidence.reading.agent_directed:
        yield Edit(Span(0, 0), sentence + " ")
    yield Edit(Span(0, 0), f'{pack.remedy["label"]}: "{sentence}"\n')
