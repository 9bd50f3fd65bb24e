"""Console: histories and files that are brought in, and polls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of, who
from accounts.pages import Facts, Part, Table
from compliance.connectors import access as connectors
from compliance.connectors.operations import asking
from compliance.intake import access
from compliance.intake.models import ImportRun
from compliance.intake.operations import agents, pulling, runs

_STATES = {
    ImportRun.State.RUNNING: pages.WAITING,
    ImportRun.State.STOPPED: pages.QUIET,
    ImportRun.State.FAILED: pages.BAD,
    ImportRun.State.FINISHED: pages.GOOD,
}
_SHOWN = 100


class ConnectionQuestion(Question):
    """Which connection is asked."""

    connection_id = forms.ChoiceField(label="Connection")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["connection_id"].choices = _choices(self.actor, self.may)  # type: ignore[attr-defined]

    may = staticmethod(asking.may_list_agents)


class HistoryQuestion(ConnectionQuestion):
    """And for which days."""

    may = staticmethod(asking.may_list_calls)
    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(
        label="Up to", widget=forms.DateInput(attrs={"type": "date"}), help_text="Calls of this day come in too (UTC)."
    )


def _choices(actor: Actor | None, may: Any) -> list[tuple[str, str]]:
    if actor is None:
        return []
    rows = connectors.connections_of(actor.organisation_id).order_by("name")
    return [(str(one.id), one.name) for one in rows if may(one)]


@admin.register(ImportRun)
class ImportRunAdmin(ScopedAdmin):
    read_action = "intake.read"
    title = "Imports"
    intro = (
        "Calls that came in many at once: a platform's history, files of a folder or bucket, and the polls that look "
        "for calls no delivery told of."
    )
    empty = "Nothing was imported or polled yet."
    list_display = ("started", "what", "standing", "connection", "progress", "new", "missed", "refused", "failed")
    list_filter = ("kind", "state")
    ordering = ("-id",)
    actions_list = ("start_history", "pull_agents")
    actions_detail = ("stop", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        return access.imports(actor_of(request).organisation_id)

    def name_of(self, row: ImportRun) -> str:
        return f"Import {row.id.hex[-8:]}"

    @admin.display(description="Started")
    def started(self, row: ImportRun) -> str:
        return pages.moment(row.started_at)

    @admin.display(description="What")
    def what(self, row: ImportRun) -> str:
        return row.get_kind_display()

    @admin.display(description="State")
    def standing(self, row: ImportRun) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="New")
    def new(self, row: ImportRun) -> str:
        return f"{row.registered:,}"

    @admin.display(description="Progress")
    def progress(self, row: ImportRun) -> str:
        """A bar where the end is known, or reached; else the number alone."""
        total = row.seen if row.state == ImportRun.State.FINISHED else row.total
        if not total:
            return f"{row.seen:,} seen"
        words = f"{row.seen:,} of {total:,}"
        bar = '<progress class="cw-bar" aria-label="Progress" value="{}" max="{}"></progress>{}'
        return format_html(bar, row.seen, total, words)

    def parts(self, request: HttpRequest, row: ImportRun) -> Sequence[Part]:
        facts = Facts(
            "Import",
            [
                ("What", self.what(row)),
                ("State", self.standing(row)),
                ("Code", pages.words(row.last_code) if row.last_code else pages.NOTHING),
                ("Connection", pages.to("connectors_connection", row.connection_id, row.connection)),
                ("Source", row.source or pages.NOTHING),
                ("Calls from", pages.moment(row.since)),
                ("Calls before", pages.moment(row.until)),
                ("Progress", self.progress(row)),
                ("New", row.registered),
                ("Known before", row.known),
                ("New, but a delivery should have told of them", row.missed),
                ("Refused, since they were erased", row.refused),
                ("Could not be read", row.failed),
                ("Started", pages.beside(pages.moment(row.started_at), f"by {who(request, row.started_by)}")),
                ("Finished", pages.moment(row.finished_at)),
            ],
        )
        return [facts, *([] if row.kind in runs.FROM_PLATFORM else [_left_out(row)])]

    @button(
        "intake.import",
        "Import history",
        text="Every call of these days is asked for at the platform and registered. Known calls stay as they are.",
        done="The history is being asked for.",
        form=HistoryQuestion,
        submit="Import",
        icon="history",
    )
    def start_history(self, actor: Actor, row: None, data: dict[str, Any]) -> ImportRun:
        since = datetime.combine(data["since"], time(), UTC)
        until = min(datetime.combine(data["until"], time.max, UTC), timezone.now())
        return pulling.start_history_import(actor=actor, connection_id=_chosen(data), since=since, until=until)

    @button(
        "connectors.pull",
        "Pull agents",
        text="Agents and their prompts are read as the platform keeps them now. Each new text is audited.",
        done="The agents are being asked for.",
        form=ConnectionQuestion,
        submit="Pull",
        icon="support_agent",
    )
    def pull_agents(self, actor: Actor, row: None, data: dict[str, Any]) -> None:
        agents.ask_for_agents(actor=actor, connection_id=_chosen(data))

    @button(
        "intake.import",
        "Stop",
        text="It stops after the page or file that it is at. What came in stays.",
        done="The import stops.",
        icon="stop",
        fits=lambda row: row.state == ImportRun.State.RUNNING and row.kind not in runs.POLLS,
    )
    def stop(self, actor: Actor, row: ImportRun, data: dict[str, Any]) -> None:
        runs.stop_import(actor=actor, run_id=row.id)

    @button(
        "intake.import",
        "Go on",
        text="It goes on from where it stopped. An import of files goes on when its command is run again.",
        done="The import goes on.",
        icon="play_arrow",
        fits=lambda row: row.state in (ImportRun.State.STOPPED, ImportRun.State.FAILED) and row.kind == "history",
    )
    def resume(self, actor: Actor, row: ImportRun, data: dict[str, Any]) -> None:
        runs.resume_import(actor=actor, run_id=row.id)


def _chosen(data: dict[str, Any]) -> UUID:
    return UUID(data["connection_id"])


def _left_out(row: ImportRun) -> Table:
    """The manifest's lines that did not come in."""
    items = access.import_items(row.organisation_id, row.id).filter(state__in=("failed", "refused"))[:_SHOWN]
    shown = [(item.number, pages.words(item.state), pages.words(item.code)) for item in items]
    return Table("Lines that did not come in", ("Line", "State", "Code"), shown, text=f"The first {_SHOWN} at most.")
