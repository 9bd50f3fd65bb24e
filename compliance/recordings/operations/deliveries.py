"""Raw webhook bodies as artifacts, so that retention, holds and erasure cover them like everything else."""

from __future__ import annotations

from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.errors import Conflict, Gone
from compliance.recordings import access, events
from compliance.recordings.models import Artifact, Call
from compliance.recordings.operations import erasing, keeping
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState
from compliance.vault import store

BODY = "application/octet-stream"


def keep_delivery(*, actor: Actor, call_id: UUID, delivery_id: UUID, body: bytes) -> Artifact:
    """Seal a body under the call that it speaks of: in a row, or in the store where it is large because sound is in it.
    Raises Gone for an erased call.
    """
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        call = erasing.lock_call(actor.organisation_id, call_id)
        if call.state != Call.State.ACTIVE:
            raise Gone("This call was erased", code="call_erased")
        sealed = keeping.sealed_document(
            actor.organisation_id,
            access.call_scope(actor.organisation_id, call_id),
            store.ObjectKind.DELIVERY,
            body,
            media_type=BODY,
        )
        artifact = keeping.store_artifact(call, ArtifactKind.DELIVERY, sealed, variant=delivery_id.hex)
        keeping.note(actor, events.ARTIFACT_STORED, artifact, delivery=str(delivery_id))
        jobs.enqueue_on_commit("retention.assign", organisation_id=actor.organisation_id, object_id=call_id)
    return artifact


def keep_unclaimed_delivery(
    *, actor: Actor, delivery_id: UUID, sealed: store.SealedObject, state: ArtifactState
) -> Artifact:
    """Register a body that speaks of no call we know.

    It stays sealed where it is, and expires like the rest. Idempotent.
    """
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        rows = Artifact.objects.for_organisation(actor.organisation_id)
        known: Artifact | None = rows.filter(
            call=None, kind=ArtifactKind.DELIVERY.value, variant=delivery_id.hex
        ).first()
        if known is not None:
            return known
        artifact: Artifact = Artifact.objects.create(
            organisation_id=actor.organisation_id,
            kind=ArtifactKind.DELIVERY.value,
            variant=delivery_id.hex,
            state=state.value,
            object=sealed,
            media_type=sealed.media_type,
            size=sealed.size,
            sha256=sealed.sha256,
            stored_at=sealed.created_at,
        )
        keeping.locate_in_store(artifact, sealed)
        keeping.note(actor, events.ARTIFACT_STORED, artifact, delivery=str(delivery_id))
        jobs.enqueue_on_commit(
            "retention.assign_artifact", organisation_id=actor.organisation_id, object_id=artifact.id
        )
    return artifact


def close_unclaimed_delivery(*, organisation_id: UUID, delivery_id: UUID) -> bool:
    """After the body was sealed under its call, or refused: what was registered without a call is gone.

    True where there was one.
    """
    rows = Artifact.objects.for_organisation(organisation_id).select_for_update(of=("self",)).select_related("object")
    artifact = rows.filter(call=None, kind=ArtifactKind.DELIVERY.value, variant=delivery_id.hex).first()
    if artifact is None or artifact.object is None or artifact.state == ArtifactState.DELETED.value:
        return False
    proof = store.prove_absent(artifact.object)
    if not proof.absent:
        raise Conflict("The body is still there", code="not_absent")
    for place in access.locations_of(organisation_id, artifact.id):
        told = {"answer": proof.answer, "at": proof.checked_at.isoformat()}
        erasing.note_location(place, LocationState.CONFIRMED_GONE, proof=told, checked_at=proof.checked_at)
    for state in (ArtifactState.DUE, ArtifactState.DELETING):
        erasing.move_artifact(artifact, state)
    erasing.move_artifact(artifact, ArtifactState.DELETED, deleted_at=proof.checked_at, deletion_ground="sealed_again")
    return True
