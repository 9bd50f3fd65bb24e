"""Deletion debt: places that were asked to delete and are not proven empty.

Locations belong to the register; their rows come through its door.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import due_work, pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of, who
from accounts.pages import Facts, Part
from compliance.connectors.providers import registry
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.retention import debt
from compliance.retention.operations import upstream

_STATES = {
    LocationState.PRESENT: pages.GOOD,
    LocationState.EXPECTED_GONE_ON: pages.PLAIN,
    LocationState.ASKED: pages.WAITING,
    LocationState.REFUSED: pages.BAD,
    LocationState.CONFIRMED_GONE: pages.GOOD,
}


class EvidenceQuestion(Question):
    evidence = forms.CharField(
        label="Evidence",
        min_length=10,
        max_length=4000,
        widget=forms.Textarea,
        help_text="The support case, the letter, who confirmed it, when. Reports will say “attested”, never “proven”.",
    )


class DebtFilter(admin.SimpleListFilter):
    """The debt is what this list is for; settled places are the exception."""

    title = "debt"
    parameter_name = "settled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Settled")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield choice if choice["display"] == "Settled" else {**choice, "display": "Open"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "1":
            return queryset.filter(state=LocationState.CONFIRMED_GONE.value)
        return queryset.filter(asked_at__isnull=False).exclude(state=LocationState.CONFIRMED_GONE.value)


class PlatformFilter(admin.SimpleListFilter):
    """By platform; the names are those that we know, so that nothing is counted."""

    title = "platform"
    parameter_name = "platform"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, registry.provider_for(name).label) for name in registry.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(name=self.value()) if self.value() else queryset


@admin.register(apps.get_model("recordings", "Location"))
class LocationAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Deletion debt"
    intro = (
        "Places that are to be empty and are not proven so. Platforms that take orders are asked until they are; "
        "an address proves by “not found” or “gone” only."
    )
    empty = "Nothing is owed: every place that was asked is proven empty."
    list_display = (
        "place_shown",
        "standing",
        "since",
        "tries",
        "answer",
        "missing",
        "next_try_shown",
        "artifact_shown",
        "call_shown",
    )
    list_filter = (DebtFilter, PlatformFilter)
    ordering = ("asked_at", "id")
    actions_detail = ("check_now", "attest")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = register.locations(actor_of(request).organisation_id).select_related("artifact__call")
        rows = rows.annotate(next_try=due_work.next_run("retention.check_location"))
        return rows.defer("sealed_probe", "artifact__sealed_source", "artifact__call__sealed_facts")

    def name_of(self, row: Any) -> str:
        return f"{row.get_place_display()}, {row.name}" if row.name else str(row.get_place_display())

    @admin.display(description="Place")
    def place_shown(self, row: Any) -> str:
        return self.name_of(row)

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="Artifact")
    def artifact_shown(self, row: Any) -> str:
        return pages.to("recordings_artifact", row.artifact_id, pages.words(row.artifact.kind).capitalize())

    @admin.display(description="Call")
    def call_shown(self, row: Any) -> str:
        call = row.artifact.call
        return pages.to("recordings_call", call.id, call.external_id or pages.short(call.id)) if call else pages.NOTHING

    @admin.display(description="Owed since", ordering="asked_at")
    def since(self, row: Any) -> str:
        return pages.moment(row.asked_at)

    @admin.display(description="Tries", ordering="attempts")
    def tries(self, row: Any) -> int:
        return int(row.attempts)

    @admin.display(description="Last answer")
    def answer(self, row: Any) -> str:
        return pages.words(row.last_code or row.proof.get("answer") or row.proof.get("how") or pages.NOTHING)

    @admin.display(description="Missing")
    def missing(self, row: Any) -> str:
        is_settled = row.state == LocationState.CONFIRMED_GONE or row.asked_at is None
        return pages.NOTHING if is_settled else pages.words(debt.missing(row))

    @admin.display(description="Next try")
    def next_try_shown(self, row: Any) -> str:
        return pages.moment(row.next_try)

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        proof = row.proof
        return [
            Facts(
                "Place",
                [
                    ("Place", self.name_of(row)),
                    ("State", self.standing(row)),
                    ("Artifact", self.artifact_shown(row)),
                    ("Call", self.call_shown(row)),
                    ("Platform deletes by itself on", pages.day(row.expected_gone_on)),
                    ("Owed since", self.since(row)),
                    ("Tries", row.attempts),
                    ("Missing", self.missing(row)),
                    ("Next try", self.next_try_shown(row)),
                    ("Checked", pages.moment(row.checked_at)),
                    ("How", pages.words(proof.get("how", ""))),
                    ("Answer", pages.words(proof.get("answer", ""))),
                    ("Attested by", who(request, proof["by"]) if "by" in proof else ""),
                    ("Entry", pages.to("audit_entry", proof.get("entry"), "in the log")),
                    ("Id", pages.code(row.id)),
                ],
            )
        ]

    @button(
        "retention.read",
        "Check now",
        text="The platform, or its address, is asked at once, as it is every day. Only a proof settles the debt.",
        icon="sync",
        fits=lambda row: row.asked_at is not None and row.state != LocationState.CONFIRMED_GONE,
    )
    def check_now(self, actor: Actor, row: Any, data: dict[str, Any]) -> str:
        if debt.deletes_on_call(row):  # not from a page: its transaction would hold locks while the platform thinks
            upstream.check_soon(actor=actor, location_id=row.id)
            return "The platform is being asked; the answer will stand here."
        if debt.check_location(actor=actor, location_id=row.id):
            return "Proven gone: the debt on this place is settled."
        return "Not proven: the place still answers, gives no proof, or has no address to ask."

    @button(
        "dsr.handle",
        "Attest with evidence",
        text="For a place that has no address of its own. You state, with your name, that it no longer holds the data.",
        done="Attested. Every report will say so.",
        form=EvidenceQuestion,
        submit="Attest",
        icon="edit_note",
        fits=lambda row: row.state == LocationState.ASKED,
    )
    def attest(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        debt.attest_gone(actor=actor, location_id=row.id, evidence=data["evidence"])
