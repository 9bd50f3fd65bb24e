"""Names of this room's log events."""

from __future__ import annotations

CONNECTION_CREATED = "connectors.connection.created"
CONNECTION_CHANGED = "connectors.connection.changed"
TOKEN_ROTATED = "connectors.token.rotated"  # noqa: S105 - the name of an event
AGENT_REGISTERED = "connectors.agent.registered"
AGENT_CHANGED = "connectors.agent.changed"
