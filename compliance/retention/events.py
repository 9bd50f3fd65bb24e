"""Names of this room's log events."""

from __future__ import annotations

SCHEDULE_SET = "retention.schedule.set"
DUE_ASSIGNED = "retention.due.assigned"
HOLD_PLACED = "retention.hold.placed"
HOLD_REASON_OPENED = "retention.hold_reason.opened"
HOLD_RELEASE_PROPOSED = "retention.hold.release_proposed"
HOLD_RELEASED = "retention.hold.released"
DISPOSAL_BEGUN = "retention.disposal.begun"
DISPOSAL_REFUSED = "retention.disposal.refused"
BYTES_PROVEN_ABSENT = "retention.bytes.proven_absent"
ARTIFACT_DELETED = "retention.artifact.deleted"
CALL_ERASED = "retention.call.erased"
SUBJECT_ERASED = "retention.subject.erased"
LOCATION_ASKED = "retention.location.asked"
LOCATION_CHECKED = "retention.location.checked"
LOCATION_ATTESTED = "retention.location.attested"
