"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Tables for measuring."""

    name = "tests.bench.apps"
    label = "bench"
    default_auto_field = "django.db.models.BigAutoField"
