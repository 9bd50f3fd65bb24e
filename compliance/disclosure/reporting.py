"""What the check commands print (DESIGN section 2). Pure."""

from __future__ import annotations

import json

from compliance.disclosure import casefiles, rules
from compliance.disclosure.casefiles import Case

_EXCERPT = 160


def json_line(value: dict[str, object]) -> str:
    """One line of output; escaped where it could not be written as UTF-8 (lone surrogates in the input)."""
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return line


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1, columns in code points."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    flat = flat if len(flat) <= _EXCERPT else flat[: _EXCERPT - 1] + "…"
    return "".join(char if char.isprintable() else "\ufffd" for char in flat)


def _name(case: Case) -> str:
    source = "stdin" if case.source == casefiles.STDIN else case.source
    named = f" [{case.id}]" if case.line and case.id is not None else ""
    return f"{source}:{case.line}{named}" if case.line else source


def prompt_text(case: Case, result: rules.PromptResult) -> str:
    """One result for people: verdict, why in words, the lines it rests on, the fix."""
    view = result.jurisdiction
    places = ", ".join(view.codes) or "unknown place"
    out = [f"{_name(case)}: {result.verdict.value.upper()} {', '.join(result.reasons)}"]
    out += [f"  {rules.PROMPT_REASONS[reason]}" for reason in result.reasons]
    for label, span, quoted in (
        ("says", result.evidence_span, result.evidence),
        ("but", result.offending_span, result.offending),
    ):
        if span and quoted is not None:
            line, column = position(case.prompt, span.start)
            out.append(f"  line {line}, column {column} {label}: {_excerpt(quoted)}")
    out.append(
        f"  demanded for {places}: {view.demand.replace('_', ' ')}{', with the purpose' if view.purpose else ''}"
    )
    if result.ai_check and result.ai_check.met is False:
        out.append(f"  beside the verdict, telling that it is an AI is not met: {'; '.join(result.ai_check.citations)}")
    if result.fix:
        out.append(f"  fix: {result.fix}")
        out += [f"    {_edit(case.prompt, edit)}" for edit in result.edits]
    return "\n".join(out) + "\n"


def _edit(text: str, edit: rules.Edit) -> str:
    line, column = position(text, edit.span.start)
    old = _excerpt(text[edit.span.start : edit.span.end])
    if not old:
        return f"line {line}, column {column}: put it in here"
    return f"line {line}, column {column}: {'put it instead of' if edit.text else 'take out'}: {old}"


def transcript_text(case: Case, result: rules.TranscriptResult) -> str:
    """One result for people."""
    out = [f"{_name(case)}: {result.verdict.value.upper()} {', '.join(result.reasons)}"]
    out += [f"  {rules.TRANSCRIPT_REASONS[reason][1]}" for reason in result.reasons]
    if result.disclosure_turn is not None:
        when = (
            "" if result.seconds_to_disclosure is None else f" ({result.seconds_to_disclosure:.1f} s after the start)"
        )
        out.append(
            f"  turn {result.disclosure_turn}{when}: {_excerpt(str(case.turns[result.disclosure_turn].get('content')))}"
        )
    if result.first_personal_data_turn is not None:
        out.append(f"  first personal data: turn {result.first_personal_data_turn}")
    return "\n".join(out) + "\n"
