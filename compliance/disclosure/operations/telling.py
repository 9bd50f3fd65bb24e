"""What programs outside are told of audits and findings (the outlet's catalogue): ids, reasons and days, no words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from accounts.actors import Actor
from compliance.disclosure.models import DisclosureAudit, Finding, Verdict
from compliance.outlet import operations as outlet


def tell_judged(actor: Actor, audit: DisclosureAudit) -> None:
    """An audit is kept: told where it failed. Inside the operation that judged."""
    if audit.verdict == Verdict.FAIL:
        told = {"audit_id": audit.id, "verdict": audit.verdict, "reasons": audit.reasons} | _about(audit)
        outlet.announce_event(actor=actor, type="disclosure.audit.failed", data=told)


def tell_opened(actor: Actor, findings: Iterable[Finding]) -> None:
    """Findings are open: new, or open again."""
    news = [
        outlet.News("disclosure.finding.opened", _finding(one) | {"verdict": one.verdict} | _about(one.audit))
        for one in findings
    ]
    outlet.announce_events(actor=actor, news=news)


def tell_resolved(actor: Actor, finding: Finding) -> None:
    """What became of a finding is said, by a person or by a later judgement."""
    told = _finding(finding) | {"resolution": finding.resolution}
    outlet.announce_event(actor=actor, type="disclosure.finding.resolved", data=told)


def tell_assigned(actor: Actor, finding: Finding) -> None:
    """Somebody else has it now, or nobody. Who, is not told outside."""
    told = _finding(finding) | {"is_assigned": bool(finding.assigned_to)}
    outlet.announce_event(actor=actor, type="disclosure.finding.assigned", data=told)


def tell_waived(actor: Actor, finding: Finding, until_on: date) -> None:
    """Two people agreed to live with it until a day."""
    told = _finding(finding) | {"expires_on": until_on}
    outlet.announce_event(actor=actor, type="disclosure.finding.waived", data=told)


def _finding(one: Finding) -> dict[str, object]:
    return {"finding_id": one.id, "audit_id": one.audit_id, "reason": one.reason}


def _about(audit: DisclosureAudit) -> dict[str, object]:
    return {"prompt_id": audit.prompt_id, "call_id": audit.call_id}
