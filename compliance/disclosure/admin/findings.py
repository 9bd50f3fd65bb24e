"""The queue: findings, whose they are, by when, why, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import button
from accounts.console import ScopedAdmin, actor_of, signed, who
from accounts.pages import Facts, Part
from compliance.disclosure import access, following, judgements, queue
from compliance.disclosure.admin.questions import AssignQuestion, ReopenQuestion, ResolveQuestion, WaiverQuestion
from compliance.disclosure.admin.queue_filters import ReasonFilter, StateFilter, WhoseFilter
from compliance.disclosure.admin.why import why
from compliance.disclosure.admin.wording import STATES, VERDICTS, agent_of, link_to_subject, opened
from compliance.disclosure.models import Finding
from compliance.disclosure.operations import assigning, findings, waiving


def _is_live(row: Any) -> bool:
    return row.state in queue.LIVE


def _can_open_again(row: Any) -> bool:
    return row.state == queue.WAIVED or row.resolution in judgements.BY_PEOPLE


@admin.register(Finding)
class FindingAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Findings"
    intro = (
        "Reasons that need a person. Resolving or waiving one says what became of it; the verdict stays what it was."
    )
    empty = "Nothing needs a person."
    list_display = ("finding", "verdict_shown", "standing", "subject", "agent", "assigned", "due")
    list_filter = (StateFilter, WhoseFilter, "verdict", ReasonFilter)
    ordering = ("due_on", "id")
    actions_detail = ("assign", "resolve", "waive", "reopen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        organisation_id = actor_of(request).organisation_id
        rows = queue.with_waivers(access.findings(organisation_id), organisation_id)
        rows = rows.select_related("audit__prompt__agent", "audit__call__agent")
        return rows.defer("audit__call__sealed_facts", "audit__call__standings", "sealed_note")

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        for row in rows:
            row.assigned_name = who(request, row.assigned_to) if row.assigned_to else ""

    def name_of(self, row: Any) -> str:
        return pages.words(row.reason).capitalize()

    @admin.display(description="Finding", ordering="reason")
    def finding(self, row: Any) -> str:
        return self.name_of(row)

    @admin.display(description="Verdict", ordering="verdict")
    def verdict_shown(self, row: Any) -> str:
        return pages.state(row.verdict, VERDICTS)

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        if row.state == queue.WAIVED:
            return pages.beside(pages.state(row.state, STATES), "until", pages.day(row.waived_until))
        if row.waiver_id:
            return pages.badge("waiver proposed", pages.WAITING)
        return pages.beside(pages.state(row.state, STATES), pages.words(row.resolution))

    @admin.display(description="Prompt or call")
    def subject(self, row: Any) -> Any:
        return link_to_subject(row.audit)

    @admin.display(description="Agent")
    def agent(self, row: Any) -> Any:
        return agent_of(row.audit)

    @admin.display(description="Assigned to")
    def assigned(self, row: Any) -> str:
        return str(row.assigned_name) or pages.NOTHING

    @admin.display(description="Due", ordering="due_on")
    def due(self, row: Any) -> str:
        return pages.due(row.due_on, queue.today()) if row.state == queue.OPEN else pages.day(row.due_on)

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        judged = pages.to("disclosure_disclosureaudit", row.audit_id, pages.moment(row.audit.judged_at))
        facts: list[tuple[str, object]] = [
            ("Verdict", self.verdict_shown(row)),
            ("State", self.standing(row)),
            ("Due", self.due(row)),
            ("Assigned to", who(request, row.assigned_to) if row.assigned_to else "nobody"),
            ("Of", link_to_subject(row.audit)),
            ("Agent", agent_of(row.audit)),
            ("Judgement", judged),
            ("Resolved", signed(request, row.resolved_at, row.resolved_by)),
            ("Reopened", following.REOPENINGS.get(row.reopened_for, "")),
            ("Waiver", pages.to("disclosure_waiver", row.waiver_id, "its page") if row.waiver_id else ""),
        ]
        shown = [(name, value) for name, value in facts if value]
        note = opened("Note", lambda: findings.open_note(actor=actor_of(request), finding_id=row.id))
        return [Facts("Finding", shown), *note, *why(request, row.audit, [row.reason])]

    @button(
        "disclosure.assign_finding",
        "Assign",
        text="Whoever it is assigned to sees it under “Mine”.",
        done="The finding is assigned.",
        form=AssignQuestion,
        icon="person_add",
        fits=_is_live,
    )
    def assign(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        assigning.assign_finding(actor=actor, finding_id=row.id, assignee=data["assignee"])

    @button(
        "disclosure.resolve_finding",
        "Resolve",
        text="Say what became of it. The verdict stays. A prompt's finding is fixed by a prompt that passes.",
        done="The finding is resolved.",
        form=ResolveQuestion,
        icon="task_alt",
        fits=_is_live,
    )
    def resolve(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        findings.resolve_finding(actor=actor, finding_id=row.id, resolution=data["resolution"], note=data["note"])

    @button(
        "disclosure.propose_waiver",
        "Waive",
        text="Live with it until a day, at most a year ahead. A second person approves; another prompt ends it.",
        done="The waiver is proposed; a second person approves it.",
        form=WaiverQuestion,
        icon="pause_circle",
        fits=lambda row: row.state == queue.OPEN and row.waiver_id is None,
    )
    def waive(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        waiving.propose_waiver(
            actor=actor, finding_id=row.id, until=data["until"], ground=data["ground"], note=data["note"]
        )

    @button(
        "disclosure.resolve_finding",
        "Reopen",
        text="It needs a person again. A waiver ends.",
        done="The finding is open.",
        form=ReopenQuestion,
        icon="undo",
        fits=_can_open_again,
    )
    def reopen(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        findings.reopen_finding(actor=actor, finding_id=row.id, reason=data["reason"], note=data["note"])
