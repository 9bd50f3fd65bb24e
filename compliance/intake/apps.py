"""The room where webhooks come in."""

from __future__ import annotations

from django.apps import AppConfig

from compliance import holdings
from compliance.connectors import health


class IntakeConfig(AppConfig):
    name = "compliance.intake"
    label = "intake"

    def ready(self) -> None:
        """Make the room's holding and its counts of connections known."""
        from compliance.intake import access  # noqa: PLC0415 - models can be imported only now
        from compliance.intake.holding import DeliveryHolding  # noqa: PLC0415

        holdings.register(DeliveryHolding())
        health.register(access.counts_of_connections)
