"""Under what an audit is made: rules, law and overrides, language, places, and the prompt that a call is held against.

An audit remembers its conditions, so that asking again under the same ones is no new audit, and so that the nightly
look can tell in the database which ones do not hold any more.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from compliance.connectors import access as agents
from compliance.disclosure import access as doors
from compliance.disclosure import judgements, overriding, rules, standing, submissions
from compliance.disclosure.models import DisclosureAudit, PromptVersion
from compliance.disclosure.rules import jurisdictions
from compliance.disclosure.standing import Decided
from compliance.recordings import access as register
from compliance.recordings import places


def of_prompt(prompt: PromptVersion, decided: Decided) -> DisclosureAudit:
    """An audit of a prompt version, not yet judged."""
    return DisclosureAudit(
        prompt=prompt,
        agent_id=prompt.agent_id,
        held_at=prompt.submitted_at,
        language=prompt.language,
        jurisdictions=prompt.jurisdictions,
        details=_law(prompt.jurisdictions, decided),
    )


def of_call(organisation_id: UUID, call: Any, decided: Decided) -> DisclosureAudit:
    """An audit of a call, not yet judged: in the language and places of its agent, wherever its ends may be."""
    agent = agents.agent_named(organisation_id, call.agent_id) if call.agent_id else None
    given = judgements.given_by_agent(agent.languages, agent.jurisdictions) if agent else judgements.given_by_agent()
    ends = list(places.that_count(places.from_json(call.places)))
    codes = list(judgements.places_of_call(given["jurisdictions"], ends, decided.overrides))
    rows = standing.with_prompt_in_force(register.calls(organisation_id).filter(id=call.id), organisation_id)
    told_by = rows.values_list("told_by", flat=True)[0]
    told = doors.audit_of_prompt(organisation_id, told_by) if told_by else None
    return DisclosureAudit(
        call=call,
        agent_id=call.agent_id,
        held_at=call.started_at or call.ended_at or call.registered_at,
        language=submissions.only_language(given["languages"]),
        jurisdictions=codes,
        clause_of_id=told_by,
        clause=told.clause if told else "",
        details={"agent": given, "ends": ends} | _law(codes, decided),
    )


def _law(codes: list[str], decided: Decided) -> dict[str, Any]:
    """`judging` and `law` are digests; `overrides` names rows by place; `outdated` are rows nobody looked at lately."""
    return {
        "judging": rules.JUDGING_VERSION,
        "law": overriding.law_mark(codes, decided.overrides),
        "overrides": decided.marks(codes),
        "outdated": jurisdictions.outdated(codes, standing.today()),
    }


def are_same(one: DisclosureAudit, other: DisclosureAudit) -> bool:
    """Whether two audits of one thing were made under the same conditions."""
    return _compared(one) == _compared(other)


def _compared(audit: DisclosureAudit) -> tuple[Any, ...]:
    remembered = tuple(audit.details.get(name) for name in ("judging", "law", "agent"))
    against = (audit.clause_of_id, audit.clause) if audit.call_id else ()
    return (audit.artifact_id, audit.language, audit.jurisdictions, *against, *remembered)
