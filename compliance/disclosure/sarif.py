"""Findings as SARIF 2.1.0, for code review: one rule a reason, regions in code points, fixes as replacements."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from compliance.disclosure import casefiles, rules
from compliance.disclosure.casefiles import Case
from compliance.disclosure.reporting import position

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {rules.Verdict.FAIL: "error", rules.Verdict.REVIEW: "warning"}
_ORDER = list(rules.PROMPT_REASONS)
Json = dict[str, object]


def _region(text: str, span: rules.Span) -> Json:
    line, column = position(text, span.start)
    end_line, end_column = position(text, span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _artifact(case: Case) -> Json:
    return {"uri": quote("stdin" if case.source == casefiles.STDIN else case.source.replace("\\", "/"))}


def _location(case: Case, span: rules.Span | None) -> Json:
    if case.line is not None:  # a case in a file of lines: its line is all that can be pointed at
        region: Json = {"startLine": case.line}
    else:
        region = _region(case.prompt, span) if span else {"startLine": 1}
    return {"physicalLocation": {"artifactLocation": _artifact(case), "region": region}}


def _fix(case: Case, result: rules.PromptResult) -> Json:
    replacements = [
        {"deletedRegion": _region(case.prompt, edit.span), "insertedContent": {"text": edit.text}}
        for edit in result.edits
    ]
    return {
        "description": {"text": f"Say at the start: {result.fix}"},
        "artifactChanges": [{"artifactLocation": _artifact(case), "replacements": replacements}],
    }


def _result(case: Case, result: rules.PromptResult) -> Json:
    reason = result.reasons[0]
    words = " ".join(rules.PROMPT_REASONS[each] for each in result.reasons)
    found: Json = {
        "ruleId": f"disclosure/{reason}",
        "ruleIndex": _ORDER.index(reason),
        "level": _LEVEL[result.verdict],
        "message": {"text": f"{words} Fix: say at the start: {result.fix}" if result.fix else words},
        "locations": [_location(case, result.offending_span or result.evidence_span)],
        "properties": {"verdict": result.verdict.value, "reasons": list(result.reasons), "id": case.id},
    }
    if result.offending_span and result.evidence_span and case.line is None:
        found["relatedLocations"] = [_location(case, result.evidence_span) | {"message": {"text": "the disclosure"}}]
    if result.edits and case.line is None:
        found["fixes"] = [_fix(case, result)]
    return found


def log(judged: Iterable[tuple[Case, rules.PromptResult]]) -> Json:
    """A SARIF log with one result for every prompt that does not pass."""
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Callwarden check_prompts",
                        "version": rules.RULEBOOK_VERSION,
                        "rules": [
                            {"id": f"disclosure/{reason}", "name": reason, "shortDescription": {"text": words}}
                            for reason, words in rules.PROMPT_REASONS.items()
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(case, result) for case, result in judged if result.verdict is not rules.Verdict.PASS
                ],
            }
        ],
    }
