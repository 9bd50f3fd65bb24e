"""Console: prompts, what the judge said about prompts and calls, and the findings that need a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import access as rights
from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, Show, button
from accounts.console import ScopedAdmin, actor_of, signed
from accounts.pages import Facts, Figure, Part, Table, Words
from compliance.disclosure import access, judgements
from compliance.disclosure.models import DisclosureAudit, Finding, PromptVersion, Verdict
from compliance.disclosure.operations import findings, prompts

VERDICTS = {Verdict.PASS: pages.GOOD, Verdict.REVIEW: pages.WAITING, Verdict.FAIL: pages.BAD}
_STATES = {Finding.State.OPEN: pages.WAITING, Finding.State.RESOLVED: pages.QUIET}


class ResolveQuestion(Question):
    resolution = forms.ChoiceField(
        label="What became of it", choices=[(name.value, pages.words(name.value)) for name in judgements.BY_PEOPLE]
    )
    note = forms.CharField(
        label="Note",
        max_length=findings.MAX_NOTE,
        required=False,
        widget=forms.Textarea,
        help_text="Sealed under the key of what it speaks of, so that it ends with the call.",
    )


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
    list_filter = ("verdict",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisclosureAudit]:
        rows = access.audits(actor_of(request).organisation_id).select_related("prompt__agent", "call__agent")
        return rows.defer("call__sealed_facts", "call__standings")

    def name_of(self, row: DisclosureAudit) -> str:
        return _subject(row)

    @admin.display(description="Judged", ordering="judged_at")
    def judged(self, row: DisclosureAudit) -> str:
        return pages.moment(row.judged_at)

    @admin.display(description="Prompt or call")
    def subject(self, row: DisclosureAudit) -> str:
        return _subject(row)

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
                    ("Reasons", pages.lines(map(pages.words, row.reasons))),
                    ("Of", _link_to_subject(row)),
                    ("Judged", pages.moment(row.judged_at)),
                    ("Language", row.language),
                    ("Jurisdictions", pages.listed(row.jurisdictions)),
                    ("Rules", pages.code(row.rulebook)),
                ],
            ),
            _details(row.details),
            Table(
                "Findings",
                ["Reason", "Verdict", "State", "Resolution"],
                [
                    [
                        pages.to("disclosure_finding", one.id, pages.words(one.reason)),
                        pages.state(one.verdict, VERDICTS),
                        pages.state(one.state, _STATES),
                        pages.words(one.resolution),
                    ]
                    for one in findings
                ],
                empty="Nothing here needs a person.",
            ),
        ]


@admin.register(Finding)
class FindingAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Findings"
    intro = "Reasons that need a person. Resolving one says what became of it; the verdict stays what it was."
    empty = "Nothing needs a person."
    list_display = ("finding", "verdict_shown", "standing", "subject", "judged", "resolved")
    list_filter = ("state", "verdict")
    ordering = ("-id",)
    actions_detail = ("resolve",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        rows = access.findings(actor_of(request).organisation_id)
        rows = rows.select_related("audit__prompt__agent", "audit__call__agent")
        return rows.defer("audit__call__sealed_facts", "audit__call__standings", "sealed_note")

    def name_of(self, row: Finding) -> str:
        return pages.words(row.reason).capitalize()

    @admin.display(description="Finding")
    def finding(self, row: Finding) -> str:
        return self.name_of(row)

    @admin.display(description="Verdict")
    def verdict_shown(self, row: Finding) -> str:
        return pages.state(row.verdict, VERDICTS)

    @admin.display(description="State")
    def standing(self, row: Finding) -> str:
        return pages.state(row.state, _STATES)

    @admin.display(description="Prompt or call")
    def subject(self, row: Finding) -> Any:
        return _link_to_subject(row.audit)

    @admin.display(description="Judged")
    def judged(self, row: Finding) -> str:
        return pages.moment(row.audit.judged_at)

    @admin.display(description="Resolution")
    def resolved(self, row: Finding) -> str:
        return pages.words(row.resolution) or pages.NOTHING

    def parts(self, request: HttpRequest, row: Finding) -> Sequence[Part]:
        parts: list[Part] = [
            Facts(
                "Finding",
                [
                    ("Reason", self.name_of(row)),
                    ("Verdict", self.verdict_shown(row)),
                    ("State", self.standing(row)),
                    ("Of", _link_to_subject(row.audit)),
                    (
                        "Judgement",
                        pages.to("disclosure_disclosureaudit", row.audit_id, pages.moment(row.audit.judged_at)),
                    ),
                    ("Resolution", pages.words(row.resolution)),
                    ("Resolved", signed(request, row.resolved_at, row.resolved_by)),
                ],
            ),
            _details(row.audit.details),
        ]
        if row.sealed_note is not None:
            parts.append(Words("Note", findings.open_note(actor=actor_of(request), finding_id=row.id)))
        return parts

    @button(
        "disclosure.resolve_finding",
        "Resolve",
        text="Say what became of it. The verdict stays; a new prompt or transcript is judged anew.",
        done="The finding is resolved.",
        form=ResolveQuestion,
        icon="task_alt",
        fits=lambda row: row.state == Finding.State.OPEN,
    )
    def resolve(self, actor: Actor, row: Finding, data: dict[str, Any]) -> None:
        findings.resolve_finding(actor=actor, finding_id=row.id, resolution=data["resolution"], note=data["note"])


def _subject(audit: DisclosureAudit) -> str:
    if audit.prompt is not None:
        return f"Prompt {audit.prompt.agent}, version {audit.prompt.number}"
    call = audit.call
    return f"Call {call.external_id or call.id.hex[-8:]}" if call else pages.NOTHING


def _link_to_subject(audit: DisclosureAudit) -> Any:
    if audit.prompt_id:
        return pages.to("disclosure_promptversion", audit.prompt_id, _subject(audit))
    return pages.to("recordings_call", audit.call_id, _subject(audit))


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


def _details(details: dict[str, Any]) -> Facts:
    """What the judge measured: class, turns, seconds, offsets."""
    rows: list[tuple[str, object]] = []
    for name, value in details.items():
        if name == "agent":
            continue
        told = pages.lines(value) if name == "why" else _told(value)
        rows.append((pages.words(name).capitalize(), told))
    return Facts("What the judge found", rows, "Offsets count characters, turns count from 0.")


def _told(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " to ".join(map(str, value))
    return pages.words(value) if isinstance(value, str) else value


def figures(request: HttpRequest) -> list[Figure]:
    """What the overview says about findings."""
    actor = actor_of(request)
    if not rights.may(actor, "disclosure.read"):
        return []
    rows = access.findings(actor.organisation_id).filter(state=Finding.State.OPEN)
    failed = pages.counted(rows.filter(verdict=Verdict.FAIL))
    review = pages.counted(rows.filter(verdict=Verdict.REVIEW))
    url = reverse("admin:disclosure_finding_changelist") + "?state__exact=open"
    tone = pages.BAD if failed != "0" else pages.WAITING if review != "0" else pages.GOOD
    return [Figure("Open findings", pages.counted(rows), f"{failed} fail, {review} to review", url, tone)]
