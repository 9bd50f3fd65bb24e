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
from accounts.console import ScopedAdmin, actor_of, who
from accounts.pages import Facts, Part, Table
from compliance.retention import operations, rules
from compliance.retention.models import RetentionSchedule


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

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        _, schedule = operations.current_schedule(actor_of(request).organisation_id)
        return {"document": rules.to_document(schedule)}


@admin.register(RetentionSchedule)
class RetentionScheduleAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Retention schedule"
    list_display = ("version", "by", "at")
    ordering = ("-version",)
    actions_list = ("set_rules",)

    def name_of(self, row: RetentionSchedule) -> str:
        return f"Version {row.version}"

    @admin.display(description="By")
    def by(self, row: RetentionSchedule) -> str:
        return row.created_by

    @admin.display(description="In force since")
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
        facts = Facts("Version", [("In force since", self.at(row)), ("Set by", who(request, row.created_by))])
        return [facts, *_schedule_parts(rules.parse_schedule(row.document), _named(row.version))]

    def _versions(self, request: HttpRequest) -> Table:
        rows = self.get_queryset(request).order_by("-version")[:20]
        return Table(
            "Versions",
            ["Version", "Set by", "In force since"],
            [
                [
                    pages.to("retention_retentionschedule", row.id, row.version),
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
        text="A new version is in force at once, and every artifact gets its date and reason anew. Holds still win.",
        done="The new rules are in force; the dates are being assigned.",
        form=ScheduleQuestion,
        submit="Put in force",
        icon="edit",
    )
    def set_rules(self, actor: Actor, row: None, data: dict[str, Any]) -> None:
        operations.set_schedule(actor=actor, document=data["document"])


def _named(version: int) -> str:
    return f"Version {version}" if version else "Defaults"


def _schedule_parts(schedule: rules.Schedule, name: str) -> list[Part]:
    parts: list[Part] = [
        Table(
            f"Rules in order ({name})",
            ["Rule", "For", "Keep", "From", "Why"],
            [
                [
                    pages.code(rule.rule_id),
                    _matched(rule.match),
                    "without limit" if rule.keep_days is None else pages.days(rule.keep_days),
                    pages.words(rule.clock.value),
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
    names = ("kinds", "agents", "batches", "directions", "places", "outcomes", "consents")
    wanted = [(name, getattr(match, name)) for name in names if getattr(match, name) is not None]
    if not wanted:
        return "everything else"
    return pages.lines(
        f"{name}: {', '.join(sorted(pages.words(value) for value in values))}" for name, values in wanted
    )
