"""What the commands of this room have in common: who does it, and to which connection."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from accounts import routing, tenancy
from accounts.actors import Actor
from accounts.authentication import actor_named
from compliance.connectors import access as connectors
from compliance.intake.models import ImportRun


def add_actor(parser: ArgumentParser) -> None:
    """The arguments that `actor_and_connection` reads, but for the connection's own."""
    parser.add_argument("--as", dest="email", metavar="EMAIL", help="the member who does it (else: the operator)")
    parser.add_argument("--organisation", metavar="ID", help="where the connection's name is used by several")


def actor_and_connection(options: dict[str, Any]) -> tuple[Actor, UUID]:
    """Who acts, and the connection of this id or name. Raises CommandError."""
    if options["email"]:
        actor = actor_named(options["email"], options["organisation"])
        if actor is None:
            raise CommandError("No such member, or several organisations: name one by --organisation")
        organisations = [actor.organisation_id]
    else:
        actor = None
        organisations = [one for one in routing.organisations() if options["organisation"] in (None, str(one))]
    found = [(one, id_) for one in organisations for id_ in _connections(one, options["connection"])]
    if len(found) != 1:
        raise CommandError("No such connection" if not found else "Several connections have this name: give its id")
    return actor or Actor.system(found[0][0]), found[0][1]


def _connections(organisation_id: UUID, reference: str) -> list[UUID]:
    with tenancy.scope(organisation_id):
        rows = connectors.connections_of(organisation_id)
        try:
            named = rows.filter(id=UUID(reference))
        except ValueError:
            named = rows.filter(name=reference)
        return list(named.values_list("id", flat=True))


def progress() -> Progress:
    """A bar on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def told(run: ImportRun) -> str:
    """A run's end in one line."""
    counts = f"{run.registered} new, {run.known} known, {run.refused} refused, {run.failed} failed"
    code = f" ({run.last_code})" if run.last_code else ""
    return f"Import {run.id} {run.state}{code}: {run.seen} seen; {counts}."
