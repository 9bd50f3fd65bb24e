"""Compares store and register now, to the end, and says what was found.

Exit 0 where everything agrees, 1 where something does not, 2 where a run stopped because it found too much of one kind,
75 (EX_TEMPFAIL) where a store does not answer: the run then goes on by itself later.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from celery import current_app
from django.core.management.base import BaseCommand, CommandError

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.errors import Conflict
from compliance.reconciliation import access, operations, representations

_AGREES, _FOUND, _STOPPED, _LATER = 0, 1, 2, 75
_WAIT_SECONDS = 0.5


class Command(BaseCommand):
    help = "Compares the store with the register, both ways. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", type=UUID, help="only this one")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        current_app.loader.import_default_modules()
        known = routing.organisations()
        wanted = [options["organisation"]] if options["organisation"] else known
        if any(organisation_id not in known for organisation_id in wanted):
            raise CommandError("There is no such organisation", returncode=64)
        code = max((self._reconcile(one, as_json=options["json"]) for one in wanted), default=_AGREES)
        if code:
            raise SystemExit(code)

    def _reconcile(self, organisation_id: UUID, *, as_json: bool) -> int:
        row = _run_to_end(organisation_id)
        if as_json:
            self.stdout.write(
                json.dumps({"organisation": str(organisation_id), **representations.run(row)}, default=str)
            )
        else:
            found = ", ".join(f"{kind} {count}" for kind, count in row.counts.items()) or "nothing to report"
            self.stdout.write(
                f"{organisation_id}: {row.state}, {row.objects_seen} objects, {row.rows_seen} rows: {found}"
            )
        if row.state == row.State.STOPPED:
            return _STOPPED
        if row.state == row.State.RUNNING:
            return _LATER
        return _FOUND if row.counts else _AGREES


def _run_to_end(organisation_id: UUID) -> Any:
    """Start a run, or join the one under way, and work until it ends or has to wait. The lease keeps workers apart."""
    actor = Actor.system(organisation_id)
    try:
        run_id = operations.start_run(actor=actor).id
    except Conflict:
        with tenancy.scope(organisation_id):
            run_id = access.runs(organisation_id).filter(state="running").get().id
    while True:
        worked = jobs.run("reconciliation.run", run_id)
        with tenancy.scope(organisation_id):
            row = access.run_of(organisation_id, run_id)
        if row.state != row.State.RUNNING or row.last_code:
            return row
        if not worked:
            time.sleep(_WAIT_SECONDS)
