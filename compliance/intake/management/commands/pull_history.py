"""A connection's history at its platform, into the register."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import Refusal
from compliance import jobs
from compliance.intake import access
from compliance.intake.management import operators
from compliance.intake.models import ImportRun
from compliance.intake.operations import pulling

_BETWEEN_LOOKS = 1.0


class Command(BaseCommand):
    help = (
        "Bring in every call that began in a span of time, by the platform's own list. The work is a job: ended here, "
        "a worker goes on; run again, this command shows the import that is running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("connection", metavar="CONNECTION", help="id or name")
        parser.add_argument("--since", type=_moment, required=True, metavar="DATE", help="ISO 8601 date or time, UTC")
        parser.add_argument("--until", type=_moment, default=None, metavar="DATE", help="its end is exclusive; now")
        operators.add_actor(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        actor, connection_id = operators.actor_and_connection(options)
        try:
            run = _running(actor, connection_id) or pulling.start_history_import(
                actor=actor,
                connection_id=connection_id,
                since=options["since"],
                until=options["until"] or timezone.now(),
            )
            with operators.progress() as progress:
                run = _follow(actor, run, progress)
        except Refusal as refusal:
            raise CommandError(f"{refusal.message} {refusal.errors or ''}".strip()) from refusal
        self.stdout.write(operators.told(run))
        if run.state != ImportRun.State.FINISHED:
            raise CommandError("Not finished.", returncode=75)  # EX_TEMPFAIL


def _moment(text: str) -> datetime:
    """A date is its first moment in UTC; a time without zone is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _running(actor: Actor, connection_id: UUID) -> ImportRun | None:
    with tenancy.scope(actor.organisation_id):
        rows = access.imports(actor.organisation_id).filter(connection_id=connection_id, kind="history")
        return rows.filter(state=ImportRun.State.RUNNING).first()


def _follow(actor: Actor, run: ImportRun, progress: Progress) -> ImportRun:
    """Work at the job whenever no worker does, and show how far it came."""
    bar = progress.add_task("calls", total=run.total)
    while run.state == ImportRun.State.RUNNING:
        worked = jobs.run("intake.run_import", run.id)
        with tenancy.scope(actor.organisation_id):
            run = access.import_of(actor.organisation_id, run.id)
        waits = f", waiting: {run.last_code}" if run.last_code else ""
        progress.update(bar, completed=run.seen, total=run.total, description=f"{run.registered} new{waits}")
        if run.state == ImportRun.State.RUNNING and not worked:
            time.sleep(_BETWEEN_LOOKS)
    progress.update(bar, completed=run.seen, total=run.seen)
    return run
