"""Audits: one judgement of one prompt or call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, actor_of
from accounts.pages import Facts, Part, Table
from compliance.disclosure import access
from compliance.disclosure.admin.beside import beside
from compliance.disclosure.admin.why import why
from compliance.disclosure.admin.wording import STATES, VERDICTS, link_to_subject, measured, subject_of
from compliance.disclosure.evidence_api import page_of
from compliance.disclosure.models import DisclosureAudit
from compliance.disclosure.operations import exporting
from compliance.recordings import purposes


class PurposeQuestion(Question):
    purpose = forms.CharField(label="Purpose", max_length=purposes.MAX_LENGTH)


@admin.register(DisclosureAudit)
class DisclosureAuditAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Disclosure audits"
    intro = (
        "Whether callers are told that the call is recorded: on every prompt when it is submitted and on every "
        "transcript when it arrives. An audit keeps verdict, reasons and offsets, never a quote."
    )
    empty = "Nothing was judged yet."
    list_display = ("judged", "subject", "verdict_shown", "reason_list", "language", "places")
    list_filter = ("verdict", "ai_check", "spoken")
    ordering = ("-id",)
    actions_detail = ("evidence",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisclosureAudit]:
        rows = access.audits(actor_of(request).organisation_id).select_related("prompt__agent", "call__agent")
        return rows.defer("call__sealed_facts", "call__standings")

    def name_of(self, row: DisclosureAudit) -> str:
        return subject_of(row)

    @admin.display(description="Judged", ordering="judged_at")
    def judged(self, row: DisclosureAudit) -> str:
        return pages.moment(row.judged_at)

    @admin.display(description="Prompt or call")
    def subject(self, row: DisclosureAudit) -> str:
        return subject_of(row)

    @admin.display(description="Verdict")
    def verdict_shown(self, row: DisclosureAudit) -> str:
        return pages.state(row.verdict, VERDICTS)

    @admin.display(description="Reasons")
    def reason_list(self, row: DisclosureAudit) -> str:
        return pages.listed(map(pages.words, row.reasons))

    @admin.display(description="Jurisdictions")
    def places(self, row: DisclosureAudit) -> str:
        return pages.listed(row.jurisdictions)

    def parts(self, request: HttpRequest, row: DisclosureAudit) -> Sequence[Part]:
        findings = access.findings_of_audit(row)
        return [
            Facts(
                "Judgement",
                [
                    ("Verdict", self.verdict_shown(row)),
                    ("Of", link_to_subject(row)),
                    ("Judged", pages.moment(row.judged_at)),
                    ("Language", row.language),
                    ("Jurisdictions", pages.listed(row.jurisdictions)),
                    ("Rules", pages.code(row.rulebook)),
                ],
            ),
            *why(request, row, row.reasons),
            *beside(request, row),
            measured(row.details),
            Table(
                "Findings",
                ["Reason", "Verdict", "State", "Resolution"],
                [
                    [
                        pages.to("disclosure_finding", one.id, pages.words(one.reason)),
                        pages.state(one.verdict, VERDICTS),
                        pages.state(one.state, STATES),
                        pages.words(one.resolution),
                    ]
                    for one in findings
                ],
                empty="Nothing here needs a person.",
            ),
        ]

    @button(
        "recordings.open_content",
        "Evidence",
        text="A page for printing: the words of the disclosing turn, the second, the law, digests, and a link to the "
        "sound. Words are opened, so say what for; it is logged.",
        form=PurposeQuestion,
        submit="Open",
        icon="print",
        fits=lambda row: row.call_id is not None,
    )
    def evidence(self, actor: Actor, row: DisclosureAudit, data: dict[str, Any]) -> HttpResponse:
        call_id = cast(UUID, row.call_id)  # only of these is there a button
        return page_of(exporting.export_evidence(actor=actor, call_id=call_id, purpose=data["purpose"]))
