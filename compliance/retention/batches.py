"""Many artifacts at a time on the one road: the same decisions, proofs and entries as for one, in a few statements.

What can go wrong: speed that skips a check. So a batch differs from the single way in its statements only: every call
and artifact is locked (calls first, in order of id), holds are asked inside that transaction, each item has its own
row, its own proof and its own entries, and a step is written only after what it says was proven for that item.

A batch is at most 500 items a transaction. What stops in between is found again by its step, as with single ones.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState, LocationState
from compliance.retention import debt, events, holds
from compliance.retention.grounds import Ground
from compliance.retention.models import Disposal
from compliance.vault import store

BATCH = 500
LEAVING = frozenset(
    {ArtifactState.DELETED, ArtifactState.DELETING, ArtifactState.DELETE_FAILED, ArtifactState.NEVER_RECORDED}
)
_SAVE = """
    UPDATE retention_disposal AS row
       SET proofs = new.proofs::jsonb, entries = new.entries::jsonb, step = new.step, finished_at = new.finished_at
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
           AS new(id, proofs, entries, step, finished_at)
     WHERE row.id = new.id AND row.organisation_id = %s
"""
_OURS = (Disposal.Step.BEGUN, Disposal.Step.KEYS_DESTROYED)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a batch decided: what leaves, and what a hold keeps."""

    disposals: list[UUID]
    held: list[UUID]


def begin_artifact_disposal(
    *, actor: Actor, artifact_ids: Sequence[UUID], ground: Ground, request_id: UUID | None = None
) -> Begun:
    """Decide that single artifacts go (a schedule's end) while their calls stay. At most 500 a transaction, each locked
    and checked.
    """
    access.require(actor, "retention.dispose")
    if len(artifact_ids) > BATCH:
        raise ValueError(f"at most {BATCH} artifacts a transaction")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        artifacts = erasing.lock_batch(organisation_id, artifact_ids)
        held = holds.held_calls(organisation_id, {artifact.call_id for artifact in artifacts if artifact.call_id})
        here = [artifact for artifact in artifacts if ArtifactState(artifact.state) not in LEAVING]
        kept = [artifact for artifact in here if artifact.call_id in held]
        going = [artifact for artifact in here if artifact.call_id not in held]
        _hold_back(actor, [artifact for artifact in kept if artifact.state != ArtifactState.HELD])
        rows = _begin(actor, going, ground, request_id)
        if rows:
            jobs.enqueue_on_commit(
                "retention.carry_out_batches", organisation_id=organisation_id, object_id=organisation_id
            )
    return Begun([row.id for row in rows], [artifact.id for artifact in kept])


def open_batch(organisation_id: UUID, after: UUID | None = None) -> list[UUID]:
    """Disposals of single artifacts whose bytes are not proven absent yet, in order, at most 500."""
    with tenancy.scope(organisation_id):
        rows = Disposal.objects.for_organisation(organisation_id).filter(whole_call=False, step__in=_OURS)
        rows = rows.filter(id__gt=after) if after else rows
        return list(rows.order_by("id").values_list("id", flat=True)[:BATCH])


def carry_out_batch(*, actor: Actor, disposal_ids: Sequence[UUID]) -> list[UUID]:
    """Go on with disposals of single artifacts from wherever they stopped; those whose bytes the store did not let go.

    Safe to run twice. Keys that end with a package go first, one by one.
    """
    organisation_id = actor.organisation_id
    rows = _rows(organisation_id, disposal_ids)
    for row in rows:
        scope = scope_that_ends(row) if row.step == Disposal.Step.BEGUN else None
        if scope is not None:
            store.carry_out_destruction(organisation_id, scope)
    with tenancy.scope(organisation_id):
        begun = Disposal.objects.for_organisation(organisation_id).filter(id__in=[row.id for row in rows])
        begun.filter(step=Disposal.Step.BEGUN).update(step=Disposal.Step.KEYS_DESTROYED)
    objects = [row.artifact.object for row in rows if row.artifact.object is not None]
    proofs = store.delete_many(objects)
    refused = {object_id for object_id, proof in proofs.items() if not proof.absent}
    ready = [row for row in rows if row.artifact.object_id not in refused]
    _write_down(actor, [row.id for row in ready], proofs)
    return [row.id for row in rows if row.artifact.object_id in refused]


def scope_that_ends(row: Disposal) -> store.Scope | None:
    """The key that goes with a disposal: the call's with a whole call, a package's own with the package; a part of a
    call has none.
    """
    if row.whole_call and row.call_id:
        return register.call_scope(row.organisation_id, row.call_id)
    sealed = row.artifact.object
    return sealed.scope if sealed and sealed.scope.kind is store.ScopeKind.EXPORT else None


def hashes_of(row: Disposal) -> dict[str, str | bool | None]:
    """What identifies the bytes for ever."""
    return {"sha256": row.sha256 or None, "ciphertext_sha256": row.ciphertext_sha256 or None}


def why_of(row: Disposal) -> dict[str, str | None]:
    """On what ground, and for whose request."""
    return {"ground": row.ground, "request": str(row.request_id) if row.request_id else None}


def tell_requests(organisation_id: UUID, rows: Sequence[Disposal]) -> None:
    """The requests that wait for these disposals look again at once, not at their next hour."""
    for request_id in sorted({row.request_id for row in rows if row.request_id}):
        jobs.enqueue_on_commit("dsr.fulfil_request", organisation_id=organisation_id, object_id=request_id)


# --- deciding ---------------------------------------------------------------------------------------------------------


def _begin(actor: Actor, artifacts: list[Any], ground: Ground, request_id: UUID | None) -> list[Disposal]:
    organisation_id = actor.organisation_id
    upstream = register.locations(organisation_id).filter(artifact_id__in=[artifact.id for artifact in artifacts])
    elsewhere = set(upstream.exclude(place="store").values_list("artifact_id", flat=True))
    for artifact in artifacts:
        if artifact.id in elsewhere:
            debt.keep_addresses(artifact)
    erasing.move_batch([one for one in artifacts if one.state != ArtifactState.DUE], ArtifactState.DUE)
    erasing.move_batch(artifacts, ArtifactState.DELETING, deletion_ground=ground.value, sealed_source=None)
    rows = [
        Disposal(
            organisation_id=organisation_id,
            artifact=artifact,
            call_id=artifact.call_id,
            request_id=request_id,
            ground=ground.value,
            begun_by=actor.reference,
            sha256=artifact.sha256,
            ciphertext_sha256=artifact.object.ciphertext_sha256 if artifact.object else "",
        )
        for artifact in artifacts
    ]
    Disposal.objects.bulk_create(rows)
    for row in rows:
        entry_id = _note(actor, events.DISPOSAL_BEGUN, row, log.EntryClass.DECISION, {"artifacts": 1})
        scope = scope_that_ends(row)
        if scope is not None:
            store.begin_destruction(organisation_id, [scope], ground=ground.value, cause=entry_id)
    return rows


def _hold_back(actor: Actor, artifacts: list[Any]) -> None:
    erasing.move_batch([one for one in artifacts if one.state != ArtifactState.DUE], ArtifactState.DUE)
    erasing.move_batch(artifacts, ArtifactState.HELD)
    for artifact in artifacts:
        log.append(
            actor=actor,
            event=events.DISPOSAL_REFUSED,
            organisation_id=actor.organisation_id,
            obj=("artifact", artifact.id),
            cls=log.EntryClass.DECISION,
            outcome="held",
        )


# --- proving ----------------------------------------------------------------------------------------------------------


def _write_down(actor: Actor, disposal_ids: Sequence[UUID], proofs: dict[UUID, store.Proof]) -> None:
    """The proofs of a batch, and the end of those of which nothing lies elsewhere; one entry an item and step."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        rows = [row for row in _lock(organisation_id, disposal_ids) if row.step == Disposal.Step.KEYS_DESTROYED]
        places = defaultdict(list)
        for location in register.locations(organisation_id).filter(artifact_id__in=[row.artifact_id for row in rows]):
            places[location.artifact_id].append(location)
        confirmed = []
        for row in rows:
            proof = proofs.get(row.artifact.object_id) if row.artifact.object_id else None
            confirmed += _prove(actor, row, places[row.artifact_id], proof)
        erasing.note_batch(confirmed)
        done = [row for row in rows if all(_is_gone(place) for place in places[row.artifact_id])]
        for row in rows:
            if not all(_is_gone(place) for place in places[row.artifact_id]):
                debt.ask_what_is_open(actor, row.artifact)
        _end(actor, done)
        _save(organisation_id, rows)
        tell_requests(organisation_id, rows)


def _prove(actor: Actor, row: Disposal, places: list[Any], proof: store.Proof | None) -> list[Any]:
    """The entry of one item's absence; its places in our store that are empty now, changed and not saved."""
    confirmed = []
    if proof is not None:
        what = {"place": proof.place, "answer": proof.answer, "checked_at": proof.checked_at.isoformat()}
        for place in places:
            if place.place == place.Place.STORE:
                erasing.find_location(place, LocationState.CONFIRMED_GONE, proof=what, checked_at=proof.checked_at)
                confirmed.append(place)
        row.proofs = [*row.proofs, what]
    what_went = hashes_of(row) | {"had_bytes": proof is not None, "kind": row.artifact.kind}
    entry = _note(actor, events.BYTES_PROVEN_ABSENT, row, log.EntryClass.DELETE, what_went)
    row.entries = [*row.entries, str(entry)]
    row.step = Disposal.Step.BYTES_DELETED
    return confirmed


def _end(actor: Actor, rows: list[Disposal]) -> None:
    now = timezone.now()
    erasing.move_batch([row.artifact for row in rows], ArtifactState.DELETED, deleted_at=now, due_on=None)
    for row in rows:
        entry = _note(actor, events.ARTIFACT_DELETED, row, log.EntryClass.DELETE, hashes_of(row))
        row.entries = [*row.entries, str(entry)]
        row.step, row.finished_at = Disposal.Step.DONE, now


def _save(organisation_id: UUID, rows: list[Disposal]) -> None:
    """Each row its own values, in one statement: Django's own way costs more than everything else of a batch."""
    values: list[Any] = [
        [row.id for row in rows],
        [json.dumps(row.proofs) for row in rows],
        [json.dumps(row.entries) for row in rows],
        [str(row.step) for row in rows],
        [row.finished_at for row in rows],
        organisation_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, values)


def _is_gone(place: Any) -> bool:
    return bool(place.state == LocationState.CONFIRMED_GONE)


def _rows(organisation_id: UUID, disposal_ids: Sequence[UUID]) -> list[Disposal]:
    with tenancy.scope(organisation_id):
        rows = Disposal.objects.for_organisation(organisation_id).filter(id__in=disposal_ids, step__in=_OURS)
        return list(rows.filter(whole_call=False).select_related("artifact__object").order_by("id"))


def _lock(organisation_id: UUID, disposal_ids: Sequence[UUID]) -> list[Disposal]:
    rows = Disposal.objects.for_organisation(organisation_id).filter(id__in=disposal_ids)
    found = rows.select_related("artifact").select_for_update(of=("self", "artifact"))
    return list(found.order_by("artifact__call_id", "artifact_id"))


def _note(actor: Actor, event: str, row: Disposal, cls: log.EntryClass, what: dict[str, Any]) -> UUID:
    return log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("artifact", row.artifact_id),
        cls=cls,
        why=why_of(row),
        what=what,
    )
