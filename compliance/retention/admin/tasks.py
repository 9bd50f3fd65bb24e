"""What people have to do at platforms that delete on no call of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, signed, who
from accounts.pages import Facts, Part, Words
from compliance.retention import debt, evidence
from compliance.retention.models import UpstreamTask
from compliance.retention.operations import tasks
from compliance.retention.upstream_api import document_response

_STATES = {
    UpstreamTask.State.OPEN: pages.WAITING,
    UpstreamTask.State.DONE: pages.GOOD,
    UpstreamTask.State.NEEDLESS: pages.QUIET,
}


class DocumentQuestion(Question):
    document = forms.FileField(
        label="Document",
        allow_empty_file=True,
        help_text="The platform's answer: PDF, PNG, JPEG, a mail (EML) or plain text, at most 10 MB; kept sealed.",
    )

    def clean_document(self) -> bytes:
        """Its bytes, never more than are kept."""
        content: bytes = self.cleaned_data["document"].read(evidence.MOST_BYTES + 1)
        return content


class StatementQuestion(Question):
    statement = forms.CharField(
        label="Statement",
        min_length=10,
        max_length=4000,
        widget=forms.Textarea,
        help_text="What the platform confirmed, who did, and when. Reports will say “attested”, never “proven”.",
    )


class OpenFilter(admin.SimpleListFilter):
    """Open tasks are what this list is for."""

    title = "state"
    parameter_name = "show"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", "Overdue"), ("closed", "Closed")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield choice if choice["display"] in {"Overdue", "Closed"} else {**choice, "display": "Open"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "closed":
            return queryset.exclude(state=UpstreamTask.State.OPEN)
        queryset = queryset.filter(state=UpstreamTask.State.OPEN)
        return queryset.filter(due_on__lt=timezone.now().date()) if self.value() == "overdue" else queryset


def _is_open(row: Any) -> bool:
    return bool(row.state == UpstreamTask.State.OPEN)


@admin.register(UpstreamTask)
class UpstreamTaskAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Tasks at platforms"
    intro = "What a platform deletes on no call of ours, a person has it delete, by a day and with evidence."
    empty = "Nothing has to be asked of a platform by hand."
    list_display = ("platform_shown", "standing", "due", "artifact_shown", "call_shown", "reason", "assigned")
    list_filter = (OpenFilter, "platform")
    ordering = ("due_on", "id")
    actions_detail = ("take", "upload", "open_document", "attest")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("location__artifact__call")
        return rows.defer("location__sealed_probe", "location__artifact__sealed_source")

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        for row in rows:
            row.assigned_name = who(request, row.assigned_to) if row.assigned_to else ""

    def name_of(self, row: Any) -> str:
        return f"{row.platform}, {pages.words(row.location.artifact.kind)} {row.location.artifact_id.hex[-8:]}"

    @admin.display(description="Platform", ordering="platform")
    def platform_shown(self, row: Any) -> str:
        provider = debt.provider_of(row.location)
        return provider.label if provider else row.platform

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        if _is_open(row) and row.due_on < timezone.now().date():
            return pages.badge("Overdue", pages.BAD)
        return pages.badge(row.get_state_display(), _STATES[UpstreamTask.State(row.state)])

    @admin.display(description="Due", ordering="due_on")
    def due(self, row: Any) -> str:
        return pages.day(row.due_on)

    @admin.display(description="Artifact")
    def artifact_shown(self, row: Any) -> str:
        artifact = row.location.artifact
        return pages.to("recordings_artifact", artifact.id, pages.words(artifact.kind).capitalize())

    @admin.display(description="Call")
    def call_shown(self, row: Any) -> str:
        call = row.location.artifact.call
        return pages.to("recordings_call", call.id, call.external_id or pages.short(call.id)) if call else pages.NOTHING

    @admin.display(description="Why a person")
    def reason(self, row: Any) -> str:
        return pages.words(row.location.proof.get("reason") or "no way by program")

    @admin.display(description="Taken by")
    def assigned(self, row: Any) -> str:
        return str(row.assigned_name) or pages.NOTHING

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        provider = debt.provider_of(row.location)
        rows: list[tuple[str, object]] = [
            ("Platform", self.platform_shown(row)),
            ("State", self.standing(row)),
            ("Due", self.due(row)),
            ("Why a person", self.reason(row)),
            ("Artifact", self.artifact_shown(row)),
            ("Call", self.call_shown(row)),
            ("Place", pages.to("recordings_location", row.location_id, "its debt")),
            ("Taken by", who(request, row.assigned_to) if row.assigned_to else ""),
            ("Opened", pages.moment(row.opened_at)),
            ("Closed", signed(request, row.closed_at, row.closed_by)),
            ("Document", row.evidence_name.upper()),
        ]
        told = Words("What to do", provider.deletion_instructions if provider else "Ask whoever keeps this copy.")
        return [Facts("Task", rows), told]

    @button(
        "retention.handle_task",
        "Take",
        text="Your name stands with this task.",
        done="The task is yours.",
        icon="person_add",
        fits=_is_open,
    )
    def take(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        tasks.take_task(actor=actor, task_id=row.id)

    @button(
        "retention.handle_task",
        "Upload evidence",
        text="Kept sealed under the organisation's key; each opening is an entry. A newer one replaces an older one.",
        done="The document is kept.",
        form=DocumentQuestion,
        submit="Keep",
        icon="upload_file",
        fits=_is_open,
    )
    def upload(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        tasks.keep_evidence(actor=actor, task_id=row.id, content=data["document"])

    @button(
        "retention.handle_task",
        "Open evidence",
        text="The document is given to you as a file. That you opened it is an entry of the log.",
        submit="Open",
        icon="file_open",
        fits=lambda row: row.evidence_id is not None,
    )
    def open_document(self, actor: Actor, row: Any, data: dict[str, Any]) -> HttpResponseBase:
        return document_response(tasks.open_evidence(actor=actor, task_id=row.id))

    @button(
        "retention.handle_task",
        "Attest",
        text="You state, with your name and on the document, that the platform no longer holds the data.",
        done="Attested. Every report will say so.",
        form=StatementQuestion,
        submit="Attest",
        icon="edit_note",
        fits=lambda row: _is_open(row) and row.evidence_id is not None,
    )
    def attest(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        tasks.attest_task(actor=actor, task_id=row.id, statement=data["statement"])
