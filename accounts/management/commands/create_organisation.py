"""The first owner of a production installation, with a one-time sign-in link."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import operations, signin
from accounts.errors import Refusal


class Command(BaseCommand):
    help = "Create an organisation and its first owner; prints a sign-in link that works once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--owner", metavar="EMAIL", required=True)
        parser.add_argument("--country", default="DE", help="ISO 3166 place of establishment (default: DE)")

    def handle(self, *args: Any, **options: Any) -> None:
        new = operations.NewOrganisation(options["name"], options["owner"], country=options["country"])
        try:
            with transaction.atomic():
                organisation, owner = operations.create_organisation(new=new)
                if settings.PROFILE in {"embedded", "test"}:
                    _remember(settings.VAR_DIR, organisation.id)
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.errors or ''}".strip()) from refusal
        self.stdout.write(f"Organisation {organisation.name}: {organisation.id}")
        self.stdout.write(
            f"Sign-in link for {owner.email}, works once: {signin.one_time_link(owner, settings.PUBLIC_URL)}"
        )


def _remember(var: Path, organisation_id: UUID) -> None:
    """In the list that `make clean` reads before it removes `var/`: its recordings and keys exist nowhere else."""
    with (var / "organisations").open("a") as file:
        file.write(f"{organisation_id}\n")
