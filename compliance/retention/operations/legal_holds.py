"""Legal holds: placed by one person, released by two (`releasing`).

A hold covers from its first row on; the list of its calls is written in batches by a job that may stop anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.retention import events, holds
from compliance.retention.holds import HoldQuery
from compliance.retention.models import HoldItem, LegalHold
from compliance.retention.operations import hold_queries
from compliance.vault import store

_NAMED_AT_ONCE = holds.BATCH
"""So many named calls get their items in the transaction that places the hold; more of them follow by the job."""


def place_hold(
    *, actor: Actor, matter: str, reason: str, call_ids: Sequence[UUID] = (), query: HoldQuery | None = None
) -> LegalHold:
    """Forbid disposal of these calls, now and until two people release it. What is already going or gone is told
    truthfully, per call and per artifact.

    Raises Invalid where nothing is named, NotFound for a person, agent or call of somebody else's.
    """
    access.require(actor, "retention.place_hold")
    query = query or HoldQuery(calls=tuple(sorted(set(call_ids))))
    _check_hold(matter, reason)
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        hold_queries.check_query(actor.organisation_id, query)
        hold = LegalHold(organisation_id=organisation_id, matter=matter.strip(), placed_by=actor.reference)
        hold.sealed_reason = store.seal_value(
            organisation_id, _scope(organisation_id), f"retention_legalhold.reason/{hold.id}", reason.encode()
        )
        counts = _place(hold, query)
        what: dict[str, str | int | bool | None] = {**counts} if counts else {"scope": query.scope}
        identifying = {"matter": hold.matter, "reason": reason}
        if query.filter:
            identifying["filter"] = str(query.filter.to_json())
        whose = query.subject or query.agent
        if whose:
            what[query.scope] = str(whose)
        note(actor, events.HOLD_PLACED, hold.id, log.EntryClass.DECISION, what=what, identifying=identifying)
    return hold


def _place(hold: LegalHold, query: HoldQuery) -> dict[str, int]:
    """A few named calls are locked and listed at once; everything else is covered by the query until it is listed."""
    if query.scope == "calls" and len(query.calls) <= _NAMED_AT_ONCE:
        calls = [erasing.lock_call(hold.organisation_id, call_id) for call_id in sorted(query.calls)]
        hold.query = {"scope": "calls", "frozen": True}
        hold.save(force_insert=True)
        return _list_calls(hold, calls)
    hold.query = query.to_json()
    holds.lock(hold.organisation_id, shared=False)
    hold.placed_at = timezone.now()  # after the lock: deletions that had asked before are committed and seen
    hold.save(force_insert=True)
    jobs.enqueue_on_commit("retention.freeze_hold", organisation_id=hold.organisation_id, object_id=hold.id)
    return {}


def add_calls(*, actor: Actor, hold_id: UUID, call_ids: Sequence[UUID]) -> LegalHold:
    """Extend a hold in force to more calls, at most 500 a transaction."""
    access.require(actor, "retention.place_hold")
    wanted = sorted(set(call_ids))
    if not 1 <= len(wanted) <= holds.BATCH:
        raise Invalid("Name the calls", errors={"calls": [f"1 to {holds.BATCH} calls."]})
    with tenancy.operation(actor):
        hold = _lock_in_force(actor, hold_id)
        calls = [erasing.lock_call(actor.organisation_id, call_id) for call_id in wanted]
        known = set(holds.items(actor.organisation_id).filter(hold=hold).values_list("call_id", flat=True))
        counts = _list_calls(hold, [call for call in calls if call.id not in known])
        note(actor, events.HOLD_EXTENDED, hold.id, log.EntryClass.DECISION, what=dict(counts))
    return hold


def freeze_hold(*, actor: Actor, hold_id: UUID) -> bool:
    """List the next 500 calls that a hold's query finds. True while there may be more; a released one lists nothing."""
    access.require(actor, "retention.place_hold")
    with tenancy.operation(actor):
        hold = lock_hold(actor, hold_id)
        if hold.state == LegalHold.State.RELEASED or not holds.asks_by_query(hold):
            return False
        calls = _next_calls(hold)
        counts = _list_calls(hold, calls)
        is_last = len(calls) < holds.BATCH
        _move_on(hold, calls, is_last=is_last)
        if calls:
            note(actor, events.HOLD_EXTENDED, hold.id, log.EntryClass.DECISION, what=dict(counts))
    return not is_last


def _next_calls(hold: LegalHold) -> list[Any]:
    """The next batch, locked, in the order of ids. Calls that later cease to match were meant and are covered: each
    batch asks the query anew, and what it does not find any more has not been promised.
    """
    rows = holds.without_item(hold, holds.covered(hold))
    if hold.query.get("cursor"):
        rows = rows.filter(id__gt=UUID(hold.query["cursor"]))
    ids = list(rows.order_by("id").values_list("id", flat=True)[: holds.BATCH])
    return [erasing.lock_call(hold.organisation_id, call_id) for call_id in ids]


def _move_on(hold: LegalHold, calls: Sequence[Any], *, is_last: bool) -> None:
    query = dict(hold.query)
    if is_last:
        query["frozen"], query["cursor"] = True, ""
        query.pop("calls", None)
    else:
        query["cursor"] = str(calls[-1].id)
    if query != hold.query:
        hold.query = query
        hold.save(update_fields=["query"])


def _list_calls(hold: LegalHold, calls: Sequence[Any]) -> dict[str, int]:
    """Items for these locked calls, with what the hold finds of each artifact; how many calls of each result."""
    by_call: dict[UUID | None, list[Any]] = {call.id: [] for call in calls}
    for artifact in register.artifacts(hold.organisation_id).filter(call_id__in=list(by_call)):
        by_call[artifact.call_id].append(artifact)
    rows = [
        HoldItem(
            organisation_id=hold.organisation_id,
            hold=hold,
            call_id=call.id,
            result=holds.result_of(call),
            artifacts=holds.results_of(call, by_call[call.id]),
        )
        for call in calls
    ]
    HoldItem.objects.bulk_create(rows)
    results = [row.result for row in rows]
    return {name: results.count(name) for name in (holds.HELD, holds.TOO_LATE, holds.GONE)}


def open_reason(*, actor: Actor, hold_id: UUID) -> str:
    """The hold's reason in words; that it was read is an entry."""
    access.require(actor, "retention.read")
    with tenancy.operation(actor):
        hold = hold_for(actor, hold_id)
        note(actor, events.HOLD_REASON_OPENED, hold.id, log.EntryClass.ACCESS)
        label = f"retention_legalhold.reason/{hold.id}"
        return store.open_value(
            actor.organisation_id, _scope(actor.organisation_id), label, bytes(hold.sealed_reason)
        ).decode()


def hold_for(actor: Actor, hold_id: UUID) -> LegalHold:
    """From an outside id to a hold; absent and somebody else's look the same."""
    hold = LegalHold.objects.for_organisation(actor.organisation_id).filter(id=hold_id).first()
    if hold is None:
        raise NotFound()
    return hold


def calls_under(hold: LegalHold) -> list[UUID]:
    """The calls that a hold kept, those included that its query covers and nobody has listed yet."""
    found = set(items_held(hold).values_list("call_id", flat=True))
    if holds.asks_by_query(hold):
        found.update(holds.covered(hold).filter(state="active").values_list("id", flat=True))
    return sorted(found)


def items_held(hold: LegalHold) -> QuerySet[HoldItem]:
    """The lines of what a hold kept."""
    return holds.items(hold.organisation_id).filter(hold=hold, result=holds.HELD)


def _check_hold(matter: str, reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if not 1 <= len(matter.strip()) <= 200:
        errors["matter"] = ["1 to 200 characters."]
    if not 1 <= len(reason.strip()) <= 4000:
        errors["reason"] = ["1 to 4000 characters."]
    if errors:
        raise Invalid("A hold needs a matter, a reason and calls", errors=errors)


def _scope(organisation_id: UUID) -> store.Scope:
    return store.Scope(store.ScopeKind.ORGANISATION, organisation_id)


def lock_hold(actor: Actor, hold_id: UUID) -> LegalHold:
    """The hold, locked. Raises NotFound."""
    hold = LegalHold.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=hold_id).first()
    if hold is None:
        raise NotFound()
    return hold


def _lock_in_force(actor: Actor, hold_id: UUID) -> LegalHold:
    hold = lock_hold(actor, hold_id)
    if hold.state == LegalHold.State.RELEASED:
        raise Conflict("This hold is released")
    return hold


def note(actor: Actor, event: str, hold_id: UUID, cls: log.EntryClass, **parts: Any) -> UUID:
    """An entry about a hold."""
    return log.append(
        actor=actor, event=event, organisation_id=actor.organisation_id, obj=("hold", hold_id), cls=cls, **parts
    )
