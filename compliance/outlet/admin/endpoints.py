"""Console: endpoints, their secrets and standing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts import access as rights
from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, Show, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Figure, Part, Secret, Table
from compliance.outlet import access, catalogue, operations, targets
from compliance.outlet.models import WebhookDispatch, WebhookEndpoint
from compliance.outlet.schemas import EventType

_State = WebhookEndpoint.State
_STATES = {_State.ACTIVE: pages.GOOD, _State.PAUSED: pages.WAITING, _State.DISABLED: pages.BAD}
_ONCE = "Give this to the receiver now. It is sealed here and shown this once."
_RECENT = timedelta(days=7)


class EndpointQuestion(Question):
    url = forms.CharField(label="Address", max_length=targets.MOST_CHARACTERS, help_text="https, at a public host.")
    event_types = forms.CharField(
        label="Events",
        widget=forms.Textarea,
        help_text="One a line: a name, the beginning of names and .*, or * for all.",
        initial="*",
    )
    description = forms.CharField(label="Description", max_length=200, required=False)

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        if row is None:
            return {}
        return {"url": row.url, "event_types": "\n".join(row.event_types), "description": row.description}


class SinceQuestion(Question):
    since = forms.DateTimeField(label="Since", help_text="Messages are kept for 30 days.")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ScopedAdmin):
    read_action = "outlet.read"
    title = "Webhook endpoints"
    intro = "Programs of yours that are told when something happens here. Messages hold ids and codes, and no person."
    empty = "No program is told of anything yet."
    list_display = ("name", "standing", "events", "waiting", "missed", "failing_since")
    ordering = ("-id",)
    actions_list = ("create",)
    actions_detail = ("set_details", "rotate_secret", "send_test", "pause", "redeliver", "resume", "remove")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return access.endpoints(actor_of(request).organisation_id)

    @admin.display(description="Endpoint")
    def name(self, row: WebhookEndpoint) -> str:
        return str(row)

    @admin.display(description="State", ordering="state")
    def standing(self, row: WebhookEndpoint) -> str:
        badge = pages.badge(row.get_state_display(), _STATES[_State(row.state)])
        return pages.beside(badge, pages.words(row.reason)) if row.reason else badge

    @admin.display(description="Events")
    def events(self, row: WebhookEndpoint) -> str:
        return pages.listed(row.event_types)

    @admin.display(description="Waiting")
    def waiting(self, row: WebhookEndpoint) -> str:
        return pages.counted(access.waiting(row))

    def parts(self, request: HttpRequest, row: WebhookEndpoint) -> Sequence[Part]:
        newest = access.dispatches(row.organisation_id).filter(endpoint=row).order_by("-id")[:20]
        secrets = access.usable_secrets(row)
        return [
            Facts(
                "Endpoint",
                [
                    ("Address", pages.code(row.url)),
                    ("State", self.standing(row)),
                    ("Waiting", self.waiting(row)),
                    ("Missed", pages.beside(f"{row.missed:,}", pages.moment(row.missed_at))),
                    ("Failing since", pages.beside(pages.moment(row.failing_since), f"{row.failures:,} failed tries")),
                    ("Secrets that sign", pages.lines(pages.moment(one.valid_from) for one in secrets)),
                    ("Since", pages.moment(row.created_at)),
                    ("Id", pages.code(row.id)),
                ],
            ),
            Facts("Events", [(one.name, one.text) for one in _chosen(row)]),
            Table(
                "Newest messages",
                ["Event", "Happened", "State", "Last outcome"],
                [
                    [
                        pages.to("outlet_webhookdispatch", one.id, one.message.type),
                        pages.moment(one.message.occurred_at),
                        one.get_state_display(),
                        pages.words(one.last_code),
                    ]
                    for one in newest
                ],
                empty="Nothing was told to this endpoint in the last 30 days.",
            ),
        ]

    @button(
        "outlet.manage",
        "New endpoint",
        text="You get a secret by which every message is signed. It is shown once.",
        form=EndpointQuestion,
        icon="add",
    )
    def create(self, actor: Actor, row: None, data: dict[str, Any]) -> Show:
        return _shown(operations.create_endpoint(actor=actor, new=_settings(data)))

    @button(
        "outlet.manage",
        "Edit",
        text="Replaces all three. What waits goes to the new address.",
        done="The endpoint is changed.",
        form=EndpointQuestion,
        submit="Save",
    )
    def set_details(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> None:
        operations.change_endpoint(actor=actor, endpoint_id=row.id, new=_settings(data))

    @button(
        "outlet.manage",
        "New secret",
        text="The next page shows it, once. The one before signs beside it for 24 hours.",
    )
    def rotate_secret(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> Show:
        return _shown(operations.rotate_secret(actor=actor, endpoint_id=row.id))

    @button(
        "outlet.manage",
        "Send test",
        text="One message of the kind webhook.test is sent.",
        done="The test is on its way.",
        fits=lambda row: row.state == _State.ACTIVE and not _has_failed(row),
    )
    def send_test(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> None:
        operations.send_test_event(actor=actor, endpoint_id=row.id)

    @button(
        "outlet.manage",
        "Pause",
        text="Nothing is sent until you resume it. What happens meanwhile waits.",
        done="The endpoint is paused.",
        fits=lambda row: row.state == _State.ACTIVE,
    )
    def pause(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> None:
        operations.pause_endpoint(actor=actor, endpoint_id=row.id)

    @button(
        "outlet.manage",
        "Redeliver",
        text="Everything that was given up since then is sent again.",
        form=SinceQuestion,
        fits=lambda row: row.state == _State.ACTIVE and _has_failed(row),
    )
    def redeliver(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> str:
        count = operations.redeliver_failed(actor=actor, endpoint_id=row.id, since=data["since"])
        return "1 message is sent again." if count == 1 else f"{count:,} messages are sent again."

    @button(
        "outlet.manage",
        "Resume",
        text="What waited is sent now. What was given up stays so until you redeliver it.",
        done="The endpoint is active.",
        fits=lambda row: row.state != _State.ACTIVE,
    )
    def resume(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> None:
        operations.resume_endpoint(actor=actor, endpoint_id=row.id)

    @button(
        "outlet.manage",
        "Remove",
        text="Address and secrets are forgotten, and what waits is given up. It does not come back.",
        is_dangerous=True,
        fits=lambda row: row.state != _State.ACTIVE,
    )
    def remove(self, actor: Actor, row: WebhookEndpoint, data: dict[str, Any]) -> HttpResponseRedirect:
        operations.remove_endpoint(actor=actor, endpoint_id=row.id)
        return HttpResponseRedirect(reverse(self.url_name("changelist")))  # its own page is gone


def figures(request: HttpRequest) -> list[Figure]:
    """What the overview says about endpoints: those that failures stopped, or that missed something lately."""
    actor = actor_of(request)
    if not rights.may(actor, "outlet.read"):
        return []
    rows = access.endpoints(actor.organisation_id)
    troubled = rows.filter(Q(state=_State.DISABLED) | Q(missed_at__gt=timezone.now() - _RECENT)).count()
    if not rows.exists():
        return []
    url = reverse("admin:outlet_webhookendpoint_changelist")
    tone = pages.BAD if troubled else pages.GOOD
    return [Figure("Webhook endpoints in trouble", troubled, "disabled by failures, or missed messages", url, tone)]


def _settings(data: dict[str, Any]) -> operations.NewEndpoint:
    lines = [line for line in data["event_types"].splitlines() if line.strip()]
    return operations.NewEndpoint(url=data["url"], event_types=lines, description=data["description"])


def _shown(made: operations.NewSecret) -> Show:
    return Show("Secret", [Secret(str(made.endpoint), [("Secret by which messages are signed", made.secret)], _ONCE)])


def _chosen(row: WebhookEndpoint) -> list[EventType]:
    names = catalogue.chosen(row.event_types)
    return [one for one in catalogue.EVENT_TYPES.values() if one.name in names]


def _has_failed(row: WebhookEndpoint) -> bool:
    return access.dispatches(row.organisation_id).filter(endpoint=row, state=WebhookDispatch.State.FAILED).exists()
