"""The outbox: letters, sealed until somebody opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show, button
from accounts.console import ScopedAdmin
from accounts.pages import Facts, Part, Words
from compliance.dsr import notices
from compliance.dsr.models import OutboundMail

_STATES = {
    OutboundMail.State.QUEUED: pages.WAITING,
    OutboundMail.State.SENT: pages.GOOD,
    OutboundMail.State.OUTBOX: pages.WAITING,
    OutboundMail.State.FAILED: pages.BAD,
}


@admin.register(OutboundMail)
class OutboundMailAdmin(ScopedAdmin):
    read_action = "dsr.read_outbox"
    title = "Letters"
    intro = (
        "What was written to people who made a request. Without a mail server letters wait here: open one and pass it "
        "on by hand. Opening is an entry in the log."
    )
    empty = "No letter was written yet."
    list_display = ("letter", "standing", "request_shown", "created", "sent")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_detail = ("open_letter",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboundMail]:
        rows = super().get_queryset(request).select_related("request")
        return rows.defer("sealed_letter", "request__sealed_person")

    def name_of(self, row: OutboundMail) -> str:
        return pages.words(row.template).capitalize()

    @admin.display(description="Letter")
    def letter(self, row: OutboundMail) -> str:
        return self.name_of(row)

    @admin.display(description="State")
    def standing(self, row: OutboundMail) -> str:
        return pages.badge(row.state, _STATES[OutboundMail.State(row.state)])

    @admin.display(description="Request")
    def request_shown(self, row: OutboundMail) -> str:
        return pages.to("dsr_subjectrequest", row.request_id, row.request.reference)

    @admin.display(description="Written")
    def created(self, row: OutboundMail) -> str:
        return pages.moment(row.created_at)

    @admin.display(description="Sent")
    def sent(self, row: OutboundMail) -> str:
        return pages.moment(row.sent_at)

    def parts(self, request: HttpRequest, row: OutboundMail) -> Sequence[Part]:
        return [
            Facts(
                "Letter",
                [
                    ("Kind", self.name_of(row)),
                    ("State", pages.badge(row.get_state_display(), _STATES[OutboundMail.State(row.state)])),
                    ("Request", self.request_shown(row)),
                    ("Written", pages.moment(row.created_at)),
                    ("Sent", pages.moment(row.sent_at)),
                    ("Last answer of the mail server", row.last_code),
                ],
                "Its words are sealed under the request's key.",
            )
        ]

    @button(
        "dsr.read_outbox",
        "Open the letter",
        text="You see its words and the address it goes to. The opening is an entry in the log, with your name.",
        submit="Open",
        icon="drafts",
    )
    def open_letter(self, actor: Actor, row: OutboundMail, data: dict[str, Any]) -> Show:
        found = notices.open_letter(actor=actor, letter_id=row.id)
        facts = Facts("Letter", [("To", found.to or "nobody: hand it over"), ("Subject", found.subject)])
        return Show("Letter", [facts, Words("Words", found.body)])
