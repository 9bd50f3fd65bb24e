"""Waivers: what is lived with until a day, and what waits for a second person."""

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
from compliance.disclosure import access, following
from compliance.disclosure.admin.why import why
from compliance.disclosure.admin.wording import VERDICTS, WAIVERS, link_to_subject, opened
from compliance.disclosure.models import Waiver
from compliance.disclosure.operations import waiving


def _is_proposed(row: Any) -> bool:
    return bool(row.state == Waiver.State.PROPOSED)


@admin.register(Waiver)
class WaiverAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Waivers"
    intro = "Findings that are lived with until a day. One person proposes, another approves; the verdict stays."
    empty = "Nothing is waived."
    list_display = ("finding_shown", "standing", "subject", "until", "ground_shown", "by")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_detail = ("approve", "refuse", "withdraw")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = access.waivers(actor_of(request).organisation_id)
        rows = rows.select_related("finding__audit__prompt__agent", "finding__audit__call__agent")
        call = "finding__audit__call__"
        return rows.defer(f"{call}sealed_facts", f"{call}standings", "finding__sealed_note", "sealed_note")

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        for row in rows:
            row.proposed_name = who(request, row.proposed_by)

    def name_of(self, row: Any) -> str:
        return f"Waiver of {pages.words(row.finding.reason)}"

    @admin.display(description="Finding")
    def finding_shown(self, row: Any) -> Any:
        return pages.words(row.finding.reason).capitalize()

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        return pages.badge(row.get_state_display(), WAIVERS[Waiver.State(row.state)])

    @admin.display(description="Prompt or call")
    def subject(self, row: Any) -> Any:
        return link_to_subject(row.finding.audit)

    @admin.display(description="Until", ordering="until_on")
    def until(self, row: Any) -> str:
        return pages.day(row.until_on)

    @admin.display(description="Ground")
    def ground_shown(self, row: Any) -> str:
        return following.GROUNDS.get(row.ground, pages.words(row.ground))

    @admin.display(description="Proposed by")
    def by(self, row: Any) -> str:
        return str(row.proposed_name)

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        finding = row.finding
        name = pages.words(finding.reason).capitalize()
        facts: list[tuple[str, object]] = [
            ("Finding", pages.to("disclosure_finding", finding.id, name)),
            ("Verdict", pages.state(finding.verdict, VERDICTS)),
            ("State", self.standing(row)),
            ("Of", link_to_subject(finding.audit)),
            ("Until", self.until(row)),
            ("Ground", self.ground_shown(row)),
            ("Proposed", signed(request, row.proposed_at, row.proposed_by)),
            ("Decided", signed(request, row.decided_at, row.decided_by)),
            ("Ended", pages.moment(row.ended_at) if row.ended_at else ""),
            ("Because", pages.words(row.code)),
        ]
        note = opened(
            "Why it is lived with", lambda: waiving.open_waiver_note(actor=actor_of(request), waiver_id=row.id)
        )
        shown = [(title, value) for title, value in facts if value]
        return [Facts("Waiver", shown), *note, *why(request, finding.audit, [finding.reason])]

    @button(
        "disclosure.approve_waiver",
        "Approve",
        text="The finding is waived until that day, and open again the day after. Nobody approves their own proposal.",
        done="The finding is waived.",
        icon="done_all",
        fits=_is_proposed,
    )
    def approve(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        waiving.approve_waiver(actor=actor, waiver_id=row.id)

    @button(
        "disclosure.approve_waiver",
        "Refuse",
        text="The finding stays open.",
        done="Refused.",
        icon="block",
        fits=_is_proposed,
    )
    def refuse(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        waiving.refuse_waiver(actor=actor, waiver_id=row.id)

    @button(
        "disclosure.propose_waiver",
        "Withdraw",
        text="Take your own proposal back.",
        done="Withdrawn.",
        icon="undo",
        fits=_is_proposed,
    )
    def withdraw(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        waiving.withdraw_waiver(actor=actor, waiver_id=row.id)
