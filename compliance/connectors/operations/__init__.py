"""Changes of connections and agents."""

from __future__ import annotations

from compliance.connectors.operations.agents import AgentDetails, ensure_agent, register_agent, set_agent
from compliance.connectors.operations.connections import (
    NewConnection,
    create_connection,
    known_provider,
    set_allowed_hosts,
    set_api_host,
    set_connection_governance,
    set_connection_state,
    set_options,
    set_quiet_hours,
)
from compliance.connectors.operations.credentials import set_credential, set_recording_key
from compliance.connectors.operations.health import check_health, count_denial, touch_connection
from compliance.connectors.operations.tokens import TOKEN_OVERLAP, NewAddress, rotate_token, set_webhook_secret

__all__ = [
    "TOKEN_OVERLAP",
    "AgentDetails",
    "NewAddress",
    "NewConnection",
    "check_health",
    "count_denial",
    "create_connection",
    "ensure_agent",
    "known_provider",
    "register_agent",
    "rotate_token",
    "set_agent",
    "set_allowed_hosts",
    "set_api_host",
    "set_connection_governance",
    "set_connection_state",
    "set_credential",
    "set_options",
    "set_quiet_hours",
    "set_recording_key",
    "set_webhook_secret",
    "touch_connection",
]
