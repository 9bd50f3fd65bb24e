"""Console: what platforms delivered, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.actors import Actor
from accounts.buttons import button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Figure, Part
from compliance.intake import access, operations
from compliance.intake.models import Delivery
from compliance.intake.states import DeliveryState

_STATES = {
    DeliveryState.ACCEPTED: pages.WAITING,
    DeliveryState.PROCESSING: pages.WAITING,
    DeliveryState.PROCESSED: pages.GOOD,
    DeliveryState.QUARANTINED: pages.BAD,
    DeliveryState.REFUSED: pages.QUIET,
    DeliveryState.IGNORED: pages.QUIET,
}


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
    list_filter = ("state",)
    ordering = ("-id",)
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
