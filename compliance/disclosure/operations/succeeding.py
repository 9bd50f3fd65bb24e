"""A new judgement takes the place of earlier ones: their findings give way, and what people said goes on or ends.

The rule stands in `following`. Called inside the judgement's transaction, with the prompt's agent or the call locked.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils import timezone

from accounts.actors import Actor
from audit import log
from compliance.disclosure import access as doors
from compliance.disclosure import events, following, queue, rules
from compliance.disclosure.judgements import Resolution
from compliance.disclosure.models import DisclosureAudit, Finding, PromptVersion
from compliance.disclosure.operations import ending, telling
from compliance.disclosure.rules import Verdict

JUDGES_OWN = frozenset(rules.PROMPT_REASONS) | frozenset(rules.TRANSCRIPT_REASONS)


def replace_findings(
    *, actor: Actor, audit: DisclosureAudit, faults: Sequence[tuple[str, Verdict]], known: frozenset[str] = JUDGES_OWN
) -> dict[str, int]:
    """A finding for every fault of a saved audit, in place of the earlier ones whose reason is among `known`; how many
    of those were superseded and how many fixed. Whoever finds by other rules than the judge's has reasons of its own.
    """
    newest = _version_in_force(audit)
    earlier = _earlier(audit, known, is_in_force=newest is not None and newest.id == audit.prompt_id)
    made = [_new_finding(audit, reason, verdict.value, earlier) for reason, verdict in faults]
    if _is_outdated(audit, newest):
        for one in made:
            _close(actor, one, Resolution.SUPERSEDED)
    Finding.objects.bulk_create(made)
    heirs = {one.reason: one for one in made if one.state == queue.OPEN}
    found = {reason: verdict.value for reason, verdict in faults}
    fixed = sum(_give_way(actor, old, audit, found, heirs) for old in reversed(earlier))
    telling.tell_opened(actor, [one for one in made if one.state == queue.OPEN])
    return {"superseded": len(earlier) - fixed, "fixed": fixed}


def _version_in_force(audit: DisclosureAudit) -> PromptVersion | None:
    return doors.prompt_in_force(audit.organisation_id, audit.prompt.agent_id) if audit.prompt else None


def _is_outdated(audit: DisclosureAudit, newest: PromptVersion | None) -> bool:
    """The agent has another text by now, and that was judged already: nobody needs to look at this one."""
    if newest is None or newest.id == audit.prompt_id:
        return False
    return doors.audit_of_prompt(audit.organisation_id, newest.id) is not None


def _earlier(audit: DisclosureAudit, known: frozenset[str], *, is_in_force: bool) -> list[Finding]:
    """Findings that nobody resolved: of the same call or version, and of all the agent's versions once this one is in
    force. Oldest first, and locked in that order.
    """
    about = Q(audit__call_id=audit.call_id) if audit.call_id else Q(audit__prompt_id=audit.prompt_id)
    if is_in_force and audit.prompt:
        about = Q(audit__prompt__agent_id=audit.prompt.agent_id)
    rows = doors.findings(audit.organisation_id).filter(about, state__in=queue.LIVE, reason__in=known)
    return list(rows.exclude(audit=audit).select_for_update(of=("self",), no_key=True).order_by("id"))


def _new_finding(audit: DisclosureAudit, reason: str, verdict: str, earlier: Sequence[Finding]) -> Finding:
    """With the person and the day of earlier ones with the same reason."""
    same = [one for one in earlier if one.reason == reason]
    return Finding(
        organisation_id=audit.organisation_id,
        audit=audit,
        reason=reason,
        verdict=verdict,
        due_on=min([queue.due_on(verdict), *(one.due_on for one in same if one.due_on)]),
        assigned_to=next((one.assigned_to for one in reversed(same) if one.assigned_to), ""),
    )


def _give_way(
    actor: Actor, old: Finding, audit: DisclosureAudit, found: dict[str, str], heirs: dict[str, Finding]
) -> bool:
    """Close an earlier finding; whether it is fixed."""
    fate = following.fate(
        old.reason,
        old.verdict,
        found,
        is_same_text=(old.audit.prompt_id, old.audit.artifact_id) == (audit.prompt_id, audit.artifact_id),
        is_prompt=audit.prompt_id is not None,
    )
    waiver = ending.lock_running(old)
    if waiver is not None:
        heir = None if fate.code else heirs.pop(old.reason, None)
        if heir is None:
            ending.end_waiver(actor, waiver, fate.code or "superseded")
        else:
            ending.carry_waiver(actor, waiver, heir)
    _close(actor, old, fate.resolution)
    old.save(update_fields=["state", "resolution", "resolved_by", "resolved_at"])
    telling.tell_resolved(actor, old)
    if fate.resolution is Resolution.FIXED:
        _note_fix(actor, old, audit)
    return fate.resolution is Resolution.FIXED


def _close(actor: Actor, finding: Finding, resolution: Resolution) -> None:
    finding.state, finding.resolution = Finding.State.RESOLVED, resolution.value
    finding.resolved_by, finding.resolved_at = actor.reference, timezone.now()


def _note_fix(actor: Actor, finding: Finding, by: DisclosureAudit) -> None:
    log.append(
        actor=actor,
        event=events.FINDING_RESOLVED,
        organisation_id=finding.organisation_id,
        obj=("finding", finding.id),
        cls=log.EntryClass.DECISION,
        what={
            "resolution": finding.resolution,
            "reason": finding.reason,
            "audit": str(finding.audit_id),
            "by_audit": str(by.id),
        },
    )
