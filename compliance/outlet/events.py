"""Names of this room's log events."""

from __future__ import annotations

ENDPOINT_CREATED = "outlet.endpoint.created"
ENDPOINT_CHANGED = "outlet.endpoint.changed"
ENDPOINT_PAUSED = "outlet.endpoint.paused"
ENDPOINT_RESUMED = "outlet.endpoint.resumed"
ENDPOINT_DISABLED = "outlet.endpoint.disabled"
ENDPOINT_REMOVED = "outlet.endpoint.removed"
ENDPOINT_TESTED = "outlet.endpoint.tested"
SECRET_ROTATED = "outlet.secret.rotated"  # noqa: S105 - the name of an event
MESSAGES_REDELIVERED = "outlet.messages.redelivered"
MESSAGES_MISSED = "outlet.messages.missed"
MESSAGES_PRUNED = "outlet.messages.pruned"
