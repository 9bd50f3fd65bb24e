"""The room of platforms: connections, agents, and how to read and fetch what they send."""

from __future__ import annotations

from django.apps import AppConfig


class ConnectorsConfig(AppConfig):
    name = "compliance.connectors"
    label = "connectors"
