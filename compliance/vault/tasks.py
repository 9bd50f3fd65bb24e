"""The vault's jobs."""

from __future__ import annotations

from uuid import UUID

from compliance import jobs
from compliance.vault import destruction, resealing

FINISH_DESTRUCTION = "vault.finish_destruction"
SWEEP_KEYS = "vault.sweep_keys"
REMOVE_REPLACED = "vault.remove_replaced"
_DAY_SECONDS = 24 * 3600


@jobs.job(FINISH_DESTRUCTION, ladder=(60, 300, 900, 3600))
def finish_destruction(organisation_id: UUID, object_id: UUID) -> None:
    """The safety net of every decision to destroy: carry out what a stopped process left of it. `object_id` is the
    decision's entry.
    """
    if destruction.resume(organisation_id, cause=object_id):
        raise jobs.TryLater("asking_again")


@jobs.job(SWEEP_KEYS)
def sweep_keys(organisation_id: UUID, object_id: UUID) -> None:
    """One organisation's daily sweep: unfinished destructions, and keys made in vain. Comes again by its own row."""
    while destruction.resume(organisation_id) == destruction.BATCH:
        pass
    destruction.sweep_orphans(organisation_id)
    raise jobs.TryLater("comes_daily", seconds=_DAY_SECONDS)


@jobs.job(REMOVE_REPLACED, ladder=(60, 300, 900, 3600))
def remove_replaced(organisation_id: UUID, object_id: UUID) -> None:
    """What a stopped process left of an object that was sealed again: the ciphertext that it had before."""
    resealing.remove_replaced(organisation_id, object_id)
