"""Batch downloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, who
from accounts.pages import Facts, Part
from compliance.recordings import call_filters
from compliance.recordings.downloads import stream_download
from compliance.recordings.models import Download
from compliance.recordings.operations import downloads

_STATES = {"open": pages.WAITING, "finished": pages.GOOD, "withdrawn": pages.QUIET}
_FILTERS = {
    "batch": "Batch",
    "agent": "Agent (our id or the platform's)",
    "place": "Place of the caller",
    "label": "Label",
    "outcome": "Outcome",
}


class NewDownloadQuestion(Question):
    purpose = forms.CharField(label="Purpose", max_length=100, help_text="Stands in the log with every file.")
    kinds = forms.MultipleChoiceField(
        label="What",
        choices=[(kind, kind.replace("_", " ")) for kind in downloads.KINDS],
        initial=["recording", "transcript"],
        widget=forms.CheckboxSelectMultiple,
    )
    since = forms.DateTimeField(label="Calls from", required=False, help_text="UTC")
    until = forms.DateTimeField(label="Calls before", required=False, help_text="UTC")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, label in _FILTERS.items():
            self.fields[name] = forms.CharField(label=label, max_length=200, required=False)

    @classmethod
    def chosen(cls, data: dict[str, Any]) -> call_filters.CallFilter:
        """The calls that are meant."""
        times = {name: data[name].isoformat() for name in ("since", "until") if data.get(name)}
        return call_filters.read({name: data.get(name, "") for name in _FILTERS} | times)


@admin.register(Download)
class DownloadAdmin(ScopedAdmin):
    read_action = "recordings.read"
    title = "Batch downloads"
    intro = "Your own recordings and words, taken along for a purpose. Every file that is given out is an entry."
    empty = "Nothing was downloaded in a batch yet."
    list_display = ("asked", "standing", "purpose", "items", "weight", "by", "ends")
    ordering = ("-id",)
    actions_list = ("start",)
    actions_detail = ("fetch", "withdraw")

    def name_of(self, row: Download) -> str:
        return f"Download of {pages.moment(row.created_at)}"

    @admin.display(description="Asked for")
    def asked(self, row: Download) -> str:
        return pages.moment(row.created_at)

    @admin.display(description="State")
    def standing(self, row: Download) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="Size")
    def weight(self, row: Download) -> str:
        return pages.size(row.size)

    @admin.display(description="By")
    def by(self, row: Download) -> str:
        return row.actor.partition(":")[0].replace("_", " ")

    @admin.display(description="May be fetched until")
    def ends(self, row: Download) -> str:
        return pages.moment(row.expires_at)

    def parts(self, request: HttpRequest, row: Download) -> Sequence[Part]:
        return [
            Facts(
                "Download",
                [
                    ("State", self.standing(row)),
                    ("Purpose", row.purpose),
                    ("Calls", pages.lines([f"{name}: {value}" for name, value in sorted(row.filters.items())])),
                    ("Files", row.items),
                    ("Size", pages.size(row.size)),
                    ("Asked for by", who(request, row.actor)),
                    ("May be fetched until", pages.moment(row.expires_at)),
                    ("Finished", pages.moment(row.finished_at)),
                    ("Id", pages.code(row.id)),
                ],
            )
        ]

    @button(
        "recordings.download_batch",
        "New download",
        text="Fixes which files belong to the download. Nothing leaves until you fetch it.",
        form=NewDownloadQuestion,
        submit="Choose files",
        icon="download",
    )
    def start(self, actor: Actor, row: None, data: dict[str, Any]) -> Download:
        return downloads.start_download(
            actor=actor, purpose=data["purpose"], calls=NewDownloadQuestion.chosen(data), kinds=data["kinds"]
        )

    @button(
        "recordings.download_batch",
        "Fetch the archive",
        text="The files come as one ZIP with a manifest of hashes. Each file is an entry in the log, with your name.",
        submit="Fetch",
        icon="folder_zip",
        fits=lambda row: row.state != Download.State.WITHDRAWN,
    )
    def fetch(self, actor: Actor, row: Download, data: dict[str, Any]) -> StreamingHttpResponse:
        return stream_download(actor, row.id)

    @button(
        "recordings.download_batch",
        "Withdraw",
        text="Nobody can fetch this download any more. What was fetched already stays where it was taken.",
        submit="Withdraw",
        is_dangerous=True,
        fits=lambda row: row.state == Download.State.OPEN,
    )
    def withdraw(self, actor: Actor, row: Download, data: dict[str, Any]) -> None:
        downloads.withdraw_download(actor=actor, download_id=row.id)
