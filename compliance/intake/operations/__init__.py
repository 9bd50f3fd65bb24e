"""From a webhook to the register.

What can go wrong: we answer "accepted" and lose it; the platform sends it twice or in another order; the body lies
about in clear; one unreadable delivery stops the rest; or a late one brings an erased call back. So a delivery is
sealed and committed before it is answered, unique by its key, processed by a job that may run twice, quarantined where
it cannot be read, and refused where a tombstone stands.
"""

from __future__ import annotations

from compliance.intake.operations.accepting import Accepted, Unauthenticated, accept_delivery
from compliance.intake.operations.batches import accept_batch_gap, check_batch, check_batches
from compliance.intake.operations.dropping import drop_body
from compliance.intake.operations.processing import process_delivery
from compliance.intake.operations.replaying import Replayed, replay_deliveries, replay_delivery
from compliance.intake.operations.retiring import LOOK_BACK, retire_delivery_keys

__all__ = [
    "LOOK_BACK",
    "Accepted",
    "Replayed",
    "Unauthenticated",
    "accept_batch_gap",
    "accept_delivery",
    "check_batch",
    "check_batches",
    "drop_body",
    "process_delivery",
    "replay_deliveries",
    "replay_delivery",
    "retire_delivery_keys",
]
