"""How waivers end before they are asked about again, or go on: by a resolution, a new judgement, or their last day.

What can go wrong: a waiver outlives its day, or ends twice. So the clock takes due ones in batches, locks each finding
and then its waiver, and looks again; killed anywhere, it begins with what is still running.
"""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.disclosure import access as doors
from compliance.disclosure import events, queue
from compliance.disclosure.models import Finding, Waiver
from compliance.disclosure.operations import telling

BATCH: Final = 500
_State = Waiver.State


def expire_waivers(*, actor: Actor) -> int:
    """End every waiver whose last day is over, and every proposal that nobody decided until then; how many."""
    access.require(actor, "disclosure.expire_waivers")
    ended = 0
    while done := _expire_batch(actor):
        ended += done
    return ended


def _expire_batch(actor: Actor) -> int:
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        due = doors.waivers(organisation_id).filter(state__in=queue.RUNNING, until_on__lt=queue.today())
        ids = sorted(due.order_by("until_on", "id").values_list("finding_id", flat=True)[:BATCH])
        findings = [doors.lock_finding(organisation_id, finding_id) for finding_id in ids]
        found = [(finding, lock_running(finding)) for finding in findings]
        late = [(one, waiver) for one, waiver in found if waiver is not None and waiver.until_on < queue.today()]
        for finding, waiver in late:
            _expire(actor, finding, waiver)
    return len(late)


def lock_running(finding: Finding) -> Waiver | None:
    """A locked finding's waiver that is proposed or in force, locked after it."""
    rows = doors.waivers(finding.organisation_id).select_for_update(of=("self",))
    return rows.filter(finding=finding, state__in=queue.RUNNING).first()


def end_waiver(actor: Actor, waiver: Waiver, code: str) -> None:
    """Something else happened to the finding: the waiver is over before its day, and so is a proposal."""
    _finish(waiver, _State.ENDED, code)
    note_waiver(actor, events.WAIVER_ENDED, waiver, code=code)


def _expire(actor: Actor, finding: Finding, waiver: Waiver) -> None:
    """A finding that it covered is open again, and due at once."""
    if waiver.state == _State.IN_FORCE:
        finding.due_on = max(finding.due_on or queue.today(), queue.today())
        set_state(finding, queue.OPEN)
        telling.tell_opened(actor, [finding])
    _finish(waiver, _State.EXPIRED, "")
    note_waiver(actor, events.WAIVER_EXPIRED, waiver)


def carry_waiver(actor: Actor, waiver: Waiver, heir: Finding) -> None:
    """The same fault of the same text was found again: the waiver, or its proposal, is about the new finding."""
    was = waiver.finding_id
    waiver.finding = heir
    waiver.save(update_fields=["finding"])
    if waiver.state == _State.IN_FORCE:
        set_state(heir, Finding.State.WAIVED)
    note_waiver(actor, events.WAIVER_CARRIED, waiver, was=str(was))


def _finish(waiver: Waiver, state: Waiver.State, code: str) -> None:
    waiver.state, waiver.code, waiver.ended_at = state, code, timezone.now()
    waiver.save(update_fields=["state", "code", "ended_at"])


def set_state(finding: Finding, state: Finding.State) -> None:
    """Open or waived, with its day."""
    finding.state = state
    finding.save(update_fields=["state", "due_on"])


def note_waiver(actor: Actor, event: str, waiver: Waiver, **what: str) -> None:
    """What happened to a waiver, for the log."""
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("waiver", waiver.id),
        cls=log.EntryClass.DECISION,
        what={
            "finding": str(waiver.finding_id),
            "ground": waiver.ground,
            "until_on": waiver.until_on.isoformat(),
            **what,
        },
    )
