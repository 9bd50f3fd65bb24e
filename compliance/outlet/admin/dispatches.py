"""Console: the delivery log, one message to one endpoint a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part, Table, Words
from compliance.outlet import access, operations, signatures
from compliance.outlet.models import WebhookDispatch, WebhookEndpoint

_STATES = {
    WebhookDispatch.State.WAITING: pages.WAITING,
    WebhookDispatch.State.DELIVERED: pages.GOOD,
    WebhookDispatch.State.FAILED: pages.BAD,
}


@admin.register(WebhookDispatch)
class WebhookDispatchAdmin(ScopedAdmin):
    read_action = "outlet.read"
    title = "Webhook deliveries"
    intro = "What was told to whom in the last 30 days, with every try."
    empty = "Nothing was told to an endpoint yet."
    list_display = ("event", "endpoint_shown", "standing", "last_code", "since", "next_try")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_detail = ("redeliver",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDispatch]:
        return access.dispatches(actor_of(request).organisation_id)

    def name_of(self, row: WebhookDispatch) -> str:
        return row.message.type

    @admin.display(description="Event")
    def event(self, row: WebhookDispatch) -> str:
        return row.message.type

    @admin.display(description="Endpoint")
    def endpoint_shown(self, row: WebhookDispatch) -> str:
        if row.endpoint.state == WebhookEndpoint.State.REMOVED:
            return str(row.endpoint)
        return pages.to("outlet_webhookendpoint", row.endpoint_id, row.endpoint)

    @admin.display(description="State", ordering="state")
    def standing(self, row: WebhookDispatch) -> str:
        return pages.badge(row.get_state_display(), _STATES[WebhookDispatch.State(row.state)])

    @admin.display(description="Happened")
    def since(self, row: WebhookDispatch) -> str:
        return pages.moment(row.message.occurred_at)

    @admin.display(description="Next try")
    def next_try(self, row: Any) -> str:
        return pages.moment(row.next_try_at if row.state == WebhookDispatch.State.WAITING else None)

    def parts(self, request: HttpRequest, row: WebhookDispatch) -> Sequence[Part]:
        tries = access.attempts(row.organisation_id).filter(dispatch=row).order_by("-number")[:50]
        return [
            Facts(
                "Delivery",
                [
                    ("Endpoint", self.endpoint_shown(row)),
                    ("State", self.standing(row)),
                    ("Happened", self.since(row)),
                    ("Next try", self.next_try(row)),
                    ("webhook-id", pages.code(signatures.message_name(row.message_id))),
                ],
            ),
            Words("Message", row.message.body, "As it is sent and signed.", is_code=True),
            Table(
                "Tries",
                ["Try", "At", "Status", "Outcome", "Took"],
                [
                    [
                        one.number,
                        pages.moment(one.at),
                        one.status_code,
                        pages.words(one.code),
                        f"{one.duration_ms:,} ms",
                    ]
                    for one in tries
                ],
                empty="It was not tried yet.",
            ),
        ]

    @button(
        "outlet.manage",
        "Send again",
        text="The same message with the same id, signed anew. Receivers know it again by the id.",
        done="It is sent again.",
        icon="replay",
        fits=lambda row: row.endpoint.state == WebhookEndpoint.State.ACTIVE,
    )
    def redeliver(self, actor: Actor, row: WebhookDispatch, data: dict[str, Any]) -> None:
        operations.redeliver_message(actor=actor, message_id=row.message_id, endpoint_id=row.endpoint_id)
