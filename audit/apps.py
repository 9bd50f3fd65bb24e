"""The audit log as a Django app. It lies below accounts and compliance and knows neither."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    label = "audit"
    verbose_name = "Audit log"
