"""Replaces keys: `--kms` has the current key service guard every organisation key, `--organisation` makes a new
organisation key and wraps all others of it anew, `--object` seals one object again under a new data key. Nothing but
that one object is rewritten; the service may run meanwhile.

Stopped and run again, it goes on where it stopped. Exit 0 when it is done, 75 (EX_TEMPFAIL) where a key service does
not answer.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance.errors import Conflict, NotFound, Unavailable
from compliance.recordings.operations import resealing
from compliance.vault import rotating, store
from compliance.vault.errors import KeyDestroyed, Unreadable
from compliance.vault.rotating import Step

_LATER = 75


class Command(BaseCommand):
    help = "Replaces keys. Run again, it goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--kms", action="store_true", help="after a new key of the key service, or a new service")
        what.add_argument("--organisation", type=UUID, metavar="ID", help="a new key for this organisation")
        what.add_argument("--object", type=UUID, metavar="ID", help="a new data key and new bytes for this object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["kms"]:
                self._rotate_wraps()
            elif options["organisation"]:
                self._rotate_root(options["organisation"])
            else:
                self._reseal(options["object"])
        except Unavailable as refusal:
            self.stderr.write(refusal.message)
            sys.exit(_LATER)

    def _rotate_wraps(self) -> None:
        known = [*routing.organisations(), tenancy.DEPLOYMENT_ID]
        renewed = 0
        with _progress() as progress:
            for organisation_id in progress.track(known, description="key service"):
                renewed += rotating.rotate_wraps(actor=Actor.system(organisation_id))
        self.stdout.write(f"{renewed} organisation keys were wrapped anew, of {len(known)} looked at.")

    def _rotate_root(self, organisation_id: UUID) -> None:
        if organisation_id not in routing.organisations():
            raise CommandError("There is no such organisation", returncode=64)
        with _progress() as progress:
            bar = progress.add_task("keys", total=None)

            def tell(step: Step) -> None:
                progress.update(bar, completed=step.done, total=step.done + step.left)

            done = rotating.rotate_root(actor=Actor.system(organisation_id), tell=tell)
        self.stdout.write(f"{organisation_id}: {done} keys lie under a new organisation key; the old one is deleted.")

    def _reseal(self, object_id: UUID) -> None:
        organisation_id = _find(object_id)
        if organisation_id is None:
            raise CommandError("There is no such object", returncode=64)
        try:
            resealing.reseal_object(actor=Actor.system(organisation_id), object_id=object_id)
        except (KeyDestroyed, Conflict, Unreadable) as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(f"{object_id}: sealed again under a new data key; the old bytes are removed.")


def _find(object_id: UUID) -> UUID | None:
    """Whose object it is."""
    for organisation_id in routing.organisations():
        with suppress(NotFound):
            store.sealed_object(organisation_id, object_id)
            return organisation_id
    return None


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
