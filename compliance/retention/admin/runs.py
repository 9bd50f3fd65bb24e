"""Each day's run and what it waits for, and the artifacts that wait for a person's look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, signed
from accounts.pages import Facts, Part
from compliance.retention import operations
from compliance.retention.models import RetentionReview, RetentionRun

_RUNS = {
    RetentionRun.State.RUNNING: pages.WAITING,
    RetentionRun.State.STOPPED: pages.BAD,
    RetentionRun.State.APPROVED: pages.WAITING,
    RetentionRun.State.FINISHED: pages.GOOD,
    RetentionRun.State.REFUSED: pages.QUIET,
}
_REVIEWS = {
    RetentionReview.State.OPEN: pages.WAITING,
    RetentionReview.State.EXTENDED: pages.PLAIN,
    RetentionReview.State.APPROVED: pages.GOOD,
}
_CODES = {"review": "the rule asks for a person", "no_redaction": "redaction is not available yet"}


@admin.register(RetentionRun)
class RetentionRunAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Retention runs"
    intro = (
        "One run a day. One that would delete more than its guard stops, and nothing leaves until a person says yes."
    )
    empty = "No schedule was applied yet."
    list_display = ("day", "standing", "due", "guard", "begun", "held")
    list_filter = ("state",)
    ordering = ("-on",)
    actions_list = ("start",)
    actions_detail = ("approve", "refuse")

    def name_of(self, row: RetentionRun) -> str:
        return f"Run of {row.on}"

    @admin.display(description="Day", ordering="on")
    def day(self, row: RetentionRun) -> str:
        return pages.day(row.on)

    @admin.display(description="State")
    def standing(self, row: RetentionRun) -> str:
        return pages.badge(row.get_state_display(), _RUNS[RetentionRun.State(row.state)])

    def parts(self, request: HttpRequest, row: RetentionRun) -> Sequence[Part]:
        return [
            Facts(
                "Run",
                [
                    ("State", self.standing(row)),
                    ("Rules", f"version {row.schedule}" if row.schedule else "defaults"),
                    ("Due", row.due),
                    ("May go without a word", row.guard),
                    ("Begun", row.begun),
                    ("Kept by holds", row.held),
                    ("Started", signed(request, row.started_at, row.started_by)),
                    ("Decided", signed(request, row.decided_at, row.decided_by)),
                    ("Finished", pages.moment(row.finished_at)),
                ],
            )
        ]

    @button(
        "retention.set_schedule",
        "Apply now",
        text="What is due today begins to leave. Above its guard the run stops, and another person decides.",
        done="The run is under way.",
        icon="play_arrow",
    )
    def start(self, actor: Actor, row: None, data: dict[str, Any]) -> RetentionRun:
        return operations.start_run(actor=actor)

    @button(
        "retention.approve_run",
        "Let it go on",
        text="Everything that is due now leaves for good. It is counted again first.",
        done="The run goes on.",
        icon="check",
        is_dangerous=True,
        fits=lambda row: row.state == RetentionRun.State.STOPPED,
    )
    def approve(self, actor: Actor, row: RetentionRun, data: dict[str, Any]) -> None:
        operations.approve_run(actor=actor, run_id=row.id)

    @button(
        "retention.approve_run",
        "Refuse",
        text="Nothing leaves today. What is still due tomorrow is asked about again: change the rules first.",
        done="Refused; nothing leaves today.",
        icon="block",
        fits=lambda row: row.state == RetentionRun.State.STOPPED,
    )
    def refuse(self, actor: Actor, row: RetentionRun, data: dict[str, Any]) -> None:
        operations.refuse_run(actor=actor, run_id=row.id)


class ExtensionQuestion(Question):
    days = forms.IntegerField(
        label="Days", min_value=1, max_value=3660, help_text="From today; then it is asked again."
    )
    reason = forms.CharField(label="Reason", max_length=4000, widget=forms.Textarea)


@admin.register(RetentionReview)
class RetentionReviewAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Due, and waiting for a person"
    intro = "Rules that do not simply delete ask here. Nothing of this leaves, and nothing stays, by silence."
    empty = "Nothing waits."
    list_display = ("artifact_shown", "standing", "why", "rule", "due", "until")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_detail = ("extend", "approve")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionReview]:
        return super().get_queryset(request).select_related("artifact").defer("artifact__sealed_source")

    def name_of(self, row: RetentionReview) -> str:
        return f"{pages.words(row.artifact.kind).capitalize()} {row.artifact_id.hex[-8:]}"

    @admin.display(description="Artifact")
    def artifact_shown(self, row: RetentionReview) -> str:
        return self.name_of(row)

    @admin.display(description="State")
    def standing(self, row: RetentionReview) -> str:
        return pages.badge(row.get_state_display(), _REVIEWS[RetentionReview.State(row.state)])

    @admin.display(description="Why")
    def why(self, row: RetentionReview) -> str:
        return _CODES.get(row.code, row.code)

    @admin.display(description="Due", ordering="due_on")
    def due(self, row: RetentionReview) -> str:
        return pages.day(row.due_on)

    @admin.display(description="Kept until")
    def until(self, row: RetentionReview) -> str:
        return pages.day(row.until_on)

    def parts(self, request: HttpRequest, row: RetentionReview) -> Sequence[Part]:
        return [
            Facts(
                "Review",
                [
                    ("State", self.standing(row)),
                    ("Why", self.why(row)),
                    ("Artifact", pages.to("recordings_artifact", row.artifact_id, self.name_of(row))),
                    ("Rule", pages.code(row.rule)),
                    ("Due", self.due(row)),
                    ("Kept until", self.until(row)),
                    ("Decided", signed(request, row.decided_at, row.decided_by)),
                ],
            )
        ]

    @button(
        "retention.set_schedule",
        "Keep longer",
        text="It stays for so many days more, with your reason in the log.",
        done="Kept longer.",
        form=ExtensionQuestion,
        icon="update",
        fits=lambda row: row.state == RetentionReview.State.OPEN,
    )
    def extend(self, actor: Actor, row: RetentionReview, data: dict[str, Any]) -> None:
        operations.extend_review(actor=actor, review_id=row.id, days=data["days"], reason=data["reason"])

    @button(
        "retention.approve_disposal",
        "It may go",
        text="The next run deletes it for good, unless a hold covers its call.",
        done="It goes with the next run.",
        icon="delete",
        is_dangerous=True,
        fits=lambda row: row.state == RetentionReview.State.OPEN,
    )
    def approve(self, actor: Actor, row: RetentionReview, data: dict[str, Any]) -> None:
        operations.approve_review(actor=actor, review_id=row.id)
