"""Doors to prompts, audits and findings. Absent and somebody else's look the same."""

from __future__ import annotations

from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accounts import access
from accounts.actors import Actor
from compliance.disclosure.models import DisclosureAudit, Finding, PromptVersion
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


def audit_of_prompt(organisation_id: UUID, prompt_id: UUID) -> DisclosureAudit | None:
    """The judgement that holds for a prompt version: the newest."""
    return audits(organisation_id).filter(prompt_id=prompt_id).order_by("-id").first()


def audit_of_call(organisation_id: UUID, call_id: UUID) -> DisclosureAudit | None:
    """The judgement that holds for a call: the newest."""
    return audits(organisation_id).filter(call_id=call_id).order_by("-id").first()


def audits_of_agent(organisation_id: UUID, agent_id: UUID) -> QuerySet[DisclosureAudit]:
    """Audits of an agent's prompts and calls."""
    return audits(organisation_id).filter(Q(prompt__agent_id=agent_id) | Q(call__agent_id=agent_id))


def findings_of_audit(audit: DisclosureAudit) -> list[Finding]:
    """An audit's findings, the deciding one first."""
    return list(findings(audit.organisation_id).filter(audit=audit).order_by("id"))


def newest_audit(organisation_id: UUID, of: str, column: str) -> Subquery:
    """For annotating prompts or calls (`of`: the audit's field that points to them): a column of their newest audit."""
    rows = DisclosureAudit.objects.for_organisation(organisation_id).filter(**{of: OuterRef("pk")})
    return Subquery(rows.order_by("-id").values(column)[:1])


# --- what is sealed ---------------------------------------------------------------------------------------------------


def prompt_scope(prompt_id: UUID) -> scopes.Scope:
    """The vault's scope of one prompt version: its text, and notes about its findings."""
    return scopes.Scope(scopes.ScopeKind.PROMPT, prompt_id)


def text_of(prompt: PromptVersion) -> str:
    """A prompt's words, opened. Raises Gone where they were destroyed."""
    if prompt.object_id is None:
        raise Gone("The text of this version is gone")
    return store.open_bytes(store.sealed_object(prompt.organisation_id, prompt.object_id)).decode()
