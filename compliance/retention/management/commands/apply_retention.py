"""Apply the retention schedules now, or say what would leave and why."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance.retention import operations
from compliance.retention.operations import running
from compliance.retention.operations.running import Due


class Command(BaseCommand):
    help = (
        "Begin the disposal of what is due today. Above the guard a run stops and asks. "
        "With --dry-run nothing is changed: what would leave is printed with its rule and reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would leave, and why")
        parser.add_argument("--organisation", type=UUID, metavar="ID", help="one organisation; default: all")
        parser.add_argument("--json", action="store_true", help="JSON Lines")

    def handle(self, *args: Any, **options: Any) -> None:
        known = list(routing.organisations())
        asked: UUID | None = options["organisation"]
        if asked is not None and asked not in known:
            raise CommandError(f"No organisation {asked}")
        for organisation_id in [asked] if asked else known:
            lines = _foreseen(organisation_id) if options["dry_run"] else _applied(organisation_id)
            for line in lines:
                self.stdout.write(json.dumps(line) if options["json"] else _told(line))


def _foreseen(organisation_id: UUID) -> Iterator[dict[str, Any]]:
    """Each artifact that would leave, and the sums."""
    today, counts = timezone.now().date(), {"due": 0, "held": 0}
    with tenancy.scope(organisation_id):
        guard = running.guard_of(organisation_id)
        for due in operations.would_leave(organisation_id, today):
            counts["held" if due.is_held else "due"] += 1
            yield _line(due)
    yield {
        "organisation": str(organisation_id),
        "on": today.isoformat(),
        **counts,
        "guard": guard,
        "would_stop": sum(counts.values()) > guard,
    }


def _applied(organisation_id: UUID) -> Iterator[dict[str, Any]]:
    """The run that was made, as it stands at the end."""
    actor = Actor.system(organisation_id)
    while operations.apply_schedules(actor=actor):
        pass
    with tenancy.scope(organisation_id):
        run = running.runs(organisation_id).order_by("-on", "-id").first()
    if run is not None:
        yield {
            "organisation": str(organisation_id),
            "on": run.on.isoformat(),
            "run": str(run.id),
            "state": run.state,
            "due": run.due,
            "begun": run.begun,
            "held": run.held,
            "guard": run.guard,
        }


def _line(due: Due) -> dict[str, Any]:
    return {
        "artifact": str(due.artifact_id),
        "call": str(due.call_id) if due.call_id else None,
        "kind": due.kind,
        "state": due.state,
        "due_on": due.due_on.isoformat(),
        "rule": due.rule,
        "reason": due.reason,
        "held": due.is_held,
    }


def _told(line: dict[str, Any]) -> str:
    if "artifact" in line:
        end = "stays: a hold covers it" if line["held"] else "leaves"
        return f"{line['artifact']}  {line['kind']}  due {line['due_on']}  {line['rule']}: {line['reason']}  [{end}]"
    return "  ".join(f"{name} {value}" for name, value in line.items())
