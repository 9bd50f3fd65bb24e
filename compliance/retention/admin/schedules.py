"""The retention schedule in force, rule by rule, and its earlier versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of, signed, who
from accounts.pages import Facts, Part, Table
from compliance.errors import Invalid
from compliance.retention import operations, rules
from compliance.retention.models import RetentionSchedule
from compliance.retention.operations.previewing import Preview

_STATES = {
    RetentionSchedule.State.PROPOSED: pages.WAITING,
    RetentionSchedule.State.ACTIVE: pages.GOOD,
    RetentionSchedule.State.WITHDRAWN: pages.QUIET,
    RetentionSchedule.State.REJECTED: pages.BAD,
}
_COUNTED = {
    "newly": "Newly due within 30 days, when saved",
    "soon": "Due within 30 days",
    "held": "Kept by holds",
    "for_review": "Waiting for a person",
}


class IndentedJson(forms.JSONField):
    """JSON that people read and change line by line."""

    def prepare_value(self, value: Any) -> Any:
        return (
            json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict) else super().prepare_value(value)
        )


class ScheduleQuestion(Question):
    document = IndentedJson(
        label="Rules",
        widget=forms.Textarea(attrs={"rows": 24, "class": "cw-mono", "spellcheck": "false"}),
        help_text="JSON. The first rule that matches decides; guards are minimums and maximums that no rule may pass.",
    )
    is_seen = forms.BooleanField(
        label="Save these rules",
        required=False,
        help_text="Without the tick nothing is saved: you are shown what the rules would delete.",
    )

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        _, schedule = operations.current_schedule(actor_of(request).organisation_id)
        return {"document": rules.to_document(schedule)}


@admin.register(RetentionSchedule)
class RetentionScheduleAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Retention schedule"
    list_display = ("version", "standing", "by", "at")
    ordering = ("-version",)
    actions_list = ("set_rules",)
    actions_detail = ("approve", "reject", "withdraw")

    def name_of(self, row: RetentionSchedule) -> str:
        return f"Version {row.version}"

    @admin.display(description="State")
    def standing(self, row: RetentionSchedule) -> str:
        return pages.badge(row.get_state_display(), _STATES[RetentionSchedule.State(row.state)])

    @admin.display(description="By")
    def by(self, row: RetentionSchedule) -> str:
        return row.created_by

    @admin.display(description="Saved")
    def at(self, row: RetentionSchedule) -> str:
        return pages.moment(row.created_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Not a list of versions, but the rules in force."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        version, schedule = operations.current_schedule(actor_of(request).organisation_id)
        parts: list[Part] = [*_schedule_parts(schedule, _named(version)), self._versions(request)]
        buttons = self._get_actions_navigation(self.actions_list, self.get_actions_list(request))
        context = self.page_context(request, None, "") | {"title": self.title, "parts": parts, "actions_list": buttons}
        return TemplateResponse(request, "console/overview.html", context)

    def parts(self, request: HttpRequest, row: RetentionSchedule) -> Sequence[Part]:
        facts = Facts(
            "Version",
            [
                ("State", self.standing(row)),
                ("Saved", signed(request, row.created_at, row.created_by)),
                ("Decided", signed(request, row.decided_at, row.decided_by)),
                *((_COUNTED[name], row.preview[name]) for name in _COUNTED if name in row.preview),
            ],
        )
        return [facts, *_schedule_parts(rules.parse_schedule(row.document), _named(row.version))]

    def _versions(self, request: HttpRequest) -> Table:
        rows = self.get_queryset(request).order_by("-version")[:20]
        return Table(
            "Versions",
            ["Version", "State", "Set by", "Saved"],
            [
                [
                    pages.to("retention_retentionschedule", row.id, row.version),
                    self.standing(row),
                    who(request, row.created_by),
                    self.at(row),
                ]
                for row in rows
            ],
            empty="Nobody has changed the defaults yet.",
        )

    @button(
        "retention.set_schedule",
        "Change the rules",
        text="First you are shown what the rules would delete. Saved, a new version is in force at once, and every "
        "artifact gets its date and reason anew; where much would go it waits for a second person. Holds still win.",
        form=ScheduleQuestion,
        submit="Show or save",
        icon="edit",
    )
    def set_rules(self, actor: Actor, row: None, data: dict[str, Any]) -> str:
        if not data["is_seen"]:
            found = operations.preview_schedule(actor=actor, document=data["document"])
            raise Invalid("Nothing was saved yet", code="preview", errors={"is_seen": _preview_lines(found)})
        saved = operations.set_schedule(actor=actor, document=data["document"])
        if saved.state == RetentionSchedule.State.PROPOSED:
            return f"Version {saved.version} would delete much: it waits for a second person."
        return "The new rules are in force; the dates are being assigned."

    @button(
        "retention.approve_schedule",
        "Put in force",
        text="What it would delete is counted again. Who proposed these rules cannot approve them.",
        done="The rules are in force; the dates are being assigned.",
        icon="check",
        fits=lambda row: row.state == RetentionSchedule.State.PROPOSED,
    )
    def approve(self, actor: Actor, row: RetentionSchedule, data: dict[str, Any]) -> None:
        operations.approve_schedule(actor=actor, version=row.version)

    @button(
        "retention.approve_schedule",
        "Reject",
        text="The rules in force stay as they are.",
        done="Rejected.",
        icon="close",
        fits=lambda row: row.state == RetentionSchedule.State.PROPOSED,
    )
    def reject(self, actor: Actor, row: RetentionSchedule, data: dict[str, Any]) -> None:
        operations.reject_schedule(actor=actor, version=row.version)

    @button(
        "retention.set_schedule",
        "Withdraw",
        text="Only who proposed these rules can take them back.",
        done="Withdrawn.",
        icon="undo",
        fits=lambda row: row.state == RetentionSchedule.State.PROPOSED,
    )
    def withdraw(self, actor: Actor, row: RetentionSchedule, data: dict[str, Any]) -> None:
        operations.withdraw_schedule(actor=actor, version=row.version)


def _preview_lines(found: Preview) -> list[str]:
    """What rules would do, in sentences."""
    due = f"Due today: {found.today} ({found.today_bytes} bytes). Due within 30 days: {found.soon}"
    moved = f"{found.earlier} would be due earlier, {found.later} later, {found.never} no more"
    lines = [
        f"{due} ({found.soon_bytes} bytes), of which {found.newly} are not due by the rules in force.",
        f"Of {found.artifacts} artifacts {moved}. Holds keep {found.held}; {found.for_review} wait for a person.",
    ]
    if found.by_rule:
        lines.append("By rule: " + ", ".join(f"{rule} {count}" for rule, count in sorted(found.by_rule.items())))
        lines.append("By kind: " + ", ".join(f"{kind} {count}" for kind, count in sorted(found.by_kind.items())))
    lines += [f"{pages.words(one.kind)} {one.artifact_id}: {one.due_on}, {one.rule}" for one in found.listed[:10]]
    lines.append("A second person must approve." if found.needs_second_person else "It would be in force at once.")
    return lines


def _named(version: int) -> str:
    return f"Version {version}" if version else "Defaults"


def _schedule_parts(schedule: rules.Schedule, name: str) -> list[Part]:
    parts: list[Part] = [
        Table(
            f"Rules in order ({name})",
            ["Rule", "For", "Keep", "From", "Then", "Why"],
            [
                [
                    pages.code(rule.rule_id),
                    _matched(rule.match),
                    "without limit" if rule.keep_days is None else pages.days(rule.keep_days),
                    pages.words(rule.clock.value),
                    pages.words(rule.action.value),
                    pages.lines([rule.why, rule.warning] if rule.warning else [rule.why]),
                ]
                for rule in schedule.rules
            ],
            "The first that matches decides. Its name and reason stand on every artifact.",
        )
    ]
    if schedule.guards:
        parts.append(
            Table(
                "Guards",
                ["Guard", "For", "At least", "At most", "Why"],
                [
                    [
                        pages.code(guard.guard_id),
                        _matched(guard.match),
                        pages.days(guard.minimum_days),
                        pages.days(guard.maximum_days),
                        guard.why,
                    ]
                    for guard in schedule.guards
                ],
            )
        )
    return parts


def _matched(match: rules.Match) -> object:
    names = ("kinds", "agents", "batches", "directions", "places", "outcomes", "consents", "labels")
    wanted = [(name, getattr(match, name)) for name in names if getattr(match, name) is not None]
    if not wanted:
        return "everything else"
    return pages.lines(
        f"{name}: {', '.join(sorted(pages.words(value) for value in values))}" for name, values in wanted
    )
