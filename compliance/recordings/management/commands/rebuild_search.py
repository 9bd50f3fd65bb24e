"""Builds the search index over sealed transcripts: after a crash, a failover or a restore, in which it is lost.

The worker does the same by itself within minutes; this shows how far it is. Stopped and run again, it goes on where it
stopped. Exit 0 where every index is whole, 75 (EX_TEMPFAIL) where a key service or store does not answer.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts import routing
from accounts.actors import Actor
from compliance.errors import Unavailable
from compliance.recordings.operations import rebuilding
from compliance.recordings.operations.indexing import Progress as Step

_LATER = 75


class Command(BaseCommand):
    help = "Builds the search index over sealed transcripts. Run again, it goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", type=UUID, help="only this one")
        parser.add_argument("--fresh", action="store_true", help="forget what is indexed and begin anew")

    def handle(self, *args: Any, **options: Any) -> None:
        known = routing.organisations()
        wanted = [options["organisation"]] if options["organisation"] else known
        if any(organisation_id not in known for organisation_id in wanted):
            raise CommandError("There is no such organisation", returncode=64)
        try:
            for organisation_id in wanted:
                self._rebuild(organisation_id, is_fresh=options["fresh"])
        except Unavailable as refusal:
            self.stderr.write(refusal.message)
            sys.exit(_LATER)

    def _rebuild(self, organisation_id: UUID, *, is_fresh: bool) -> None:
        indexed = 0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            bar = progress.add_task(str(organisation_id), total=rebuilding.count_calls(organisation_id))

            def tell(step: Step) -> None:
                nonlocal indexed
                indexed += step.indexed
                progress.update(bar, advance=step.looked_at)

            rebuilding.rebuild(actor=Actor.system(organisation_id), is_fresh=is_fresh, tell=tell)
        self.stdout.write(f"{organisation_id}: the index is whole; {indexed} calls were indexed now.")
