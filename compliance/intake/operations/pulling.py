"""Calls that we ask a platform for, page by page: its history, and what no delivery told of.

What can go wrong: a worker dies in the middle and a page is lost, or counted twice; a platform limits us and the same
first pages are asked for ever; an erased call comes back; one call that cannot be read stops the rest. So calls are
registered first and the place is noted after them, in one transaction with the counts and only from the place where
the page began; a page that is read twice changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.connectors.operations import asking
from compliance.connectors.providers.questions import AskFailed, CallPage
from compliance.errors import Conflict, Invalid, NotFound
from compliance.intake import access, events
from compliance.intake.models import ImportRun
from compliance.intake.operations import listed, runs
from compliance.intake.operations.listed import Place
from compliance.intake.operations.runs import Tally

TURN_SECONDS = 120.0
"""After so long a worker gives the run back to the queue, well before its lease ends."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a worker's turn came to. `code` tells why it has to be tried again, after `wait` seconds or by the ladder;
    `has_more` says that it only gave the run back.
    """

    code: str = ""
    wait: float | None = None
    has_more: bool = False


def start_history_import(*, actor: Actor, connection_id: UUID, since: datetime, until: datetime) -> ImportRun:
    """Bring in every call of a connection that began in [since, until). Raises Invalid, Conflict, NotFound."""
    rights.require(actor, "intake.import")
    if since >= until:
        raise Invalid("The time is empty", errors={"until": ["Must be after since."]})
    with tenancy.operation(actor):
        rows = connectors.connections_of(actor.organisation_id).select_for_update()
        connection = rows.filter(id=connection_id).first()
        if connection is None:
            raise NotFound()
        if not asking.may_list_calls(connection):
            text = "This platform lists no calls, or the connection has no credentials for its API."
            raise Invalid("The history of this connection cannot be asked for", errors={"connection_id": [text]})
        running = access.imports(actor.organisation_id).filter(connection_id=connection_id, kind="history")
        if running.filter(state=ImportRun.State.RUNNING).exists():
            raise Conflict("An import of this connection is running", code="already_running")
        run: ImportRun = ImportRun.objects.create(
            organisation_id=actor.organisation_id,
            connection_id=connection_id,
            kind=ImportRun.Kind.HISTORY.value,
            since=since,
            until=until,
            started_by=actor.reference,
        )
        days = {"since": since.date().isoformat(), "until": until.date().isoformat()}
        runs.note_run(actor, events.IMPORT_STARTED, run, **days)
        runs.enqueue(run)
    return run


def carry_on(*, actor: Actor, run_id: UUID, seconds: float = TURN_SECONDS) -> Turn:
    """One worker's turn at a run: page after page until it ends, is stopped, fails, or the time is over.

    Must be called outside a transaction; may run twice, and at once with another.
    """
    rights.require(actor, "recordings.register")
    ends = time.monotonic() + seconds
    while (place := _place_of(actor, run_id)) is not None:
        try:
            page = _page_at(actor, place)
            tally = listed.take_in(actor, place, page)
        except AskFailed as error:
            return _note_failure(actor, place, error)
        if not _advance(actor, place, page, tally):
            return Turn()
        if time.monotonic() >= ends:
            with tenancy.scope(actor.organisation_id):
                runs.enqueue(access.import_of(actor.organisation_id, run_id))
            return Turn(has_more=True)
    return Turn()


def _place_of(actor: Actor, run_id: UUID) -> Place | None:
    with tenancy.scope(actor.organisation_id):
        run = access.import_of(actor.organisation_id, run_id)
        if run.state != ImportRun.State.RUNNING or run.since is None or run.until is None:
            return None
        return Place(run.id, run.connection_id, run.kind, run.since, run.until, run.cursor, run.seen, run.updated_at)


def _page_at(actor: Actor, place: Place) -> CallPage:
    page = asking.ask_patiently(
        actor.organisation_id,
        place.connection_id,
        lambda api, credentials: api.list_calls(credentials, place.since, place.until, place.cursor or None),
        lambda api, answer: api.read_calls(answer),
    )
    if page.next_cursor is not None and page.next_cursor == place.cursor:
        raise AskFailed("cursor_repeats")  # a list that leads back to itself never ends
    return page


def _advance(actor: Actor, place: Place, page: CallPage, tally: Tally) -> bool:
    """Note that the page is done, unless another worker has done it meanwhile. True where the run goes on."""
    with tenancy.operation(actor):
        run = runs.locked_run(actor, place.run_id)
        if not place.is_where(run):
            return run.state == ImportRun.State.RUNNING
        runs.counted(run, tally)
        if page.next_cursor is None:
            runs.end_run(actor, run, ImportRun.State.FINISHED)
            until = run.until if run.kind in runs.POLLS else None
            asking.note_question(actor=actor, connection_id=run.connection_id, code="", until=until)
            return False
        run.cursor, run.last_code = page.next_cursor, ""
        run.save()
        return run.state == ImportRun.State.RUNNING


def _note_failure(actor: Actor, place: Place, error: AskFailed) -> Turn:
    """The platform gave no answer: the connection shows it. What will not mend by waiting ends the run."""
    with tenancy.operation(actor):
        run = runs.locked_run(actor, place.run_id)
        asking.note_question(actor=actor, connection_id=place.connection_id, code=error.code)
        if run.state != ImportRun.State.RUNNING:
            return Turn()
        if not error.is_retryable:
            runs.end_run(actor, run, ImportRun.State.FAILED, error.code)
            return Turn()
        run.last_code = error.code
        run.save(update_fields=["last_code"])
    return Turn(code=error.code, wait=error.retry_after)
