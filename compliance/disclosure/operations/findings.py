"""Findings: what became of a reason that needed a person. The verdict stays what it was."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.disclosure import access as doors
from compliance.disclosure import events, judgements, submissions
from compliance.disclosure.models import Finding
from compliance.errors import Conflict, Invalid, NotFound
from compliance.vault import scopes, store

MAX_NOTE = 4000


def resolve_finding(*, actor: Actor, finding_id: UUID, resolution: str, note: str = "") -> Finding:
    """Say what became of a finding. The verdict stays. Raises Invalid, NotFound, Conflict (resolved before)."""
    access.require(actor, "disclosure.resolve_finding")
    _check_resolution(resolution, note)
    with tenancy.operation(actor):
        rows = doors.findings(actor.organisation_id).select_for_update(of=("self",), no_key=True)
        finding = rows.filter(id=finding_id).first()
        if finding is None:
            raise NotFound()
        if finding.state != Finding.State.OPEN:
            raise Conflict("This finding is resolved already", code="already_resolved")
        finding.state, finding.resolution = Finding.State.RESOLVED, resolution
        finding.resolved_by, finding.resolved_at = actor.reference, timezone.now()
        if note.strip():
            finding.sealed_note = store.seal_value(
                actor.organisation_id, _scope_of(finding), _label(finding), note.encode()
            )
        finding.save(update_fields=["state", "resolution", "resolved_by", "resolved_at", "sealed_note"])
        # The note may speak of the caller: it stands sealed in the row, to end with the call, and not in the log.
        what: dict[str, str | int | bool | None] = {
            "resolution": resolution,
            "reason": finding.reason,
            "audit": str(finding.audit_id),
            "note": bool(note.strip()),
        }
        log.append(
            actor=actor,
            event=events.FINDING_RESOLVED,
            organisation_id=actor.organisation_id,
            obj=("finding", finding.id),
            cls=log.EntryClass.DECISION,
            what=what,
        )
    return finding


def open_note(*, actor: Actor, finding_id: UUID) -> str:
    """What was noted when a finding was resolved; empty where nothing was. Raises Gone once its call is erased."""
    with tenancy.scope(actor.organisation_id):
        finding = doors.finding_for(actor, finding_id)
        if finding.sealed_note is None:
            return ""
        sealed = bytes(finding.sealed_note)
        return store.open_value(actor.organisation_id, _scope_of(finding), _label(finding), sealed).decode()


def _check_resolution(resolution: str, note: str) -> None:
    errors: dict[str, list[str]] = {}
    if resolution not in judgements.BY_PEOPLE:
        errors["resolution"] = [f"One of: {', '.join(judgements.BY_PEOPLE)}."]
    if len(note) > MAX_NOTE or not submissions.is_encodable(note):
        errors["note"] = [f"At most {MAX_NOTE} characters of Unicode text."]
    if errors:
        raise Invalid("This finding cannot be resolved so", errors=errors)


def _label(finding: Finding) -> str:
    return f"disclosure_finding.note/{finding.id}"


def _scope_of(finding: Finding) -> scopes.Scope:
    """A note lies under the key of what it speaks of. The call's own is enough: erasing any principal ends it too."""
    audit = finding.audit
    if audit.prompt_id:
        return doors.prompt_scope(audit.prompt_id)
    return scopes.call(cast(UUID, audit.call_id), ())  # one of the two, by constraint
