"""The dsr room."""

from __future__ import annotations

from django.apps import AppConfig


class DsrConfig(AppConfig):
    name = "compliance.dsr"
