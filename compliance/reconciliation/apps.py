"""The reconciliation room: store and platforms against the register, both ways."""

from __future__ import annotations

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "compliance.reconciliation"
