"""Export packages as artifacts, so that retention and erasure reach them like everything else. Called inside the
operation that builds one.
"""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from compliance import jobs
from compliance.recordings.models import Artifact, Location
from compliance.recordings.states import ArtifactKind, ArtifactState, LocationState
from compliance.vault import store


def keep_package(organisation_id: UUID, request_id: UUID, sealed: store.SealedObject) -> Artifact:
    """Register a sealed package under its request, in the current transaction. It does not log: the operation around it
    does.
    """
    artifact = Artifact.objects.create(
        organisation_id=organisation_id,
        request_id=request_id,
        kind=ArtifactKind.EXPORT_PACKAGE.value,
        state=ArtifactState.STORED.value,
        object=sealed,
        media_type=sealed.media_type,
        size=sealed.size,
        sha256=sealed.sha256,
        stored_at=timezone.now(),
    )
    Location.objects.create(
        organisation_id=organisation_id,
        artifact=artifact,
        place=Location.Place.STORE,
        name="vault",
        key=sealed.store_key,
        state=LocationState.PRESENT.value,
    )
    jobs.enqueue_on_commit("retention.assign_artifact", organisation_id=organisation_id, object_id=artifact.id)
    return artifact
