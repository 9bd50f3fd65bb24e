"""Start-up checks of what the keys depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from compliance.vault.keyring import LocalKeyring


def keyring_file(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[checks.CheckMessage]:
    """A keyring that others can read, or that is no keyring, stops the start; one that is not there yet is said."""
    path = Path(settings.KEYRING_FILE)
    if settings.PROFILE == "tool":
        return []  # commands that open nothing
    if not path.exists():
        return [checks.Warning("There is no keyring file yet.", hint="manage.py create_keyring", id="vault.W001")]
    finding = LocalKeyring(path).why_unusable()
    if finding is None:
        return []
    return [checks.Error(f"The keyring file cannot be used: {finding}.", id="vault.E001")]
