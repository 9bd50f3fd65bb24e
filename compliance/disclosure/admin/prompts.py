"""Prompts: every text that an agent was given, and its judgements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show, button
from accounts.console import ScopedAdmin, actor_of, signed
from accounts.pages import Facts, Part, Table, Words
from compliance.disclosure import access
from compliance.disclosure.admin.wording import VERDICTS
from compliance.disclosure.models import DisclosureAudit, PromptVersion
from compliance.disclosure.operations import prompts


@admin.register(PromptVersion)
class PromptVersionAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Prompts"
    intro = "Every text that an agent was given, judged when it was submitted. The text itself is sealed."
    empty = "No prompt was submitted yet."
    list_display = ("prompt", "verdict", "language", "places", "submitted")
    ordering = ("-submitted_at",)
    actions_detail = ("show_text",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptVersion]:
        organisation_id = actor_of(request).organisation_id
        newest = access.newest_audit(organisation_id, "prompt", "verdict")
        return access.prompts(organisation_id).annotate(newest_verdict=newest)

    def name_of(self, row: PromptVersion) -> str:
        return f"{row.agent}, version {row.number}"

    @admin.display(description="Prompt")
    def prompt(self, row: PromptVersion) -> str:
        return self.name_of(row)

    @admin.display(description="Verdict", ordering="newest_verdict")
    def verdict(self, row: Any) -> str:
        return pages.state(row.newest_verdict or "", VERDICTS) if row.newest_verdict else pages.badge("not yet judged")

    @admin.display(description="Jurisdictions")
    def places(self, row: PromptVersion) -> str:
        return pages.listed(row.jurisdictions)

    @admin.display(description="Submitted", ordering="submitted_at")
    def submitted(self, row: PromptVersion) -> str:
        return pages.moment(row.submitted_at)

    def parts(self, request: HttpRequest, row: PromptVersion) -> Sequence[Part]:
        audits = access.audits(row.organisation_id).filter(prompt=row).order_by("-id")[:20]
        return [
            Facts(
                "Prompt",
                [
                    ("Agent", pages.to("connectors_agent", row.agent_id, row.agent)),
                    ("Version", row.number),
                    ("Language", row.language),
                    ("Jurisdictions", pages.listed(row.jurisdictions)),
                    ("Submitted", signed(request, row.submitted_at, row.submitted_by)),
                    ("Id", pages.code(row.id)),
                ],
            ),
            _audit_table(audits),
        ]

    @button(
        "disclosure.read",
        "Show the text",
        text="The next page shows the prompt as it was submitted.",
        submit="Show",
        icon="article",
    )
    def show_text(self, actor: Actor, row: PromptVersion, data: dict[str, Any]) -> Show:
        text = prompts.open_prompt(actor=actor, prompt_id=row.id)
        return Show(
            "Text", [Words(self.name_of(row), text, f"{len(text):,} characters; offsets of audits count these.")]
        )


def _audit_table(audits: QuerySet[DisclosureAudit]) -> Table:
    return Table(
        "Judgements",
        ["Judged", "Verdict", "Reasons", "Rules"],
        [
            [
                pages.to("disclosure_disclosureaudit", audit.id, pages.moment(audit.judged_at)),
                pages.state(audit.verdict, VERDICTS),
                pages.listed(map(pages.words, audit.reasons)),
                pages.code(audit.rulebook),
            ]
            for audit in audits
        ],
        empty="Not judged yet.",
    )
