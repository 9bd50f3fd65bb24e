"""`manage.py create_keyring`: the first keyring file, or one more key in it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from compliance.vault import keyring


class Command(BaseCommand):
    """Makes the file that KEYRING_FILE names, readable by its owner alone."""

    help = "Create the keyring file (KEYRING_FILE). An existing file is never written over."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-missing", action="store_true", help="end well where the file exists")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.KEYRING_FILE)
        try:
            keyring.create_keyring(path)
        except FileExistsError:
            if not options["if_missing"]:
                raise CommandError(f"{path} exists") from None
        else:
            self.stdout.write(f"{path} created. Keep a copy away from the backups of both databases.")
