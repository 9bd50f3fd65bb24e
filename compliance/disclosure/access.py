"""Doors to prompts, audits, findings and waivers. Absent and somebody else's look the same."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts import access
from accounts.actors import Actor
from compliance.connectors import access as agents
from compliance.disclosure import queue
from compliance.disclosure.models import DisclosureAudit, Finding, PromptVersion, Waiver
from compliance.errors import Gone, NotFound
from compliance.vault import scopes, store


def prompts(organisation_id: UUID) -> QuerySet[PromptVersion]:
    """Every prompt version, with its agent."""
    return PromptVersion.objects.for_organisation(organisation_id).select_related("agent")


def audits(organisation_id: UUID) -> QuerySet[DisclosureAudit]:
    """Every audit, with the prompt or call that it judges."""
    return DisclosureAudit.objects.for_organisation(organisation_id).select_related("prompt", "call")


def findings(organisation_id: UUID) -> QuerySet[Finding]:
    """Every finding, with its audit and what that judges."""
    return Finding.objects.for_organisation(organisation_id).select_related("audit__prompt", "audit__call")


def waivers(organisation_id: UUID) -> QuerySet[Waiver]:
    """Every waiver, with its finding and what that is about."""
    rows = Waiver.objects.for_organisation(organisation_id)
    return rows.select_related("finding__audit__prompt", "finding__audit__call")


def prompt_for(actor: Actor, prompt_id: UUID) -> PromptVersion:
    """The actor's prompt version of this id."""
    access.require(actor, "disclosure.read")
    found = prompts(actor.organisation_id).filter(id=prompt_id).first()
    if found is None:
        raise NotFound()
    return found


def audit_for(actor: Actor, audit_id: UUID) -> DisclosureAudit:
    """The actor's audit of this id."""
    access.require(actor, "disclosure.read")
    found = audits(actor.organisation_id).filter(id=audit_id).first()
    if found is None:
        raise NotFound()
    return found


def finding_for(actor: Actor, finding_id: UUID) -> Finding:
    """The actor's finding of this id."""
    access.require(actor, "disclosure.read")
    found = findings(actor.organisation_id).filter(id=finding_id).first()
    if found is None:
        raise NotFound()
    return found


def waiver_for(actor: Actor, waiver_id: UUID) -> Waiver:
    """The actor's waiver of this id."""
    access.require(actor, "disclosure.read")
    found = waivers(actor.organisation_id).filter(id=waiver_id).first()
    if found is None:
        raise NotFound()
    return found


def lock_prompt(organisation_id: UUID, prompt_id: UUID) -> PromptVersion:
    """A prompt version, its agent's row locked: submissions and judgements of one agent stand in one order."""
    found = prompts(organisation_id).filter(id=prompt_id).first()
    if found is None:
        raise NotFound()
    agents.agents_of(organisation_id).select_for_update(of=("self",), no_key=True).get(id=found.agent_id)
    return prompts(organisation_id).get(id=prompt_id)


def lock_finding(organisation_id: UUID, finding_id: UUID) -> Finding:
    """A finding, its row locked; whoever changes a waiver locks its finding first."""
    rows = findings(organisation_id).select_for_update(of=("self",), no_key=True)
    found = rows.filter(id=finding_id).first()
    if found is None:
        raise NotFound()
    return found


def prompt_in_force(organisation_id: UUID, agent_id: UUID) -> PromptVersion:
    """The version that an agent got last."""
    return prompts(organisation_id).filter(agent_id=agent_id).order_by("-submitted_at")[0]


def prompts_in_force(organisation_id: UUID) -> QuerySet[PromptVersion]:
    """The newest version of every agent."""
    rows = prompts(organisation_id)
    newest = rows.filter(agent_id=OuterRef("agent_id")).order_by("-submitted_at").values("id")[:1]
    return rows.filter(id=Subquery(newest))


def audit_of_prompt(organisation_id: UUID, prompt_id: UUID) -> DisclosureAudit | None:
    """The judgement that holds for a prompt version: the newest."""
    return audits(organisation_id).filter(prompt_id=prompt_id).order_by("-id").first()


def audit_of_call(organisation_id: UUID, call_id: UUID) -> DisclosureAudit | None:
    """The judgement that holds for a call: the newest."""
    return audits(organisation_id).filter(call_id=call_id).order_by("-id").first()


def audits_beside(audit: DisclosureAudit) -> QuerySet[DisclosureAudit]:
    """What held until now for an audit's prompt or call."""
    rows = DisclosureAudit.objects.for_organisation(audit.organisation_id).filter(is_newest=True)
    return rows.filter(prompt=audit.prompt_id) if audit.prompt_id else rows.filter(call=audit.call_id)


def audits_of_agent(organisation_id: UUID, agent_id: UUID) -> QuerySet[DisclosureAudit]:
    """Audits of an agent's prompts and calls."""
    return audits(organisation_id).filter(Q(prompt__agent_id=agent_id) | Q(call__agent_id=agent_id))


def findings_of_audit(audit: DisclosureAudit) -> list[Finding]:
    """An audit's findings, the deciding one first."""
    rows = queue.with_waivers(findings(audit.organisation_id), audit.organisation_id)
    return list(rows.filter(audit=audit).order_by("id"))


def newest_audit(organisation_id: UUID, of: str, column: str) -> Subquery:
    """For annotating prompts or calls (`of`: the audit's field that points to them): a column of their newest audit."""
    rows = DisclosureAudit.objects.for_organisation(organisation_id).filter(**{of: OuterRef("pk")})
    return Subquery(rows.order_by("-id").values(column)[:1])


# --- what is sealed ---------------------------------------------------------------------------------------------------


def prompt_scope(prompt_id: UUID) -> scopes.Scope:
    """The vault's scope of one prompt version: its text, and notes about its findings."""
    return scopes.Scope(scopes.ScopeKind.PROMPT, prompt_id)


def note_scope(finding: Finding) -> scopes.Scope:
    """A note lies under the key of what it speaks of. The call's own is enough: erasing any principal ends it too."""
    audit = finding.audit
    if audit.prompt_id:
        return prompt_scope(audit.prompt_id)
    return scopes.call(cast(UUID, audit.call_id), ())  # one of the two, by constraint


def text_of(prompt: PromptVersion) -> str:
    """A prompt's words, opened. Raises Gone where they were destroyed."""
    if prompt.object_id is None:
        raise Gone("The text of this version is gone")
    return store.open_bytes(store.sealed_object(prompt.organisation_id, prompt.object_id)).decode()
