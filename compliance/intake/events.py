"""Names of this room's log events."""

from __future__ import annotations

DELIVERY_ACCEPTED = "intake.delivery.accepted"
DELIVERY_DENIED = "intake.delivery.denied"
DELIVERY_PROCESSED = "intake.delivery.processed"
DELIVERY_QUARANTINED = "intake.delivery.quarantined"
DELIVERY_REFUSED = "intake.delivery.refused"
DELIVERY_IGNORED = "intake.delivery.ignored"
DELIVERY_REPLAYED = "intake.delivery.replayed"
KEYS_RETIRED = "intake.delivery_keys.retired"
