"""Console: runs with what they found, findings with what, why and since when, and the two halves of a repair."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, signed, who
from accounts.pages import Facts, Part, Table
from compliance.reconciliation import access, operations, report
from compliance.reconciliation.models import Finding, Run
from compliance.reconciliation.rules.kinds import REPAIRS, Dismissal, Kind

_RUN_STATES = {Run.State.RUNNING: pages.WAITING, Run.State.STOPPED: pages.BAD, Run.State.FINISHED: pages.GOOD}
_STATES = {
    Finding.State.OPEN: pages.BAD,
    Finding.State.PROPOSED: pages.WAITING,
    Finding.State.APPROVED: pages.WAITING,
    Finding.State.DISMISSED: pages.QUIET,
    Finding.State.REPAIRED: pages.GOOD,
    Finding.State.RESOLVED: pages.QUIET,
}
_MEANINGS = {
    Kind.ORPHAN: "The store holds an object that no row knows.",
    Kind.MISSING: "The register expects an object that the store does not have.",
    Kind.FOUND_AGAIN: "It was marked missing, and lies in the store in its full length.",
    Kind.SIZE: "The object has another length than the register.",
    Kind.HASH: "Read again, the bytes are not those that were sealed.",
    Kind.WRONG_KEY: "Another object lies here, or the row does not open it.",
    Kind.STORAGE_CLASS: "The object lies in a class from which it cannot be read at once.",
    Kind.EXTRA_VERSION: "Older versions of the object are still there.",
    Kind.DELETE_MARKER: "The store keeps a delete marker under this key.",
    Kind.UNDEAD: "The register says deleted; the object is there.",
    Kind.VENDOR_UNDEAD: "The platform confirmed the deletion and still shows the call.",
    Kind.OVERDUE: "Its day passed more than two days ago; no hold keeps it and nothing was begun.",
    Kind.HELD_BUT_GONE: "A legal hold covers it, and it is gone.",
    Kind.COUNT_GAP: "A batch announced more calls than arrived.",
    Kind.BACKUP_OVERDUE: "A backup is past the day on which it should have ended.",
    Kind.UNFINISHED: "Bytes were staged and never became an object.",
    Kind.TOMBSTONE: "A tombstone and its copy in the store do not go together.",
}


class DismissalQuestion(Question):
    code = forms.ChoiceField(
        label="Why", choices=[(one.value, pages.words(one.value).capitalize()) for one in Dismissal]
    )


class OpenFilter(admin.SimpleListFilter):
    """What is open is what this list is for."""

    title = "state"
    parameter_name = "settled"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Settled")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield choice if choice["display"] == "Settled" else {**choice, "display": "Open"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return (
            queryset.exclude(state__in=access.OPEN) if self.value() == "1" else queryset.filter(state__in=access.OPEN)
        )


@admin.register(Run)
class RunAdmin(ScopedAdmin):
    read_action = "reconciliation.read"
    title = "Reconciliation runs"
    intro = "Every day the store and the register are compared, both ways. A run changes nothing: it reports."
    empty = "Nothing was compared yet."
    list_display = ("started", "standing", "seen", "read_again", "found")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_list = ("start",)
    actions_detail = ("download_report", "go_on")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        rows: QuerySet[Run] = super().get_queryset(request).defer("report")
        return rows

    def name_of(self, row: Run) -> str:
        return f"Run of {row.started_at:%-d %b %Y %H:%M}"

    @admin.display(description="Started", ordering="id")
    def started(self, row: Run) -> str:
        return pages.moment(row.started_at)

    @admin.display(description="State")
    def standing(self, row: Run) -> str:
        return pages.badge(row.get_state_display(), _RUN_STATES[Run.State(row.state)])

    @admin.display(description="Objects")
    def seen(self, row: Run) -> str:
        return f"{row.objects_seen:,} of {row.expected:,}"

    @admin.display(description="Read again")
    def read_again(self, row: Run) -> str:
        return f"{row.objects_read:,} ({pages.size(row.bytes_read)})"

    @admin.display(description="Found")
    def found(self, row: Run) -> str:
        return pages.listed(f"{pages.words(kind)} {count:,}" for kind, count in sorted(row.counts.items()))

    def parts(self, request: HttpRequest, row: Run) -> Sequence[Part]:
        return [
            Facts(
                "Run",
                [
                    ("State", self.standing(row)),
                    ("Stopped for", pages.words(row.stopped_for)),
                    ("Waits for", pages.words(row.last_code)),
                    ("Stage", row.get_stage_display()),
                    ("Started", signed(request, row.started_at, row.started_by)),
                    ("Finished", pages.moment(row.finished_at)),
                    ("Objects in the store", f"{row.objects_seen:,}"),
                    ("Rows in the register", f"{row.rows_seen:,}"),
                    ("Bytes in the store", pages.size(row.bytes_seen)),
                    ("Left out as too young", f"{row.young:,} (guard: {row.guard_hours} hours)"),
                    ("Read again", self.read_again(row)),
                    ("Findings of one kind that stop a run", f"more than {row.most:,}"),
                ],
            ),
            Table(
                "Found by kind",
                ["Kind", "Findings", "Means"],
                [
                    [pages.words(kind), f"{count:,}", _MEANINGS.get(Kind(kind), "")]
                    for kind, count in sorted(row.counts.items())
                ],
                empty="Store and register agree.",
            ),
            Table("In the log", ["Entry"], [[pages.to("audit_entry", entry, entry)] for entry in row.entries]),
        ]

    @button(
        "reconciliation.run",
        "Compare now",
        text="Store and register are compared at once, as they are every day. Nothing is changed.",
        done="The run has begun.",
        icon="compare_arrows",
    )
    def start(self, actor: Actor, row: Any, data: dict[str, Any]) -> Run:
        return operations.start_run(actor=actor)

    @button(
        "reconciliation.run",
        "Go on",
        text="The run stopped because it found too much of one kind. Look whether the store is the right one, first. "
        "It then goes on to its end, however much it finds, and still changes nothing.",
        done="The run goes on.",
        icon="resume",
        fits=lambda row: row.state == Run.State.STOPPED,
    )
    def go_on(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        operations.continue_run(actor=actor, run_id=row.id)

    @button(
        "reconciliation.read",
        "Download report",
        text="The signed report of this run. Anybody can check it with the log's key; the download is an entry.",
        icon="download",
        fits=lambda row: row.state == Run.State.FINISHED,
    )
    def download_report(self, actor: Actor, row: Any, data: dict[str, Any]) -> HttpResponse:
        document = report.open_report(actor=actor, run_id=row.id)
        name = f"reconciliation-{row.started_at:%Y-%m-%d}.json"
        return HttpResponse(
            document,
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
        )


@admin.register(Finding)
class FindingAdmin(ScopedAdmin):
    read_action = "reconciliation.read"
    title = "Reconciliation findings"
    intro = "Where register and places do not agree. Nothing is repaired without two people."
    empty = "Register and places agree."
    list_display = ("what", "standing", "thing_shown", "artifact_shown", "since", "last_seen")
    list_filter = (OpenFilter, "kind")
    ordering = ("-id",)
    actions_detail = ("propose", "approve", "dismiss")

    def name_of(self, row: Finding) -> str:
        return str(pages.words(row.kind)).capitalize()

    @admin.display(description="Finding", ordering="kind")
    def what(self, row: Finding) -> str:
        return self.name_of(row)

    @admin.display(description="State")
    def standing(self, row: Finding) -> str:
        return pages.badge(row.get_state_display(), _STATES[Finding.State(row.state)])

    @admin.display(description="Thing")
    def thing_shown(self, row: Finding) -> str:
        return pages.code(row.thing)

    @admin.display(description="Artifact")
    def artifact_shown(self, row: Finding) -> str:
        return pages.to("recordings_artifact", row.artifact_id, "artifact")

    @admin.display(description="Since", ordering="first_seen_at")
    def since(self, row: Finding) -> str:
        return pages.moment(row.first_seen_at)

    @admin.display(description="Last seen", ordering="last_seen_at")
    def last_seen(self, row: Finding) -> str:
        return pages.moment(row.last_seen_at)

    def parts(self, request: HttpRequest, row: Finding) -> Sequence[Part]:
        decided_by = who(request, row.decided_by) if row.decided_by else ""
        return [
            Facts(
                "Finding",
                [
                    ("What", _MEANINGS[Kind(row.kind)]),
                    ("State", self.standing(row)),
                    ("Thing", self.thing_shown(row)),
                    ("Artifact", self.artifact_shown(row)),
                    ("First seen", self.since(row)),
                    ("Last seen", self.last_seen(row)),
                    ("Last run", pages.to("reconciliation_run", row.last_run_id, "the run")),
                    *((pages.words(name).capitalize(), pages.words(value)) for name, value in row.facts.items()),
                ],
            ),
            Facts(
                "Repair",
                [
                    ("Kind", pages.words(row.repair)),
                    ("Proposed", signed(request, row.proposed_at, row.proposed_by)),
                    ("Decided", pages.beside(pages.moment(row.decided_at), decided_by)),
                    ("Code", pages.words(row.code)),
                    *((pages.words(name).capitalize(), pages.words(value)) for name, value in row.proof.items()),
                ],
            ),
        ]

    @button(
        "reconciliation.propose_repair",
        "Propose repair",
        text="A second person has to approve it. What exactly is done says the kind of the finding; it is looked at "
        "again just before, and the store is asked again afterwards.",
        done="Proposed. Somebody else must approve it.",
        icon="build",
        fits=lambda row: row.state == Finding.State.OPEN and Kind(row.kind) in REPAIRS,
    )
    def propose(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        operations.propose_repair(actor=actor, finding_id=row.id)

    @button(
        "reconciliation.approve_repair",
        "Approve repair",
        text="The repair that was proposed is carried out. What it deletes does not come back.",
        done="Approved. It is carried out now.",
        icon="check",
        is_dangerous=True,
        fits=lambda row: row.state == Finding.State.PROPOSED,
    )
    def approve(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        operations.approve_repair(actor=actor, finding_id=row.id)

    @button(
        "reconciliation.propose_repair",
        "Dismiss",
        text="The finding is left as it is while the discrepancy stays the same.",
        done="Dismissed.",
        form=DismissalQuestion,
        icon="close",
        fits=lambda row: row.state in {Finding.State.OPEN, Finding.State.PROPOSED},
    )
    def dismiss(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        operations.dismiss_finding(actor=actor, finding_id=row.id, code=data["code"])
