"""Whose a finding is."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from accounts import access, members, tenancy
from accounts.actors import Actor
from audit import log
from compliance.disclosure import access as doors
from compliance.disclosure import events, queue
from compliance.disclosure.models import Finding
from compliance.disclosure.operations import telling
from compliance.errors import Conflict, Invalid

BATCH: Final = 500


def assign_finding(*, actor: Actor, finding_id: UUID, assignee: UUID | None) -> Finding:
    """Hand a finding to a member (by their user id) who may resolve it, or to nobody.

    Raises Invalid for anybody else, NotFound, and Conflict for a finding that is resolved.
    """
    access.require(actor, "disclosure.assign_finding")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        finding = doors.lock_finding(organisation_id, finding_id)
        if finding.state == Finding.State.RESOLVED:
            raise Conflict("This finding is resolved already", code="already_resolved")
        reference = _reference(organisation_id, assignee)
        if finding.assigned_to == reference:
            return finding
        _hand(actor, finding, reference, assignee=str(assignee) if assignee else None)
    return finding


def release_findings(*, actor: Actor) -> int:
    """What lies with people who left, or may resolve nothing any more, is nobody's again; how many. One entry each."""
    access.require(actor, "disclosure.assign_finding")
    organisation_id, released = actor.organisation_id, 0
    while True:
        with tenancy.operation(actor):
            able = members.members_who_may(organisation_id, "disclosure.resolve_finding")
            theirs = ["", *(members.reference_of(one.user_id) for one in able)]
            rows = doors.findings(organisation_id).filter(state__in=queue.LIVE).exclude(assigned_to__in=theirs)
            found = list(rows.select_for_update(of=("self",), no_key=True).order_by("id")[:BATCH])
            for finding in found:
                _hand(actor, finding, "", assignee=None, code="not_able")
        if not found:
            return released
        released += len(found)


def _hand(actor: Actor, finding: Finding, reference: str, **what: str | None) -> None:
    finding.assigned_to = reference
    finding.save(update_fields=["assigned_to"])
    log.append(
        actor=actor,
        event=events.FINDING_ASSIGNED,
        organisation_id=finding.organisation_id,
        obj=("finding", finding.id),
        cls=log.EntryClass.CHANGE,
        what={"reason": finding.reason, **what},
    )
    telling.tell_assigned(actor, finding)


def _reference(organisation_id: UUID, assignee: UUID | None) -> str:
    if assignee is None:
        return ""
    able = members.members_who_may(organisation_id, "disclosure.resolve_finding")
    if assignee not in {one.user_id for one in able}:
        raise Invalid("Nobody here who may resolve it", errors={"assignee": ["No member who may resolve findings."]})
    return members.reference_of(assignee)
