"""The register's room."""

from __future__ import annotations

from django.apps import AppConfig

from compliance import holdings


class RecordingsConfig(AppConfig):
    name = "compliance.recordings"
    label = "recordings"

    def ready(self) -> None:
        """Make the room's holding known."""
        from compliance.recordings.holding import RegisterHolding  # noqa: PLC0415 - models can be imported only now

        holdings.register(RegisterHolding())
