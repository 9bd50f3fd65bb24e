"""Legal holds: one places, two release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, Show, button
from accounts.console import ScopedAdmin, actor_of, signed, who
from accounts.pages import Facts, Part, Table, Words
from compliance.errors import Refusal
from compliance.recordings import access as register
from compliance.recordings import call_filters
from compliance.retention import holds, holds_api, operations
from compliance.retention.models import LegalHold

_STATES = {
    LegalHold.State.ACTIVE: pages.PLAIN,
    LegalHold.State.RELEASE_PROPOSED: pages.WAITING,
    LegalHold.State.RELEASED: pages.QUIET,
}
_RESULTS = {holds.HELD: pages.GOOD, holds.TOO_LATE: pages.BAD, holds.GONE: pages.QUIET}


class CallsQuestion(Question):
    calls = forms.CharField(
        label="Calls",
        widget=forms.Textarea,
        required=False,
        help_text="Ids of calls, ours or the platform's, one a line.",
    )

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"calls": request.GET.get("calls", "").replace(",", "\n")}

    def clean_calls(self) -> list[UUID]:
        """Every line as a call of this organisation. An id of somebody else's call is an unknown one."""
        if self.actor is None:
            raise forms.ValidationError("Nobody asks")
        found, unknown = [], []
        for line in dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["calls"].splitlines()))):
            try:
                found.append(register.call_for(self.actor, line).id)
            except Refusal:
                unknown.append(line[:60])
        if unknown:
            raise forms.ValidationError(f"Not a call of yours: {', '.join(unknown[:5])}")
        return found


class CoverageQuestion(CallsQuestion):
    """What a hold covers, by one of four ways."""

    person = forms.UUIDField(
        label="Or a person", required=False, help_text="Our id of the person: all their calls, later ones too."
    )
    agent = forms.CharField(
        label="Or an agent",
        required=False,
        max_length=200,
        help_text="Our id or the platform's: all its calls, later ones too.",
    )
    filter = forms.CharField(
        label="Or a filter",
        required=False,
        widget=forms.Textarea,
        help_text=f"Frozen to the calls of now. One name=value a line, of: {', '.join(call_filters.NAMES)}.",
    )

    def clean(self) -> dict[str, Any]:
        """The fields as one query; what is wrong with it, the operation says."""
        data: dict[str, Any] = super().clean() or {}
        lines = [line for line in map(str.strip, data.get("filter", "").splitlines()) if line]
        try:
            data["query"] = holds_api.query_of(
                self.actor.organisation_id if self.actor else UUID(int=0),
                {"calls": data.get("calls", ()), "subject": data.get("person"), "agent": data.get("agent")}
                | ({"filter": dict(line.partition("=")[::2] for line in lines)} if lines else {}),
            )
        except Refusal as refusal:
            raise forms.ValidationError(refusal.message or refusal.title) from refusal
        return data


class HoldQuestion(CoverageQuestion):
    matter = forms.CharField(
        label="Matter",
        max_length=200,
        help_text="Reference of the matter, without names of callers: it stays readable.",
    )
    reason = forms.CharField(
        label="Reason",
        max_length=4000,
        widget=forms.Textarea,
        help_text="In words; sealed under the organisation's key.",
    )
    field_order = ("matter", "reason", "calls")


@admin.register(LegalHold)
class LegalHoldAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Legal holds"
    intro = "While a hold stands, nothing of its calls is deleted: schedules and erasures wait. Two people release it."
    empty = "No hold was placed yet."
    list_display = ("matter", "standing", "calls", "placed", "by")
    list_filter = ("state",)
    search_fields = ("matter",)
    search_help_text = "Matter, or the id of a call"
    ordering = ("-placed_at",)
    actions_list = ("place", "preview")
    actions_detail = ("add", "propose_release", "approve_release")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LegalHold]:
        return super().get_queryset(request).defer("sealed_reason")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LegalHold], search_term: str
    ) -> tuple[QuerySet[LegalHold], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(matter__icontains=term)
        try:
            items = holds.items(actor_of(request).organisation_id).filter(call_id=UUID(term))
            wanted |= Q(id__in=items.values("hold_id"))
        except ValueError:
            pass
        return queryset.filter(wanted), False

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        items = holds.items(actor_of(request).organisation_id).filter(hold__in=rows)
        counts = dict(items.values_list("hold_id").annotate(Count("id")).order_by())
        for row in rows:
            row.call_count, row.placed_by_name = counts.get(row.id, 0), who(request, row.placed_by)

    def name_of(self, row: LegalHold) -> str:
        return row.matter

    @admin.display(description="State")
    def standing(self, row: LegalHold) -> str:
        return pages.badge(row.get_state_display(), _STATES[LegalHold.State(row.state)])

    @admin.display(description="Calls")
    def calls(self, row: Any) -> int:
        return int(row.call_count)

    @admin.display(description="Placed", ordering="placed_at")
    def placed(self, row: LegalHold) -> str:
        return pages.moment(row.placed_at)

    @admin.display(description="By")
    def by(self, row: Any) -> str:
        return str(row.placed_by_name)

    def parts(self, request: HttpRequest, row: LegalHold) -> Sequence[Part]:
        items = holds.items(row.organisation_id).filter(hold=row).select_related("call")
        return [
            Facts(
                "Hold",
                [
                    ("Matter", row.matter),
                    ("State", self.standing(row)),
                    ("Covers", _covers(row)),
                    ("Placed", signed(request, row.placed_at, row.placed_by)),
                    ("Release proposed", signed(request, row.release_proposed_at, row.release_proposed_by)),
                    ("Released", signed(request, row.released_at, row.released_by)),
                ],
            ),
            Words("Reason", operations.open_reason(actor=actor_of(request), hold_id=row.id)),
            Table(
                "Calls",
                ["Call", "Started", "Result", "Artifacts"],
                [
                    [
                        pages.to("recordings_call", item.call_id, item.call.external_id or pages.short(item.call_id)),
                        pages.moment(item.call.started_at),
                        pages.state(item.result, _RESULTS),
                        _counted(item.artifacts),
                    ]
                    for item in items.order_by("id")[:500]
                ],
                "“Too late” is a call whose erasure had begun when the hold came.",
            ),
        ]

    @button(
        "retention.place_hold",
        "Place a hold",
        text="Forbids the disposal of these calls with everything in them, from now until two people release it.",
        done="The hold is placed.",
        form=HoldQuestion,
        icon="gavel",
    )
    def place(self, actor: Actor, row: None, data: dict[str, Any]) -> LegalHold:
        return operations.place_hold(actor=actor, matter=data["matter"], reason=data["reason"], query=data["query"])

    @button(
        "retention.read",
        "Preview a hold",
        text="How much a hold would cover now. Nothing is changed.",
        form=CoverageQuestion,
        submit="Preview",
        icon="visibility",
    )
    def preview(self, actor: Actor, row: None, data: dict[str, Any]) -> Show:
        found = operations.preview_hold(actor=actor, query=data["query"])
        rows: list[tuple[str, object]] = [
            ("Calls", found.calls),
            ("Would be kept", found.held),
            ("Their erasure has begun", found.too_late),
            ("Gone already", found.gone),
            ("Artifacts that would be kept", found.artifacts),
            ("Their bytes", found.size),
            ("Later calls too", "yes" if found.covers_later_calls else "no"),
        ]
        return Show("What a hold would cover", [Facts("Now", rows)])

    @button(
        "retention.place_hold",
        "Add calls",
        text="These calls are kept under this hold as well; at most 500 at once.",
        done="The calls are under the hold.",
        form=CallsQuestion,
        icon="playlist_add",
        fits=lambda row: row.state != LegalHold.State.RELEASED,
    )
    def add(self, actor: Actor, row: LegalHold, data: dict[str, Any]) -> None:
        operations.add_calls(actor=actor, hold_id=row.id, call_ids=data["calls"])

    @button(
        "retention.propose_release",
        "Propose release",
        text="Somebody else must approve before anything that waited goes on.",
        done="The release is proposed; a second person approves it.",
        icon="lock_open",
        fits=lambda row: row.state == LegalHold.State.ACTIVE,
    )
    def propose_release(self, actor: Actor, row: LegalHold, data: dict[str, Any]) -> None:
        operations.propose_release(actor=actor, hold_id=row.id)

    @button(
        "retention.approve_release",
        "Approve release",
        text="Erasures and schedules that waited for this hold go on at once. What they delete cannot be brought back.",
        done="The hold is released.",
        icon="lock_open",
        is_dangerous=True,
        fits=lambda row: row.state == LegalHold.State.RELEASE_PROPOSED,
    )
    def approve_release(self, actor: Actor, row: LegalHold, data: dict[str, Any]) -> None:
        operations.approve_release(actor=actor, hold_id=row.id)


def _covers(row: LegalHold) -> str:
    """In words, and whether the list below is complete."""
    words = {
        "subject": "all calls of a person, later ones too",
        "agent": "all calls of an agent, later ones too",
        "filter": "the calls that a filter found when it was placed",
    }
    text = words.get(row.query.get("scope", ""), "the calls below")
    return text if holds.is_complete(row) else f"{text}; the list is still being written, and all are covered already"


def _counted(artifacts: dict[str, str]) -> str:
    """How many artifacts of each result."""
    results = list(artifacts.values())
    return ", ".join(f"{results.count(name)} {pages.words(name)}" for name in holds.RESULTS if name in results)
