"""Overrides: what an organisation's counsel has decided for a place instead of our table of law.

What can go wrong: somebody makes failing calls pass by turning a law off, and nobody sees it. So whatever would ask for
less anywhere, on any day, waits for a second person: a gentler class, a purpose dropped, a stricter override taken
back or given an end. What only asks for more holds at once. Every audit names the overrides that it was judged under,
rows are ended and never deleted, and what a change touches is judged again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.disclosure import events, overriding, standing
from compliance.disclosure.models import DEMANDS, JurisdictionOverride
from compliance.disclosure.overriding import Held
from compliance.disclosure.submissions import Context, is_encodable
from compliance.errors import Conflict, Invalid, NotFound, OwnProposal

_State = JurisdictionOverride.State
MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class NewOverride:
    """What is decided for a place: ISO 3166 code, class, whether the purpose must be told, why, and until when."""

    code: str
    demand: str
    purpose: bool
    reason: str
    until_on: date | None = None

    def checked(self) -> Held:
        """In its normal form; Invalid names every field at fault."""
        errors: dict[str, list[str]] = {}
        code, reason = self.code.strip().upper(), self.reason.strip()
        try:
            Context.read("en", [code])
        except Invalid:
            errors["code"] = ["An ISO 3166 code, such as DE or US-CA."]
        if self.demand not in DEMANDS:
            errors["demand"] = [f"One of: {', '.join(DEMANDS)}."]
        if not 1 <= len(reason) <= MAX_REASON or not is_encodable(reason) or "\0" in reason:
            errors["reason"] = [f"1 to {MAX_REASON} characters: on whose advice, and why."]
        if self.until_on is not None and self.until_on < standing.today():
            errors["until_on"] = ["Not before today."]
        if errors:
            raise Invalid("This override cannot be set", errors=errors)
        return Held(code, self.demand, self.purpose, reason, self.until_on)


def set_override(*, actor: Actor, new: NewOverride) -> JurisdictionOverride:
    """Decide otherwise than the table for a place. A stricter override holds at once and ends the place's earlier one;
    one that asks for less anywhere waits, as `proposed`, for a second person. Raises Invalid, Conflict.
    """
    access.require(actor, "disclosure.set_override")
    wanted = new.checked()
    with tenancy.operation(actor):
        _lock(actor.organisation_id)
        waiting = standing.overrides(actor.organisation_id).filter(code=wanted.code, state=_State.PROPOSED)
        if waiting.exists():
            raise Conflict("Another override of this place waits for a second person", code="already_proposed")
        held = standing.held_by(standing.holding(actor.organisation_id))
        after = [one for one in held if one.code != wanted.code] + [wanted]
        row = JurisdictionOverride(
            organisation_id=actor.organisation_id,
            code=wanted.code,
            demand=wanted.kind,
            purpose=wanted.purpose,
            reason=wanted.reason,
            until_on=wanted.until,
            set_by=actor.reference,
            state=_State.PROPOSED,
        )
        if overriding.loosens(held, after, standing.today()):
            row.save(force_insert=True)
            _note(actor, events.OVERRIDE_PROPOSED, row)
        else:
            _put_in_force(actor, row)
    return row


def remove_override(*, actor: Actor, override_id: UUID) -> JurisdictionOverride:
    """Let the table decide again. Where that asks for less, the override holds on until a second person agrees."""
    access.require(actor, "disclosure.set_override")
    with tenancy.operation(actor):
        row = _locked(actor, override_id, _State.IN_FORCE)
        held = standing.holding(actor.organisation_id)
        after = [one for one in held if one.id != row.id]
        row.removal_by = actor.reference
        if overriding.loosens(standing.held_by(held), standing.held_by(after), standing.today()):
            row.state = _State.LEAVING
            row.save(update_fields=["state", "removal_by"])
            _note(actor, events.OVERRIDE_REMOVAL_PROPOSED, row)
        else:
            _end(actor, row, "removed")
    return row


def approve_override(*, actor: Actor, override_id: UUID) -> JurisdictionOverride:
    """The second person's yes, to an override or to its removal. Raises OwnProposal, Conflict."""
    access.require(actor, "disclosure.approve_override")
    with tenancy.operation(actor):
        row = _locked(actor, override_id, _State.PROPOSED, _State.LEAVING)
        if actor.reference == _proposer(row):
            raise OwnProposal()
        row.decided_by = actor.reference
        if row.state == _State.LEAVING:
            _end(actor, row, "removed")
        elif row.until_on is not None and row.until_on < standing.today():
            raise Conflict("It would have ended already: set it again", code="override_overtaken")
        else:
            _put_in_force(actor, row)
    return row


def reject_override(*, actor: Actor, override_id: UUID) -> JurisdictionOverride:
    """The second person's no; or whoever proposed takes it back. An override whose removal is refused holds on."""
    with tenancy.operation(actor):
        row = _locked(actor, override_id, _State.PROPOSED, _State.LEAVING)
        is_own = actor.reference == _proposer(row)
        access.require(actor, "disclosure.set_override" if is_own else "disclosure.approve_override")
        row.decided_by = "" if is_own else actor.reference
        if row.state == _State.LEAVING:
            row.state, row.removal_by = _State.IN_FORCE, ""
            row.save(update_fields=["state", "removal_by", "decided_by"])
            _note(actor, events.OVERRIDE_KEPT, row)
        else:
            _end(actor, row, "withdrawn" if is_own else "rejected")
    return row


def _proposer(row: JurisdictionOverride) -> str:
    return row.removal_by if row.state == _State.LEAVING else row.set_by


def _put_in_force(actor: Actor, row: JurisdictionOverride) -> None:
    for earlier in standing.overrides(actor.organisation_id).filter(code=row.code, state__in=standing.HOLDING):
        earlier.state, earlier.ending, earlier.ended_at = _State.ENDED, "replaced", timezone.now()
        earlier.save(update_fields=["state", "ending", "ended_at"])
    row.state = _State.IN_FORCE
    row.save()
    _note(actor, events.OVERRIDE_SET, row)
    _ask_again(row)


def _end(actor: Actor, row: JurisdictionOverride, ending: str) -> None:
    held = row.state in standing.HOLDING
    row.state, row.ending, row.ended_at = _State.ENDED, ending, timezone.now()
    row.save(update_fields=["state", "ending", "ended_at", "removal_by", "decided_by"])
    _note(actor, events.OVERRIDE_REMOVED if held else events.OVERRIDE_REFUSED, row)
    if held:
        _ask_again(row)


def _ask_again(row: JurisdictionOverride) -> None:
    jobs.enqueue_on_commit("disclosure.recheck", organisation_id=row.organisation_id, object_id=row.id)


def _lock(organisation_id: UUID) -> None:
    """One change of an organisation's overrides after the other: whether one loosens depends on all that hold."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"overrides/{organisation_id}"])


def _locked(actor: Actor, override_id: UUID, *states: str) -> JurisdictionOverride:
    _lock(actor.organisation_id)
    row = standing.overrides(actor.organisation_id).select_for_update(of=("self",)).filter(id=override_id).first()
    if row is None:
        raise NotFound()
    if row.state not in states:
        raise Conflict("This override does not wait for that", code="already_decided")
    return row


def _note(actor: Actor, event: str, row: JurisdictionOverride) -> None:
    what: dict[str, str | int | bool | None] = {
        "place": row.code.lower(),
        "class": row.demand,
        "purpose": row.purpose,
        "until": row.until_on.isoformat() if row.until_on else None,
        "ending": row.ending or None,
    }
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("override", row.id),
        cls=log.EntryClass.CONFIG,
        what=what,
        identifying={"reason": row.reason},
    )
