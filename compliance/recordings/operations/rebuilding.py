"""Building the whole search index, step by step, from wherever the last one stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from accounts import tenancy
from accounts.actors import Actor
from compliance.recordings import access, search
from compliance.recordings.operations import indexing
from compliance.recordings.operations.indexing import Progress
from compliance.recordings.states import ArtifactKind
from compliance.vault import store


def rebuild(
    *,
    actor: Actor,
    seconds: float = float("inf"),
    is_fresh: bool = False,
    size: int = indexing.BATCH,
    tell: Callable[[Progress], object] = lambda step: None,
) -> bool:
    """Build until the index is whole or the seconds are over; whether it is whole. `tell` hears of every step."""
    indexing.begin_rebuild(actor=actor, is_fresh=is_fresh)
    blinder = store.blinder(actor.organisation_id)
    end = time.monotonic() + seconds
    while True:
        step = indexing.continue_rebuild(actor=actor, blinder=blinder, size=size)
        tell(step)
        if step.is_finished:
            return True
        if time.monotonic() >= end:
            return False


def ask_where_incomplete(organisation_id: UUID) -> bool:
    """Have an index built where a crash has emptied it or nobody goes on with it; whether it was asked for."""
    with tenancy.scope(organisation_id):
        if search.coverage_of(organisation_id).is_complete or not _has_words(organisation_id):
            return False
        indexing.ask_for_rebuild(organisation_id)
    return True


def count_calls(organisation_id: UUID) -> int:
    """How many calls a rebuild looks at, for whoever shows how far it is."""
    with tenancy.scope(organisation_id):
        return access.calls(organisation_id).filter(state="active").count()


def _has_words(organisation_id: UUID) -> bool:
    return access.artifacts(organisation_id).filter(kind=ArtifactKind.TRANSCRIPT.value).exists()
