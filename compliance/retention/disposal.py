"""The one road on which data leaves: wishes and schedules alike.

What can go wrong: bytes that stay behind a row that says "deleted"; a crash between two stores that cannot change
together; a hold that arrives while we work; a late event that brings everything back.

The principle: decide once, under the call's lock, in one transaction (hold checked there, tombstone written there);
then only go forward, each step provable and repeatable. The `Disposal` row is the job: its step says how far we came,
and whoever finds it goes on.

    begun           decided: artifact `deleting`, tombstone committed, nothing under the key opens any more
    keys_destroyed  the key is gone from the key store, its tombstone lies in the object store too
    bytes_deleted   our bytes are deleted and the store was asked again: absent
    done            every other place is proven absent as well; until then the artifact is deletion debt, and says so

The promise: `deleted` is never written before every location is `confirmed_gone`, and no flag passes the hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs
from compliance.errors import Held, NotFound, Unavailable
from compliance.recordings import access as register
from compliance.recordings import people
from compliance.recordings.operations import erasing
from compliance.recordings.states import ArtifactState
from compliance.retention import debt, events, holds
from compliance.retention.batches import BATCH as BATCH
from compliance.retention.batches import LEAVING, hashes_of, scope_that_ends, tell_requests
from compliance.retention.batches import Begun as Begun
from compliance.retention.batches import begin_artifact_disposal as begin_artifact_disposal
from compliance.retention.batches import carry_out_batch as carry_out_batch
from compliance.retention.batches import open_batch as open_batch
from compliance.retention.grounds import Ground as Ground
from compliance.retention.models import Disposal
from compliance.vault import store


def begin_call_disposal(*, actor: Actor, call_id: UUID, ground: Ground, request_id: UUID | None = None) -> list[UUID]:
    """Decide that a whole call goes, with every artifact and its key. Returns the disposals' ids; asking again returns
    the same.

    Raises Held where a legal hold covers the call, NotFound where it is nobody's.
    """
    access.require(actor, "retention.dispose")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        call = erasing.lock_call(organisation_id, call_id)
        earlier = _disposals_of(organisation_id, call_id)
        if call.state != call.State.ACTIVE:
            return [row.id for row in earlier]
        if holds.held_calls(organisation_id, [call_id]):
            raise Held("A legal hold covers this call")
        rows = [
            _begin(actor, artifact, ground, request_id=request_id, whole_call=True)
            for artifact in erasing.lock_artifacts(organisation_id, call_id)
            if ArtifactState(artifact.state) not in LEAVING
        ]
        scope = register.call_scope(organisation_id, call_id)
        store.begin_destruction(organisation_id, [scope], ground=ground.value, cause=entry_id)
        erasing.mark_call_erasing(call)
        _log_begun(actor, ("call", call_id), ground, request_id, artifacts=len(rows))
        _continue_later(organisation_id, call_id)
    return [row.id for row in [*earlier, *rows]]


def carry_out(*, actor: Actor, disposal_id: UUID) -> Disposal:
    """Go on with one disposal from wherever it stopped. Safe to run twice, and at any time after `begin`."""
    organisation_id = actor.organisation_id
    row = _row(organisation_id, disposal_id)
    if row.step == Disposal.Step.BEGUN:
        with tenancy.scope(organisation_id):
            doomed = scope_that_ends(row)
        if doomed:
            store.carry_out_destruction(organisation_id, doomed)
        _advance(actor, disposal_id, Disposal.Step.BEGUN, Disposal.Step.KEYS_DESTROYED)
    if _row(organisation_id, disposal_id).step == Disposal.Step.KEYS_DESTROYED:
        _delete_bytes(actor, disposal_id)
    return _settle(actor, disposal_id)


def finish_call(*, actor: Actor, call_id: UUID) -> bool:
    """Once our own bytes of every artifact are proven absent, reduce the call to its tombstone. False while something
    is left to do.
    """
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        call = erasing.lock_call(organisation_id, call_id)
        if call.state != call.State.ERASING:
            return call.state == call.State.ERASED
        rows = _disposals_of(organisation_id, call_id)
        if any(row.step in {Disposal.Step.BEGUN, Disposal.Step.KEYS_DESTROYED} for row in rows):
            return False
        erasing.mark_call_erased(call)
        tell_requests(organisation_id, rows)
        log.append(
            actor=actor,
            event=events.CALL_ERASED,
            organisation_id=organisation_id,
            obj=("call", call_id),
            cls=log.EntryClass.DELETE,
            what={"artifacts": len(rows), "in_debt": sum(row.step != Disposal.Step.DONE for row in rows)},
        )
    return True


def erase_subjects(*, actor: Actor, subject_ids: Sequence[UUID], request_id: UUID | None = None) -> list[UUID]:
    """End the keys, identifiers and names of those people who have no active call left; returns them.

    A person with a call that stays (held, for example) keeps the key, because that call cannot be opened without it.
    """
    access.require(actor, "retention.dispose")
    organisation_id = actor.organisation_id
    ended = []
    for subject_id in subject_ids:
        with tenancy.operation(actor) as entry_id:
            if people.calls_of_subjects(organisation_id, [subject_id]):
                continue
            _end_subject(actor, subject_id, request_id, entry_id)
        store.carry_out_destruction(organisation_id, _subject_scope(subject_id))
        ended.append(subject_id)
    return ended


def _end_subject(actor: Actor, subject_id: UUID, request_id: UUID | None, entry_id: UUID) -> None:
    """Once: the tombstone carries the entry of whoever was first, and whoever comes at the same time waits for it."""
    organisation_id, scope, ground = actor.organisation_id, _subject_scope(subject_id), Ground.ERASURE_REQUEST.value
    if store.is_tombstoned(organisation_id, scope):
        return
    (tombstone,) = store.begin_destruction(organisation_id, [scope], ground=ground, cause=entry_id)
    if tombstone.cause != entry_id:
        return
    erasing.forget_subjects(organisation_id, [subject_id])
    erased = log.erase_disclosures(organisation_id=organisation_id, subject_id=subject_id, cause=entry_id)
    log.append(
        actor=actor,
        event=events.SUBJECT_ERASED,
        organisation_id=organisation_id,
        obj=("subject", subject_id),
        cls=log.EntryClass.DELETE,
        why={"request": str(request_id) if request_id else None},
        what={"disclosures": erased.count, "digests": erased.digest},
    )


def _subject_scope(subject_id: UUID) -> store.Scope:
    return store.Scope(store.ScopeKind.SUBJECT, subject_id)


def open_disposals(organisation_id: UUID, object_id: UUID) -> list[UUID]:
    """Disposals of this call or this artifact that are not done, in order."""
    with tenancy.scope(organisation_id):
        rows = Disposal.objects.for_organisation(organisation_id).exclude(step=Disposal.Step.DONE)
        found = rows.filter(Q(call_id=object_id, whole_call=True) | Q(artifact_id=object_id)).order_by("begun_at", "id")
        return list(found.values_list("id", flat=True))


def is_call(organisation_id: UUID, object_id: UUID) -> bool:
    """Whether the id names a call (the same job goes on with calls and with single artifacts)."""
    with tenancy.scope(organisation_id):
        return register.calls(organisation_id).filter(id=object_id).exists()


def disposals_for(organisation_id: UUID, *, call_ids: Sequence[UUID]) -> list[Disposal]:
    """What happened to the artifacts of these calls, in order, for certificates and screens."""
    rows = Disposal.objects.for_organisation(organisation_id).filter(call_id__in=list(call_ids))
    return list(rows.select_related("artifact").order_by("begun_at", "id"))


def _begin(actor: Actor, artifact: Any, ground: Ground, *, request_id: UUID | None, whole_call: bool) -> Disposal:
    debt.keep_addresses(artifact)
    if artifact.state != ArtifactState.DUE:
        erasing.move_artifact(artifact, ArtifactState.DUE)
    erasing.move_artifact(artifact, ArtifactState.DELETING, deletion_ground=ground.value, sealed_source=None)
    return Disposal.objects.create(
        organisation_id=actor.organisation_id,
        artifact=artifact,
        call_id=artifact.call_id,
        request_id=request_id,
        ground=ground.value,
        whole_call=whole_call,
        begun_by=actor.reference,
        sha256=artifact.sha256,
        ciphertext_sha256=artifact.object.ciphertext_sha256 if artifact.object else "",
    )


def _log_begun(actor: Actor, obj: tuple[str, UUID], ground: Ground, request_id: UUID | None, *, artifacts: int) -> None:
    log.append(
        actor=actor,
        event=events.DISPOSAL_BEGUN,
        organisation_id=actor.organisation_id,
        obj=obj,
        cls=log.EntryClass.DECISION,
        why={"ground": ground.value, "request": str(request_id) if request_id else None},
        what={"artifacts": artifacts},
    )


def _continue_later(organisation_id: UUID, object_id: UUID) -> None:
    jobs.enqueue_on_commit("retention.carry_out", organisation_id=organisation_id, object_id=object_id)


def _delete_bytes(actor: Actor, disposal_id: UUID) -> None:
    """Delete our bytes, ask the store again, and only then write down that they are absent."""
    organisation_id = actor.organisation_id
    row = _row(organisation_id, disposal_id)
    sealed = row.artifact.object
    proof = store.delete_bytes(sealed) if sealed is not None else None
    if proof is not None and not proof.absent:
        raise Unavailable("The store still has what it was told to delete", code="store_keeps")
    with tenancy.operation(actor):
        row = _lock(organisation_id, disposal_id)
        if row.step != Disposal.Step.KEYS_DESTROYED:
            return
        if proof is not None:
            what = {
                "place": proof.place,
                "answer": str(proof.answer).lower(),
                "checked_at": proof.checked_at.isoformat(),
            }
            debt.confirm_store_gone(row.artifact, what)
            row.proofs = [*row.proofs, what]
        entry = log.append(
            actor=actor,
            event=events.BYTES_PROVEN_ABSENT,
            organisation_id=organisation_id,
            obj=("artifact", row.artifact_id),
            cls=log.EntryClass.DELETE,
            why={"ground": row.ground, "request": str(row.request_id) if row.request_id else None},
            what=hashes_of(row) | {"had_bytes": proof is not None, "kind": row.artifact.kind},
        )
        row.entries = [*row.entries, str(entry)]
        row.step = Disposal.Step.BYTES_DELETED
        row.save(update_fields=["proofs", "entries", "step"])


def _settle(actor: Actor, disposal_id: UUID) -> Disposal:
    """`done` once every location is confirmed gone; otherwise the platform's copy is asked for and stays debt."""
    organisation_id = actor.organisation_id
    call_id = _row(organisation_id, disposal_id).call_id
    with tenancy.operation(actor):
        if call_id:
            erasing.lock_call(organisation_id, call_id)  # before the rows, as whoever proves a platform's places does
        row = _lock(organisation_id, disposal_id)
        if row.step != Disposal.Step.BYTES_DELETED:
            return row
        if debt.ask_what_is_open(actor, row.artifact):
            return row
        erasing.move_artifact(row.artifact, ArtifactState.DELETED, deleted_at=timezone.now(), due_on=None)
        entry = log.append(
            actor=actor,
            event=events.ARTIFACT_DELETED,
            organisation_id=organisation_id,
            obj=("artifact", row.artifact_id),
            cls=log.EntryClass.DELETE,
            why={"ground": row.ground, "request": str(row.request_id) if row.request_id else None},
            what=hashes_of(row),
        )
        row.entries = [*row.entries, str(entry)]
        row.step = Disposal.Step.DONE
        row.finished_at = timezone.now()
        row.save(update_fields=["entries", "step", "finished_at"])
        tell_requests(organisation_id, [row])
        return row


def _advance(actor: Actor, disposal_id: UUID, start: str, end: str) -> None:
    with tenancy.scope(actor.organisation_id):
        rows = Disposal.objects.for_organisation(actor.organisation_id)
        rows.filter(id=disposal_id, step=start).update(step=end)


def _disposals_of(organisation_id: UUID, call_id: UUID) -> list[Disposal]:
    return list(Disposal.objects.for_organisation(organisation_id).filter(call_id=call_id).order_by("id"))


def _row(organisation_id: UUID, disposal_id: UUID) -> Disposal:
    with tenancy.scope(organisation_id):
        rows = Disposal.objects.for_organisation(organisation_id).select_related("artifact", "artifact__object")
        row = rows.filter(id=disposal_id).first()
    if row is None:
        raise NotFound()
    return row


def _lock(organisation_id: UUID, disposal_id: UUID) -> Disposal:
    rows = Disposal.objects.for_organisation(organisation_id).select_related("artifact")
    return rows.select_for_update(of=("self", "artifact")).get(id=disposal_id)


def is_our_part_done(organisation_id: UUID, object_id: UUID) -> bool:
    """Whether our own copies of a call (or of one artifact) are proven absent, whatever a platform still has to
    confirm.
    """
    with tenancy.scope(organisation_id):
        call = register.calls(organisation_id).filter(id=object_id).first()
        if call is not None:
            return bool(call.state == call.State.ERASED)
        rows = Disposal.objects.for_organisation(organisation_id).filter(artifact_id=object_id)
        return not rows.filter(step__in=[Disposal.Step.BEGUN, Disposal.Step.KEYS_DESTROYED]).exists()
