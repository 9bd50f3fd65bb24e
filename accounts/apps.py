"""The accounts app, and the console as the project's admin site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    default = True
    name = "accounts"

    def ready(self) -> None:
        from accounts import schema  # noqa: F401, PLC0415  # registers how the API's schema names our sign-ins


class ConsoleConfig(admin_apps.AdminConfig):
    """Django's admin with our site, which also finds the rooms' `admin` modules."""

    default_site = "accounts.console.Console"
    default = False
