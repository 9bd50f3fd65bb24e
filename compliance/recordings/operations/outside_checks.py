"""Outside checks: sealed objects with their data keys for somebody who does not want to take our word.

What can go wrong: one person alone carries the keys away; more leaves than was approved; a key leaves twice, or after
its call was erased. So only owners propose, another owner approves the very list that was proposed, a day is all the
time there is, and every step is an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Gone, Invalid, NotFound, OwnProposal
from compliance.recordings import access, events, purposes
from compliance.recordings.models import Artifact, Call, OutsideCheck
from compliance.recordings.operations import downloads, links

MOST_CALLS = 100
MOST_OBJECTS = 500
LIFETIME = timedelta(hours=24)
PROPOSE, APPROVE = "recordings.propose_outside_check", "recordings.approve_outside_check"
_State = OutsideCheck.State


def propose_outside_check(
    *, actor: Actor, purpose: str, call_ids: Sequence[UUID] = (), artifact_ids: Sequence[UUID] = ()
) -> OutsideCheck:
    """Fix what an outside check would get: everything readable of these calls, or these artifacts.

    Raises NotFound where a call is nobody's or an artifact cannot be read now, Invalid where nothing or too much is
    meant.
    """
    rights.require(actor, PROPOSE)
    purpose = links.stated_purpose(actor, purpose)
    with tenancy.operation(actor):
        ids = _chosen(actor.organisation_id, set(call_ids), set(artifact_ids))
        row = OutsideCheck.objects.create(
            organisation_id=actor.organisation_id,
            purpose=purpose,
            artifact_ids=ids,
            proposed_by=actor.reference,
            expires_at=timezone.now() + LIFETIME,
        )
        note(actor, events.OUTSIDE_CHECK_PROPOSED, row)
    return row


def approve_outside_check(*, actor: Actor, check_id: UUID) -> OutsideCheck:
    """The second owner's half: the proposer may fetch it, until its day is over."""
    rights.require(actor, APPROVE)
    return _decide(actor, check_id, _State.APPROVED, events.OUTSIDE_CHECK_APPROVED)


def refuse_outside_check(*, actor: Actor, check_id: UUID) -> OutsideCheck:
    """The second owner's no. Who proposed it withdraws it."""
    rights.require(actor, APPROVE)
    return _decide(actor, check_id, _State.REFUSED, events.OUTSIDE_CHECK_REFUSED)


def withdraw_outside_check(*, actor: Actor, check_id: UUID) -> OutsideCheck:
    """End a check from which no key has left: by any owner, also while its archive is on its way."""
    rights.require(actor, PROPOSE)
    with tenancy.operation(actor):
        row = lock_check(actor.organisation_id, check_id, _State.PROPOSED, _State.APPROVED)
        row.state = _State.WITHDRAWN
        row.save(update_fields=["state"])
        note(actor, events.OUTSIDE_CHECK_WITHDRAWN, row)
    return row


def expire_outside_checks(*, actor: Actor, now: datetime) -> int:
    """Mark what nobody fetched in its day; how many. Their time is over without this mark, too."""
    rights.require(actor, PROPOSE)
    with tenancy.operation(actor):
        rows = OutsideCheck.objects.for_organisation(actor.organisation_id).select_for_update(skip_locked=True)
        ended = list(rows.filter(state__in=[_State.PROPOSED, _State.APPROVED], expires_at__lte=now)[:MOST_OBJECTS])
        for row in ended:
            row.state = _State.EXPIRED
            row.save(update_fields=["state"])
            note(actor, events.OUTSIDE_CHECK_EXPIRED, row)
    return len(ended)


def outside_checks(actor: Actor) -> QuerySet[OutsideCheck]:
    """The organisation's outside checks, newest first, for its owners."""
    rights.require(actor, PROPOSE)
    return OutsideCheck.objects.for_organisation(actor.organisation_id)


def lock_check(organisation_id: UUID, check_id: UUID, *states: str) -> OutsideCheck:
    """A check in one of these states, locked until the end of the transaction. Raises NotFound, Conflict."""
    rows = OutsideCheck.objects.for_organisation(organisation_id).select_for_update()
    row: OutsideCheck | None = rows.filter(id=check_id).first()
    if row is None:
        raise NotFound()
    if row.state not in states:
        raise Conflict("This check is not waiting for that", code="already_decided")
    return row


def refuse_late(row: OutsideCheck) -> None:
    """Raise Gone once a check's day is over."""
    if timezone.now() >= row.expires_at:
        raise Gone("The time of this check is over: propose a new one", code="check_over")


def note(actor: Actor, event: str, row: OutsideCheck, **what: str | int) -> None:
    """The entry of a step: how many objects are meant, and a digest of the list, so that it cannot be another one."""
    listed = sha256("\n".join(map(str, row.artifact_ids)).encode()).hexdigest()
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("outside_check", row.id),
        cls=log.EntryClass.DECISION,
        why={"purpose": purposes.code_of(row.purpose)},
        what={"objects": len(row.artifact_ids), "list_sha256": listed, **what},
        identifying={"purpose": row.purpose},
    )


def _decide(actor: Actor, check_id: UUID, to: str, event: str) -> OutsideCheck:
    with tenancy.operation(actor):
        row = lock_check(actor.organisation_id, check_id, _State.PROPOSED)
        if row.proposed_by == actor.reference:
            raise OwnProposal()
        refuse_late(row)
        row.state, row.decided_by, row.decided_at = to, actor.reference, timezone.now()
        row.save(update_fields=["state", "decided_by", "decided_at"])
        note(actor, event, row)
    return row


def _chosen(organisation_id: UUID, call_ids: set[UUID], artifact_ids: set[UUID]) -> list[UUID]:
    """The artifacts that are meant, in the order of their calls."""
    if bool(call_ids) == bool(artifact_ids) or len(call_ids) > MOST_CALLS:
        raise Invalid(f"Name up to {MOST_CALLS} calls, or artifacts", code="calls_or_artifacts")
    rows = _readable(organisation_id)
    if call_ids:
        if access.calls(organisation_id).filter(id__in=call_ids).count() != len(call_ids):
            raise NotFound()
        rows = rows.filter(call__in=call_ids)
    else:
        rows = rows.filter(id__in=artifact_ids)
    ids = list(rows.values_list("id", flat=True)[: MOST_OBJECTS + 1])
    if artifact_ids and len(ids) != len(artifact_ids):
        raise NotFound()
    if not ids:
        raise Invalid("Nothing of these calls can be read", code="nothing_chosen")
    if len(ids) > MOST_OBJECTS:
        raise Invalid(f"More than {MOST_OBJECTS} objects: choose fewer calls", code="too_many")
    return ids


def _readable(organisation_id: UUID) -> QuerySet[Artifact]:
    rows = access.artifacts(organisation_id).filter(state__in=access.READABLE, object__isnull=False)
    return rows.filter(kind__in=downloads.KINDS, call__state=Call.State.ACTIVE).order_by("call_id", "id")
