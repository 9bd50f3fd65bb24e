"""Start-up checks of what the keys depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from compliance.vault import key_services
from compliance.vault.keyring import LocalKeyring


def keyring_file(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """A keyring that others can read, or that is no keyring, stops the start, and so does an address of no key service;
    a keyring that is not there yet is said.
    """
    if settings.PROFILE == "tool":
        return []  # commands that open nothing
    try:
        names = key_services.names()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="vault.E002")]
    if LocalKeyring.name not in names:
        return []
    path = Path(settings.KEYRING_FILE)
    if not path.exists():
        return [checks.Warning("There is no keyring file yet.", hint="manage.py create_keyring", id="vault.W001")]
    finding = LocalKeyring(path).why_unusable()
    if finding is None:
        return []
    return [checks.Error(f"The keyring file cannot be used: {finding}.", id="vault.E001")]
