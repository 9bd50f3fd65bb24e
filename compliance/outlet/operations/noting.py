"""The entry that every change of an endpoint leaves."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from accounts.actors import Actor
from audit import log


def note(
    actor: Actor,
    event: str,
    endpoint_id: UUID | None,
    what: Mapping[str, str | int | bool | None],
    *,
    cls: log.EntryClass = log.EntryClass.CONFIG,
    **identifying: str | list[str],
) -> None:
    """An entry about an endpoint. An address may hold a key of the receiver's, so it is never in clear."""
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("webhook_endpoint", endpoint_id),
        cls=cls,
        what=what,
        identifying=identifying or None,
    )
