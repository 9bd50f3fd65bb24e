"""The room where webhooks come in."""

from __future__ import annotations

from django.apps import AppConfig

from compliance import holdings


class IntakeConfig(AppConfig):
    name = "compliance.intake"
    label = "intake"

    def ready(self) -> None:
        """Make the room's holding known."""
        from compliance.intake.holding import DeliveryHolding  # noqa: PLC0415 - models can be imported only now

        holdings.register(DeliveryHolding())
