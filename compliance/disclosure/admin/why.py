"""Why: reason, law, the words of the prompt that it rests on, and the fix with its place."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from accounts import pages
from accounts.console import actor_of
from accounts.pages import Facts, Part, Table, Words
from compliance.disclosure import reasons
from compliance.disclosure.models import DisclosureAudit
from compliance.disclosure.operations import explaining
from compliance.disclosure.operations.explaining import Explanation
from compliance.disclosure.rules import Verdict
from compliance.errors import Conflict, Gone

LONGEST = 20_000
"""Characters up to which a page waits for the judge."""
_BY_HAND = (
    "No small change was found that makes this prompt pass. Let the greeting say that the call is recorded, and take "
    "out every line that denies or forbids it; then submit the prompt again."
)


def why(request: HttpRequest, audit: DisclosureAudit, shown: Sequence[str]) -> list[Part]:
    """Of an audit, for these of its reasons. The words of a call are opened on its own page, for a purpose."""
    law = _law(audit, shown)
    if audit.prompt_id is None:
        return [law]
    try:
        found = explaining.explain_prompt(actor=actor_of(request), audit_id=audit.id, longest=LONGEST)
    except Gone:
        return [law, Words("Words", "The text of this version is gone.")]
    except Conflict:
        return [law, Words("Words", "This prompt is too long to be explained on a page; the API explains it.")]
    return [law, *_words(found), *_fix(found)]


def _law(audit: DisclosureAudit, shown: Sequence[str]) -> Facts:
    details, is_call = audit.details, audit.prompt_id is None
    demand = str(details.get("class", ""))
    rows: list[tuple[str, object]] = [
        ("Reason", pages.lines(reasons.told(reason, is_call=is_call) for reason in shown)),
        ("Demanded", reasons.DEMANDS.get(demand, demand)),
        ("Purpose", "must be said" if details.get("purpose") else "need not be said"),
        ("By", pages.lines(details.get("why", ()))),
        ("Language", audit.language),
    ]
    turns = {"Told in turn": "disclosure_turn", "After seconds": "seconds_to_disclosure"}
    turns |= {"First personal data in turn": "first_personal_data_turn", "Objection in turn": "objection_turn"}
    found = [(title, details[name]) for title, name in turns.items() if details.get(name) is not None]
    return Facts("Why", [*rows, *found], "Turns count from 0." if found else "")


def _words(found: Explanation) -> list[Part]:
    parts: list[Part] = []
    if found.evidence:
        parts.append(Words("The words it rests on", found.evidence))
    if found.offending:
        parts.append(Words("The words that stand against it", found.offending))
    return parts


def _fix(found: Explanation) -> list[Part]:
    if found.verdict_now is Verdict.PASS:
        return []
    if not found.changes:
        return [Words("The fix", _BY_HAND)]
    text = "With all of these changes the prompt passes: they were made and judged."
    if found.has_other_rules:
        text += " By today's rules; this judgement is by older ones."
    rows = [[one.line, _what(one), pages.NOTHING if one.new == "" else one.new] for one in found.changes]
    return [
        Words("What the caller should hear", found.sentence),
        Table("The fix", ["Line", "Where", "Put in"], rows, text),
    ]


def _what(change: explaining.Change) -> str:
    if change.old and change.new:
        return f"Instead of “{change.old}”"
    if change.old:
        return f"Take out “{change.old}”"
    return f"Before “{change.before}”" if change.before else "At the end"
