"""Console: connections to platforms, and the agents that call through them."""

from __future__ import annotations

from compliance.connectors.admin.agents import AgentAdmin
from compliance.connectors.admin.connections import ConnectionAdmin, figures

__all__ = ["AgentAdmin", "ConnectionAdmin", "figures"]
