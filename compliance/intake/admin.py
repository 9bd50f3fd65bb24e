"""Console: what platforms delivered, what could not be read, and which batches have gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of, who
from accounts.pages import Facts, Figure, Part
from compliance.connectors import access as connectors
from compliance.intake import access, operations
from compliance.intake.imports_admin import ImportRunAdmin as ImportRunAdmin
from compliance.intake.models import BatchReport, Delivery
from compliance.intake.states import BatchState, DeliveryState, GapReason

_STATES = {
    DeliveryState.ACCEPTED: pages.WAITING,
    DeliveryState.PROCESSING: pages.WAITING,
    DeliveryState.PROCESSED: pages.GOOD,
    DeliveryState.QUARANTINED: pages.BAD,
    DeliveryState.REFUSED: pages.QUIET,
    DeliveryState.IGNORED: pages.QUIET,
}


_BATCH_STATES = {
    BatchState.WAITING: pages.WAITING,
    BatchState.COMPLETE: pages.GOOD,
    BatchState.GAP: pages.BAD,
    BatchState.ACCEPTED: pages.QUIET,
}


class ReplayQuestion(Question):
    connection = forms.ChoiceField(label="Connection", required=False)
    code = forms.CharField(label="Code", max_length=64, required=False, help_text="As the list shows it.")

    def __init__(self, *args: Any, actor: Actor | None = None, **options: Any) -> None:
        super().__init__(*args, actor=actor, **options)
        rows = connectors.connections_of(actor.organisation_id) if actor else []
        self.fields["connection"].choices = [("", "All"), *((str(row.id), row.name) for row in rows)]  # type: ignore[attr-defined]


class GapQuestion(Question):
    reason = forms.ChoiceField(
        label="Reason",
        choices=[
            (GapReason.NOT_DIALLED.value, "The platform never made these calls"),
            (GapReason.NOT_TOLD.value, "The platform confirms that it kept nothing of them"),
            (GapReason.ERASED.value, "They were erased before the report came"),
            (GapReason.REGISTERED_ELSEWHERE.value, "They came in by another connection or an import"),
            (GapReason.NO_TOTAL.value, "The platform told no number to compare with"),
        ],
    )


@admin.register(Delivery)
class DeliveryAdmin(ScopedAdmin):
    read_action = "intake.read"
    title = "Deliveries"
    intro = (
        "One row a webhook call, sealed before it was answered. Quarantined ones could not be read: they wait here, "
        "with the reason, until the reader is mended or their time is over."
    )
    empty = "No platform has delivered anything yet."
    list_display = ("received", "standing", "reason", "connection", "call_shown", "bytes_shown", "repeats")
    list_filter = ("state", "code")
    ordering = ("-id",)
    actions_list = ("replay_all",)
    actions_detail = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows = access.deliveries(actor_of(request).organisation_id).select_related("call")
        return rows.defer("call__sealed_facts", "call__standings")

    def name_of(self, row: Delivery) -> str:
        return f"Delivery {row.id.hex[-8:]}"

    @admin.display(description="Received")
    def received(self, row: Delivery) -> str:
        return pages.moment(row.received_at)

    @admin.display(description="State")
    def standing(self, row: Delivery) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="Code")
    def reason(self, row: Delivery) -> str:
        return pages.words(row.code) if row.code else pages.NOTHING

    @admin.display(description="Call")
    def call_shown(self, row: Delivery) -> str:
        call = row.call
        return pages.to("recordings_call", call.id, call.external_id or pages.short(call.id)) if call else pages.NOTHING

    @admin.display(description="Size")
    def bytes_shown(self, row: Delivery) -> str:
        return pages.size(row.size)

    def parts(self, request: HttpRequest, row: Delivery) -> Sequence[Part]:
        return [
            Facts(
                "Delivery",
                [
                    ("State", self.standing(row)),
                    ("Event", row.event),
                    ("Code", self.reason(row)),
                    ("Connection", pages.to("connectors_connection", row.connection_id, row.connection)),
                    ("Call", self.call_shown(row)),
                    ("Received", pages.moment(row.received_at)),
                    ("Processed", pages.moment(row.processed_at)),
                    ("Size", pages.size(row.size)),
                    ("Sent again", f"{row.repeats} times" if row.repeats else "never"),
                    ("Id", pages.code(row.id)),
                ],
            )
        ]

    @button(
        "intake.replay",
        "Read again",
        text="The sealed body is read once more. Do this after its reader was mended; nothing is taken in twice.",
        done="The delivery is being read again.",
        icon="replay",
        fits=lambda row: row.state == DeliveryState.QUARANTINED,
    )
    def replay(self, actor: Actor, row: Delivery, data: dict[str, Any]) -> None:
        operations.replay_delivery(actor=actor, delivery_id=row.id)

    @button(
        "intake.replay",
        "Read again what is quarantined",
        text="Up to 500 at a time, oldest first. Do this after the reader was mended; nothing is taken in twice.",
        form=ReplayQuestion,
        icon="replay",
    )
    def replay_all(self, actor: Actor, row: None, data: dict[str, Any]) -> str:
        connection_id = UUID(data["connection"]) if data["connection"] else None
        done = operations.replay_deliveries(actor=actor, connection_id=connection_id, code=data["code"])
        left = f" {done.remaining} are left for the next time." if done.remaining else ""
        return f"{done.count} deliveries are being read again.{left}"


@admin.register(BatchReport)
class BatchReportAdmin(ScopedAdmin):
    read_action = "intake.read"
    title = "Batches"
    intro = "What a platform says that it made, against what came in. A gap is the only sign of a call that was lost."
    empty = "No platform has reported a batch yet."
    list_display = ("batch", "standing", "connection", "numbers", "reported")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_detail = ("accept_gap",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BatchReport]:
        return access.batches(actor_of(request).organisation_id)

    def name_of(self, row: BatchReport) -> str:
        return f"Batch {row.batch_id}"

    @admin.display(description="Batch")
    def batch(self, row: BatchReport) -> str:
        return pages.code(row.batch_id)

    @admin.display(description="State")
    def standing(self, row: BatchReport) -> str:
        return pages.state(row.state, _BATCH_STATES)

    @admin.display(description="Came in")
    def numbers(self, row: BatchReport) -> str:
        return f"{row.received} of {'?' if row.expected is None else row.expected}"

    @admin.display(description="Reported")
    def reported(self, row: BatchReport) -> str:
        return pages.moment(row.reported_at)

    def parts(self, request: HttpRequest, row: BatchReport) -> Sequence[Part]:
        told = [
            ("Total", row.total),
            ("Processed", row.processed),
            ("Succeeded", row.succeeded),
            ("Failed", row.failed),
        ]
        return [
            Facts(
                "Batch",
                [
                    ("State", self.standing(row)),
                    ("Connection", pages.to("connectors_connection", row.connection_id, row.connection)),
                    ("Id at the platform", pages.code(row.batch_id)),
                    ("Outcome", pages.words(row.outcome)),
                    ("Came in", self.numbers(row)),
                    ("Reported", pages.moment(row.reported_at)),
                    ("Looked at", pages.moment(row.checked_at)),
                    ("Gap accepted", pages.words(row.accepted_reason) if row.accepted_reason else ""),
                    ("Accepted by", who(request, row.accepted_by) if row.accepted_by else ""),
                ],
            ),
            Facts("What the platform told", [(name, "not told" if value is None else value) for name, value in told]),
        ]

    @button(
        "intake.accept_gap",
        "Accept the gap",
        text="The calls stay missing; this says that somebody knows why. It is no alarm any more.",
        done="The gap is accepted.",
        form=GapQuestion,
        fits=lambda row: row.state == BatchReport.State.GAP,
    )
    def accept_gap(self, actor: Actor, row: BatchReport, data: dict[str, Any]) -> None:
        operations.accept_batch_gap(actor=actor, report_id=row.id, reason=data["reason"])


def figures(request: HttpRequest) -> list[Figure]:
    """What the overview says about deliveries."""
    actor = actor_of(request)
    if not rights.may(actor, "intake.read"):
        return []
    rows = access.deliveries(actor.organisation_id).filter(state=DeliveryState.QUARANTINED)
    count = pages.counted(rows)
    url = reverse("admin:intake_delivery_changelist") + "?state__exact=quarantined"
    tone = pages.GOOD if count == "0" else pages.BAD
    return [Figure("Quarantined deliveries", count, "could not be read", url, tone)]
