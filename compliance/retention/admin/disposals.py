"""What left, on what ground, how far it came, and how its absence was proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.console import ScopedAdmin, signed
from accounts.pages import Facts, Part, Table
from compliance.retention.models import Disposal

_STEPS = {
    Disposal.Step.BEGUN: pages.WAITING,
    Disposal.Step.KEYS_DESTROYED: pages.WAITING,
    Disposal.Step.BYTES_DELETED: pages.WAITING,
    Disposal.Step.DONE: pages.GOOD,
}


_PROOF = ("place", "name", "how", "answer")


@admin.register(Disposal)
class DisposalAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Disposals"
    intro = "One row an artifact that left. Done means that every place where it lay is proven empty, or attested."
    empty = "Nothing was disposed of yet."
    list_display = ("artifact_shown", "standing", "reason", "call_shown", "begun", "finished")
    list_filter = ("step",)
    ordering = ("-begun_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Disposal]:
        rows = super().get_queryset(request).select_related("artifact", "call")
        return rows.defer("artifact__sealed_source", "call__sealed_facts", "call__standings")

    def name_of(self, row: Disposal) -> str:
        return f"{pages.words(row.artifact.kind).capitalize()} {row.artifact_id.hex[-8:]}"

    @admin.display(description="Artifact")
    def artifact_shown(self, row: Disposal) -> str:
        return self.name_of(row)

    @admin.display(description="Step")
    def standing(self, row: Disposal) -> str:
        return pages.badge(row.get_step_display(), _STEPS[Disposal.Step(row.step)])

    @admin.display(description="Ground")
    def reason(self, row: Disposal) -> str:
        return pages.words(row.ground)

    @admin.display(description="Call")
    def call_shown(self, row: Disposal) -> str:
        if row.call is None:
            return pages.NOTHING
        return pages.to("recordings_call", row.call_id, row.call.external_id or pages.short(row.call_id))

    @admin.display(description="Begun", ordering="begun_at")
    def begun(self, row: Disposal) -> str:
        return pages.moment(row.begun_at)

    @admin.display(description="Done")
    def finished(self, row: Disposal) -> str:
        return pages.moment(row.finished_at)

    def parts(self, request: HttpRequest, row: Disposal) -> Sequence[Part]:
        return [
            Facts(
                "Disposal",
                [
                    ("Step", self.standing(row)),
                    ("Ground", self.reason(row)),
                    ("Artifact", pages.to("recordings_artifact", row.artifact_id, self.name_of(row))),
                    ("Call", self.call_shown(row)),
                    ("The call's key goes too", "yes" if row.whole_call else "no"),
                    ("Request", pages.to("dsr_subjectrequest", row.request_id, "the request")),
                    ("Begun", signed(request, row.begun_at, row.begun_by)),
                    ("Done", pages.moment(row.finished_at)),
                    ("SHA-256 of the clear bytes", pages.code(row.sha256)),
                    ("SHA-256 of the ciphertext", pages.code(row.ciphertext_sha256)),
                ],
            ),
            Table(
                "Proofs of absence",
                ["Place", "Name", "How", "Answer", "Checked"],
                [[*(proof.get(name) for name in _PROOF), _checked(proof)] for proof in row.proofs],
                empty="No place is proven empty yet.",
            ),
            Table(
                "In the log",
                ["Entry"],
                [[pages.to("audit_entry", entry, entry)] for entry in row.entries],
            ),
        ]


def _checked(proof: dict[str, Any]) -> object:
    return pages.told_moment(str(proof.get("checked_at", "")))
