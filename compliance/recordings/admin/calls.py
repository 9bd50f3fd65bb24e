"""Calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part, Table
from compliance.recordings import access, places
from compliance.recordings.admin import content, describing, searching, tables
from compliance.recordings.models import Call
from compliance.recordings.operations import placing


@admin.register(Call)
class CallAdmin(ScopedAdmin):
    read_action = "recordings.read"
    title = "Calls"
    intro = (
        "Every call that a platform told about. An erased one stays as its own tombstone: times and proofs, no person."
    )
    empty = "No call is registered yet."
    list_display = ("call", "started", "lasted", "agent_shown", "direction", "outcome", "place", "standing")
    list_filter = ("state", "direction", "status", "consent")
    search_fields = ("external_id",)
    search_help_text = "Id of the call, here or at its platform; or of a batch"
    ordering = ("-id",)
    actions_list = ("search_words",)
    actions_detail = ("open_content", "set_places", "set_labels")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return access.calls(actor_of(request).organisation_id).defer("sealed_facts", "standings")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Call], search_term: str
    ) -> tuple[QuerySet[Call], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        named = Q(external_id=term) | Q(batch_id=term)
        try:
            named |= Q(id=UUID(term))
        except ValueError:
            pass
        return queryset.filter(named), False

    def name_of(self, row: Call) -> str:
        return row.external_id or f"Call {row.id.hex[-8:]}"

    @admin.display(description="Call")
    def call(self, row: Call) -> str:
        return self.name_of(row)

    @admin.display(description="Started", ordering="started_at")
    def started(self, row: Call) -> str:
        return pages.moment(row.started_at)

    @admin.display(description="Length")
    def lasted(self, row: Call) -> str:
        return pages.duration(row.duration_ms)

    @admin.display(description="Agent")
    def agent_shown(self, row: Call) -> str:
        return str(row.agent) if row.agent else pages.NOTHING

    @admin.display(description="Outcome")
    def outcome(self, row: Call) -> str:
        return pages.words(row.status) if row.status else pages.NOTHING

    @admin.display(description="State")
    def standing(self, row: Call) -> str:
        return pages.state(row.state, tables.CALL_STATES)

    def parts(self, request: HttpRequest, row: Call) -> Sequence[Part]:
        artifacts = access.artifacts_of(row.organisation_id, row.id)
        return [
            self._facts(row),
            _place_table(row),
            tables.artifact_table(artifacts),
            tables.place_table(row.organisation_id, artifacts),
            tables.party_table(row),
        ]

    def _facts(self, row: Call) -> Facts:
        holds = reverse("admin:retention_legalhold_changelist") + f"?q={row.id}"
        return Facts(
            "Call",
            [
                ("State", self.standing(row)),
                ("Agent", pages.to("connectors_agent", row.agent_id, row.agent)),
                ("Connection", pages.to("connectors_connection", row.connection_id, row.connection)),
                ("Started", pages.moment(row.started_at)),
                ("Ended", pages.moment(row.ended_at)),
                ("Length", pages.duration(row.duration_ms)),
                ("Direction", row.direction),
                ("Outcome", self.outcome(row)),
                ("Place of the caller", row.place),
                ("Consent, as the platform says", pages.words(row.consent) if row.consent else ""),
                ("Language", row.language),
                ("Labels", pages.lines(row.labels)),
                ("Signature of its document", row.trust),
                ("Batch", row.batch_id),
                ("Registered", pages.moment(row.registered_at)),
                ("Erased", pages.moment(row.erased_at)),
                ("Legal holds", pages.link("Holds on this call", holds)),
                ("Id", pages.code(row.id)),
            ],
        )

    @button(
        "recordings.search_transcripts",
        "Search words",
        text="You see the sentences in which the words were said. The search and each call shown are entries in the "
        "log, with your name and this purpose; the words are not.",
        form=searching.SearchQuestion,
        submit="Search",
        icon="manage_search",
    )
    def search_words(self, actor: Actor, row: None, data: dict[str, Any]) -> Show:
        return searching.show(actor, data)

    @button(
        "recordings.open_content",
        "Open sound and words",
        text="You see and hear what was said. The opening is an entry in the log, with your name and this purpose.",
        form=content.PurposeQuestion,
        submit="Open",
        icon="headphones",
        fits=lambda row: row.state == Call.State.ACTIVE,
    )
    def open_content(self, actor: Actor, row: Call, data: dict[str, Any]) -> Show:
        purpose = content.PurposeQuestion.stated(data)
        return Show("Sound and words", [content.sound(actor, row, purpose), *content.words(actor, row, purpose)])

    @button(
        "recordings.describe",
        "Set places",
        text=(
            "State where the ends of this call are. Your word replaces what was stated before; what the numbers say "
            "stays beside it. Dates of disposal and the audit of the call are looked at again."
        ),
        form=describing.PlacesQuestion,
        submit="Set places",
        icon="location_on",
        fits=lambda row: row.state == Call.State.ACTIVE,
    )
    def set_places(self, actor: Actor, row: Call, data: dict[str, Any]) -> None:
        placing.set_places(actor=actor, call_id=row.id, words=describing.PlacesQuestion.stated(data))

    @button(
        "recordings.describe",
        "Set labels",
        text="Labels choose calls for schedules, holds and downloads. These replace all that the call has.",
        form=describing.LabelsQuestion,
        submit="Set labels",
        icon="label",
        fits=lambda row: row.state == Call.State.ACTIVE,
    )
    def set_labels(self, actor: Actor, row: Call, data: dict[str, Any]) -> None:
        placing.set_labels(actor=actor, call_id=row.id, labels=data["labels"].splitlines())


def _place_table(row: Call) -> Table:
    known = places.from_json(row.places)
    counting = ", ".join(places.that_count(known))
    return Table(
        "Places",
        ["End", "Place", "On whose word", "How sure", "Why"],
        [
            [pages.words(one.end), one.place, pages.words(one.source), one.confidence, pages.words(one.reason)]
            for one in known
        ],
        text=f"The strictest of these decides: {counting}." if counting else "",
        empty="Nothing says where the ends of this call are.",
    )
