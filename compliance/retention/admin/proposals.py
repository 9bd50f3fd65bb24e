"""Calls that were recorded against their caller's word: an officer proposes that they go, a second person approves."""

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
from accounts.console import ScopedAdmin, signed, who
from accounts.pages import Facts, Part
from compliance.retention.disposal import Ground
from compliance.retention.models import DisposalProposal
from compliance.retention.operations import proposals

_STATE = DisposalProposal.State
_STATES = {
    _STATE.OPEN: pages.WAITING,
    _STATE.PROPOSED: pages.WAITING,
    _STATE.APPROVED: pages.GOOD,
    _STATE.DISMISSED: pages.QUIET,
}
_WORDS = {
    Ground.OBJECTION: "The caller objected, and was recorded on (GDPR Art. 21(1), 7(3); Cal. Penal Code 632)",
    Ground.CONSENT_REFUSED: "The platform says that consent was refused (GDPR Art. 6(1)(a), 7; Cal. Penal Code 632)",
}


class DismissalQuestion(Question):
    code = forms.ChoiceField(label="Why the call stays", choices=list(proposals.DISMISSALS.items()))


@admin.register(DisposalProposal)
class DisposalProposalAdmin(ScopedAdmin):
    read_action = "retention.read"
    title = "Refused but recorded"
    intro = "Calls whose caller did not want to be recorded, and of which a recording lies here all the same."
    empty = "No recording lies here against its caller's word."
    list_display = ("call_shown", "standing", "reason", "opened")
    list_filter = ("state", "ground")
    ordering = ("-id",)
    actions_detail = ("propose", "approve", "dismiss")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("call").defer("call__sealed_facts", "call__standings")

    def name_of(self, row: Any) -> str:
        return f"Call {row.call.external_id or row.call_id.hex[-8:]}"

    @admin.display(description="Call")
    def call_shown(self, row: Any) -> str:
        return pages.to("recordings_call", row.call_id, row.call.external_id or pages.short(row.call_id))

    @admin.display(description="State")
    def standing(self, row: Any) -> str:
        return pages.badge(row.get_state_display(), _STATES[_STATE(row.state)])

    @admin.display(description="Why")
    def reason(self, row: Any) -> str:
        return _WORDS.get(Ground(row.ground), pages.words(row.ground))

    @admin.display(description="Found", ordering="id")
    def opened(self, row: Any) -> str:
        return pages.moment(row.opened_at)

    def parts(self, request: HttpRequest, row: Any) -> Sequence[Part]:
        return [
            Facts(
                "Proposal",
                [
                    ("Call", self.call_shown(row)),
                    ("State", self.standing(row)),
                    ("Why", self.reason(row)),
                    ("Found", self.opened(row)),
                    ("By", pages.code(row.cause)),
                    ("Proposed by", who(request, row.proposed_by) if row.proposed_by else ""),
                    ("Decided", signed(request, row.decided_at, row.decided_by)),
                    ("Why it stays", proposals.DISMISSALS.get(row.code, "")),
                ],
            )
        ]

    @button(
        "retention.propose_disposal",
        "Propose disposal",
        text="The whole call is to go, with everything in it. Somebody else must approve.",
        done="Proposed; a second person approves it.",
        icon="delete_sweep",
        fits=lambda row: row.state == _STATE.OPEN,
    )
    def propose(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        proposals.propose_disposal(actor=actor, proposal_id=row.id)

    @button(
        "retention.approve_disposal",
        "Approve disposal",
        text="The call's key is destroyed at once, and every copy is deleted. This cannot be taken back. A hold wins.",
        done="The call is being erased.",
        icon="delete_forever",
        is_dangerous=True,
        fits=lambda row: row.state == _STATE.PROPOSED,
    )
    def approve(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        proposals.approve_proposal(actor=actor, proposal_id=row.id)

    @button(
        "retention.approve_disposal",
        "Dismiss",
        text="The call stays. Why is kept with the proposal.",
        done="Dismissed.",
        form=DismissalQuestion,
        icon="block",
        fits=lambda row: row.state in {_STATE.OPEN, _STATE.PROPOSED},
    )
    def dismiss(self, actor: Actor, row: Any, data: dict[str, Any]) -> None:
        proposals.dismiss_proposal(actor=actor, proposal_id=row.id, code=data["code"])
