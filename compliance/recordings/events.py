"""Names of this room's log events."""

from __future__ import annotations

CALL_REGISTERED = "recordings.call.registered"
CALL_UPDATED = "recordings.call.updated"
CALL_REFUSED = "recordings.call.refused"
CALL_OPENED = "recordings.call.opened"
ARTIFACT_ANNOUNCED = "recordings.artifact.announced"
ARTIFACT_STORED = "recordings.artifact.stored"
FETCH_BEGUN = "recordings.artifact.fetch_begun"
ARTIFACT_RETRIED = "recordings.artifact.retried"
ARTIFACT_NOT_FETCHED = "recordings.artifact.not_fetched"
ARTIFACT_REFUSED = "recordings.artifact.refused"
ARTIFACT_OPENED = "recordings.artifact.opened"
LINK_ISSUED = "recordings.link.issued"
LINK_REVOKED = "recordings.link.revoked"
