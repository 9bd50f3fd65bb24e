"""Why a prompt was judged as it was, in its own words, and what would make it pass.

An audit keeps offsets and no word, so the prompt is opened and judged once more; nothing of it is kept. The spans are
the audit's; the fix is today's, by today's rules, law and overrides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts import tenancy
from accounts.actors import Actor
from compliance.disclosure import access as doors
from compliance.disclosure import rules, standing
from compliance.disclosure.models import DisclosureAudit
from compliance.disclosure.operations import conditions
from compliance.disclosure.rules import Edit, Verdict, remedies
from compliance.errors import Conflict

_NEAR = 60
"""Characters of the prompt that show where something is put in."""


@dataclass(frozen=True, slots=True)
class Change:
    """One edit as a person makes it: line (from 1), what goes, what comes, and the words that it comes before."""

    line: int
    old: str = field(repr=False)
    new: str = field(repr=False)
    before: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words that a verdict rests on, and the fix; `patched` is the prompt with all changes made, which passes."""

    audit_id: UUID
    evidence: str | None = field(repr=False)
    offending: str | None = field(repr=False)
    sentence: str = field(repr=False)
    edits: tuple[Edit, ...] = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)
    patched: str | None = field(repr=False)
    verdict_now: Verdict
    has_other_rules: bool
    """Rules, law or overrides have changed since the audit; it will be judged again."""


def explain_prompt(*, actor: Actor, audit_id: UUID, longest: int = rules.MAX_CHARS) -> Explanation:
    """Of a prompt's audit. Raises NotFound; Gone; Conflict for a call's, whose words are not opened here, and for a
    prompt of more characters than `longest`, for who cannot wait.
    """
    with tenancy.scope(actor.organisation_id):
        audit = doors.audit_for(actor, audit_id)
        if audit.prompt is None:
            raise Conflict("A call is explained by its evidence", code="no_prompt")
        decided = standing.decided(audit.organisation_id)
        now = conditions.of_prompt(audit.prompt, decided)
        text = doors.text_of(audit.prompt)
        if len(text) > longest:
            raise Conflict("This prompt is too long to be explained while somebody waits", code="prompt_too_long")
        result = rules.judge_prompt(
            text, language=audit.language, jurisdictions=tuple(audit.jurisdictions), overrides=decided.overrides
        )
        return _explained(audit, text, result, has_other_rules=not conditions.are_same(audit, now))


def _explained(audit: DisclosureAudit, text: str, result: rules.PromptResult, *, has_other_rules: bool) -> Explanation:
    return Explanation(
        audit_id=audit.id,
        evidence=_words(text, audit.details.get("evidence")),
        offending=_words(text, audit.details.get("offending")),
        sentence=result.fix or "",
        edits=result.edits,
        changes=tuple(_change(text, edit) for edit in result.edits),
        patched=remedies.apply(text, result.edits) if result.edits else None,
        verdict_now=result.verdict,
        has_other_rules=has_other_rules,
    )


def _words(text: str, span: Sequence[int] | None) -> str | None:
    return text[span[0] : span[1]] if span else None


def _change(text: str, edit: Edit) -> Change:
    start, end = edit.span.start, edit.span.end
    after = text[end : end + _NEAR].strip()
    return Change(text.count("\n", 0, start) + 1, text[start:end], edit.text, after.split("\n")[0])
