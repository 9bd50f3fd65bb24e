"""Reports: coverage, trend, agents, and how often a prompt's disclosure was spoken."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Part, Table, Words
from compliance.disclosure import reports, standing
from compliance.disclosure.models import Report
from compliance.disclosure.operations import figures
from compliance.disclosure.reports import Period
from compliance.disclosure.reports_api import csv_of
from compliance.errors import Invalid

SHOWN_DAYS = 28
"""Four whole weeks; a file holds as many as are asked for."""
_TITLES = {
    "coverage": "Coverage",
    "trend": "Verdicts by week",
    "agents": "Agents, the worst first",
    "speech": "Was the prompt's disclosure spoken?",
}
_HIDDEN = ("agent",)  # the name stands beside it


class DownloadQuestion(Question):
    report = forms.ChoiceField(label="Report", choices=list(_TITLES.items()))
    by = forms.ChoiceField(
        label="Coverage by", choices=[(name, name) for name in reports.GROUPS], initial="agent", required=False
    )
    first = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}))


@admin.register(Report)
class ReportAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Reports"
    actions_list = ("download",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Not a list of audits, but what they add up to in the last four weeks."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        buttons = self._get_actions_navigation(self.actions_list, self.get_actions_list(request))
        context = self.page_context(request, None, "") | {
            "title": self.title, "parts": self._parts(actor_of(request)), "actions_list": buttons,
        }  # fmt: skip
        return TemplateResponse(request, "console/overview.html", context)

    def _parts(self, actor: Actor) -> list[Part]:
        last = standing.today()
        period = Period(last - timedelta(days=SHOWN_DAYS - 1), last)
        found = figures.report_all(actor=actor, names=reports.NAMES, period=period)
        parts: list[Part] = [_shown(table) for table in found]
        overrides = found[0].overrides
        return [*parts, Words("Judged under overrides", "\n".join(overrides))] if overrides else parts

    @button(
        "disclosure.read",
        "Download",
        text="One report as a CSV file. Without days: the last 90.",
        form=DownloadQuestion,
        icon="download",
    )
    def download(self, actor: Actor, row: None, data: dict[str, Any]) -> HttpResponse:
        last = data["last"] or standing.today()
        period = Period.read(_text(data["first"]), last.isoformat(), standing.today())
        if data["report"] not in reports.NAMES:
            raise Invalid("No such report")
        by = data["by"] or "agent"
        return csv_of(figures.report(actor=actor, name=data["report"], period=period, by=by))


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _shown(table: reports.Table) -> Table:
    columns = [name for name in table.columns if name not in _HIDDEN]
    return Table(
        _TITLES[table.name],
        [pages.words(name.removeprefix("agent_")).capitalize() for name in columns],
        [[_cell(name, row[name]) for name in columns] for row in table.rows],
        f"{table.period.first:%-d %b %Y} to {table.period.last:%-d %b %Y}.",
        empty="Nothing in these days.",
    )


def _cell(name: str, value: Any) -> object:
    if value is None:
        return pages.NOTHING
    if name == "share" or name.endswith("_share"):
        return f"{value:.1%}"
    return pages.day(value) if isinstance(value, date) else value
