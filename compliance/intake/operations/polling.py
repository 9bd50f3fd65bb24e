"""Polls: the last two days every hour, the last two weeks every day, for each connection whose platform lists calls.

A delivery may never have come: platforms do not repeat them, or give up. Each connection has one row of each kind that
is used again and again, so that a poll which was limited half-way goes on where it stopped.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.connectors.operations import asking
from compliance.intake import access, events
from compliance.intake.models import ImportRun
from compliance.intake.operations import runs

LOOK_BACK = {ImportRun.Kind.RECENT: timedelta(hours=48), ImportRun.Kind.FAR: timedelta(days=14)}


def start_polls(*, actor: Actor, kind: ImportRun.Kind) -> int:
    """Begin a round of polls of an organisation; how many. One that still runs is left to go on."""
    rights.require(actor, "recordings.register")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        active = connectors.connections_of(organisation_id).filter(state="active").order_by("id")
        wanted = [one.id for one in active if asking.may_list_calls(one)]
    return sum(start_poll(actor=actor, connection_id=connection_id, kind=kind) for connection_id in wanted)


def start_poll(*, actor: Actor, connection_id: UUID, kind: ImportRun.Kind) -> bool:
    """Begin one poll; False where one of the kind is still running."""
    rights.require(actor, "recordings.register")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        connection = connectors.connections_of(organisation_id).select_for_update().get(id=connection_id)
        run = access.imports(organisation_id).filter(connection_id=connection_id, kind=kind.value).first()
        if run is not None and run.state == ImportRun.State.RUNNING:
            runs.enqueue(run)
            return False
        run = run or ImportRun(organisation_id=organisation_id, connection_id=connection_id, kind=kind.value)
        _begin_again(run, connection.polled_until, actor)
        runs.note_run(actor, events.POLL_BEGUN, run)
        runs.enqueue(run)
    return True


def _begin_again(run: ImportRun, polled_until: datetime | None, actor: Actor) -> None:
    now = timezone.now()
    run.until = now
    run.since = _since(ImportRun.Kind(run.kind), polled_until, now)
    run.state, run.cursor, run.last_code, run.started_by = ImportRun.State.RUNNING.value, "", "", actor.reference
    run.started_at, run.updated_at, run.finished_at = now, now, None
    run.seen = run.registered = run.known = run.refused = run.failed = run.missed = 0
    run.save()


def _since(kind: ImportRun.Kind, polled_until: datetime | None, now: datetime) -> datetime:
    """The kind's own look back; and after a longer silence back to where the last poll ended, two weeks at most."""
    since = now - LOOK_BACK[kind]
    if polled_until is None:
        return since
    return max(min(since, polled_until), now - LOOK_BACK[ImportRun.Kind.FAR])
