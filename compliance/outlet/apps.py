"""The room of webhooks that go out."""

from __future__ import annotations

from django.apps import AppConfig


class OutletConfig(AppConfig):
    name = "compliance.outlet"
    label = "outlet"
