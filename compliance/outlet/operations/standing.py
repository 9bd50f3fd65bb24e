"""News of the room below: a connection's standing changed. It rings by the name of a job, since it may not call up."""

from __future__ import annotations

from uuid import UUID

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connections
from compliance.outlet.operations.announcing import announce_event


def tell_standing(*, actor: Actor, connection_id: UUID) -> None:
    """Announce a connection that needs attention. One that is well again is not told. Raises NotFound."""
    with tenancy.scope(actor.organisation_id):
        connection = connections.connection_of(actor.organisation_id, connection_id)
        if connection.attention:
            announce_event(
                actor=actor,
                type="connection.unhealthy",
                data={
                    "connection_id": connection.id,
                    "platform": connection.platform,
                    "reasons": list(connection.attention),
                },
            )
