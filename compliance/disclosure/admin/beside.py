"""What stands beside a verdict's reasons: the overrides it rests on; the AI check and prompt against speech, apart."""

from __future__ import annotations

from django.http import HttpRequest

from accounts import pages
from accounts.console import who
from accounts.pages import Facts, Part
from compliance.disclosure import standing
from compliance.disclosure.models import AiVerdict, DisclosureAudit, Spoken
from compliance.disclosure.rules import jurisdictions

AI = {AiVerdict.MET: pages.GOOD, AiVerdict.UNMET: pages.BAD, AiVerdict.OPEN: pages.WAITING}
SPOKEN = {Spoken.SPOKEN: pages.GOOD, Spoken.NOT_SPOKEN: pages.BAD}


def beside(request: HttpRequest, row: DisclosureAudit) -> list[Part]:
    """The parts of an audit's page that come after its reasons."""
    parts: list[Part] = []
    law = _law(request, row)
    if law:
        parts.append(Facts("The law it was judged by", law))
    apart = [*_ai(row), *_speech(row)]
    if apart:
        parts.append(Facts("Beside the verdict", apart, "Neither moves the verdict."))
    return parts


def _law(request: HttpRequest, row: DisclosureAudit) -> list[tuple[str, object]]:
    under = [
        f"{one.code} as {pages.words(one.demand)}: your override by {who(request, one.set_by)} "
        f"of {one.set_at:%-d %b %Y}. {one.reason}"
        for one in standing.overrides_of_audit(row)
    ]
    old = jurisdictions.outdated(row.jurisdictions, standing.today())
    return [
        (name, pages.lines(lines)) for name, lines in (("Judged under", under), ("To be looked at again", old)) if lines
    ]


def _ai(row: DisclosureAudit) -> list[tuple[str, object]]:
    if not row.ai_check:
        return []
    tone = AI.get(AiVerdict(row.ai_check), pages.QUIET)
    return [("Told that it is an AI", pages.beside(pages.badge(row.get_ai_check_display(), tone), _ai_law(row)))]


def _ai_law(row: DisclosureAudit) -> str:
    return pages.listed((row.details.get("ai_check") or {}).get("citations", ()))


def _speech(row: DisclosureAudit) -> list[tuple[str, object]]:
    found = row.details.get("speech")
    if not found:
        return []
    start, end = found["clause"]
    said = pages.badge(row.get_spoken_display(), SPOKEN.get(Spoken(row.spoken), pages.QUIET))
    where = pages.to("disclosure_promptversion", found["prompt"], f"the prompt in force, characters {start} to {end}")
    turn = "" if found["turn"] is None else f"turn {found['turn']} of the call"
    return [("The prompt's disclosure", pages.beside(said, where, turn))]
