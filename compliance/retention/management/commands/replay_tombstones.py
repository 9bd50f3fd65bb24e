"""Erases again what was erased: after a restore of the main database, of the key database, or of both.

Until it has run, the vault refuses with `restored_database` and `/readyz` says so. Stopped and run again, it begins
anew and does nothing twice. Exit 0 where the vault is open again, 75 (EX_TEMPFAIL) where a store or key service does
not answer.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.status import Status

from compliance.errors import Unavailable
from compliance.retention.operations import replaying
from compliance.retention.operations.replaying import Report

_LATER = 75


class Command(BaseCommand):
    help = "Erases again what was erased since a backup that was restored, and lets the vault open."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="JSON Lines, one an organisation")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Status("reading the tombstones", console=Console(stderr=True)) as status:
                reports = replaying.replay_everything(lambda report: status.update(_told(report)))
        except Unavailable as refusal:
            self.stderr.write(refusal.message)
            sys.exit(_LATER)
        for report in reports:
            self.stdout.write(json.dumps(_line(report)) if options["json"] else _told(report))


def _line(report: Report) -> dict[str, Any]:
    return {
        "organisation": str(report.organisation_id),
        "tombstones": report.tombstones,
        "learned": report.learned,
        "keys": report.keys,
        "people": report.people,
        "calls": len(report.calls),
        "held": report.held,
    }


def _told(report: Report) -> str:
    told = (
        f"{report.organisation_id}: {report.tombstones} tombstones, {report.learned} of them forgotten by the main"
        f" database; {report.keys} keys, {report.people} people and {len(report.calls)} calls had come back"
    )
    return f"{told}; {report.held} of the calls are held" if report.held else told
