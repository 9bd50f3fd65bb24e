"""A hash that is told after the recording was stored, compared with what is stored.

SHA-256 is known of every recording. SHA-512 is taken on the way in where it was announced by then; where it is told
later, the recording is read once more. What differs stays, and is shown as disputed.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.recordings import access, events
from compliance.recordings.operations import announcing, erasing, keeping
from compliance.recordings.states import ArtifactState
from compliance.vault import store

DISPUTED = "hash_mismatch"


def compare_hash(*, actor: Actor, artifact_id: UUID) -> bool:
    """Whether what is stored is what was announced; true where there is nothing to compare any more. May run twice.

    Must be called outside a transaction: it may read the whole recording. Raises Unavailable where the store or the
    keys do not answer (try again).
    """
    rights.require(actor, "recordings.register")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        artifact = access.artifact_of(organisation_id, artifact_id)
    told, sealed = artifact.expected_hash, artifact.object
    if not told or sealed is None or artifact.state != ArtifactState.STORED.value:
        return True
    sha512 = sealed.sha512
    if told.startswith("sha512:") and not sha512:
        try:
            sha512 = _sha512(sealed)
        except store.KeyDestroyed:
            return True
    if announcing.agrees(told, sha256=sealed.sha256, sha512=sha512):
        return True
    return _dispute(actor, artifact_id, told)


def _sha512(sealed: store.SealedObject) -> str:
    digest = hashlib.sha512()
    with tenancy.scope(sealed.organisation_id):
        pieces = store.open_stream(sealed)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _dispute(actor: Actor, artifact_id: UUID, told: str) -> bool:
    with tenancy.operation(actor):
        artifact = erasing.lock_artifact(actor.organisation_id, artifact_id)
        if artifact.state != ArtifactState.STORED.value or artifact.expected_hash != told:
            return True
        if artifact.failure_code != DISPUTED:
            artifact.failure_code = DISPUTED
            artifact.save(update_fields=["failure_code"])
            keeping.note(actor, events.ARTIFACT_DISPUTED, artifact)
    return False
