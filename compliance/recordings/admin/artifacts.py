"""Artifacts."""

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
from accounts.pages import Facts, Part
from compliance.recordings import access
from compliance.recordings.admin import tables
from compliance.recordings.models import Artifact
from compliance.recordings.operations import fetching
from compliance.recordings.states import ArtifactKind, ArtifactState

_FETCHABLE = frozenset({ArtifactState.ANNOUNCED, ArtifactState.RETRY_WAIT, ArtifactState.UNAVAILABLE})


@admin.register(Artifact)
class ArtifactAdmin(ScopedAdmin):
    read_action = "recordings.read"
    title = "Artifacts"
    intro = (
        "Everything that holds personal data of a call. Retention, holds and erasure work on these and on nothing else."
    )
    list_display = ("what", "standing", "call_shown", "length", "due", "rule", "registered")
    list_filter = ("kind", "state")
    ordering = ("-id",)
    actions_detail = ("fetch_again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Artifact]:
        rows = access.artifacts(actor_of(request).organisation_id).select_related(None).select_related("call")
        return rows.defer("sealed_source", "call__sealed_facts", "call__standings")

    def name_of(self, row: Artifact) -> str:
        return tables.named(row)

    @admin.display(description="Artifact")
    def what(self, row: Artifact) -> str:
        return tables.named(row)

    @admin.display(description="State")
    def standing(self, row: Artifact) -> str:
        return pages.state(row.state, tables.ARTIFACT_STATES)

    @admin.display(description="Call")
    def call_shown(self, row: Artifact) -> str:
        if row.call is None:
            return pages.NOTHING
        return pages.to("recordings_call", row.call_id, row.call.external_id or pages.short(row.call_id))

    @admin.display(description="Size")
    def length(self, row: Artifact) -> str:
        return pages.size(row.size)

    @admin.display(description="Kept until", ordering="due_on")
    def due(self, row: Artifact) -> Any:
        return tables.kept_until(row)

    @admin.display(description="Rule")
    def rule(self, row: Artifact) -> str:
        return row.retention_rule or pages.NOTHING

    @admin.display(description="Registered")
    def registered(self, row: Artifact) -> str:
        return pages.moment(row.registered_at)

    def parts(self, request: HttpRequest, row: Artifact) -> Sequence[Part]:
        return [
            Facts(
                "Artifact",
                [
                    ("State", self.standing(row)),
                    ("Failure", pages.words(row.failure_code) if row.failure_code else ""),
                    ("Call", self.call_shown(row)),
                    ("Type", f"{row.media_type} {row.codec}".strip()),
                    ("Length", pages.duration(row.duration_ms)),
                    ("Size in clear", pages.size(row.size)),
                    ("SHA-256 of the clear bytes", pages.code(row.sha256)),
                    ("Registered", pages.moment(row.registered_at)),
                    ("Stored", pages.moment(row.stored_at)),
                    ("Deleted", pages.moment(row.deleted_at)),
                    ("Deleted because", pages.words(row.deletion_ground) if row.deletion_ground else ""),
                    ("Id", pages.code(row.id)),
                ],
            ),
            Facts(
                "Retention",
                [
                    ("Kept until", tables.kept_until(row)),
                    ("Rule", row.retention_rule),
                    ("Reason", row.retention_reason),
                ],
            ),
            tables.place_table(row.organisation_id, [row]),
            tables.link_table(request, row),
        ]

    @button(
        "recordings.register",
        "Fetch again",
        text="The platform is asked for this recording once more, after its host was allowed or it was mended.",
        done="The recording will be fetched again.",
        icon="download",
        fits=lambda row: row.state in _FETCHABLE and row.kind == ArtifactKind.RECORDING,
    )
    def fetch_again(self, actor: Actor, row: Artifact, data: dict[str, Any]) -> None:
        fetching.retry_fetch(actor=actor, artifact_id=row.id)
