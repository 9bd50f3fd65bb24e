"""Outside checks: one owner proposes, another one approves, the first one fetches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, signed
from accounts.pages import Facts, Part, Table
from compliance.errors import Refusal
from compliance.recordings import access
from compliance.recordings.downloads import stream_outside_check
from compliance.recordings.models import OutsideCheck
from compliance.recordings.operations import outside_checks as checks

_State = OutsideCheck.State
_STATES = {_State.PROPOSED: pages.WAITING, _State.APPROVED: pages.WAITING, _State.DELIVERED: pages.GOOD}


class NewCheckQuestion(Question):
    purpose = forms.CharField(
        label="Purpose", max_length=100, help_text="Who checks what. Stands in the log with every key."
    )
    calls = forms.CharField(
        label="Calls", widget=forms.Textarea, help_text="Ids of calls, ours or the platform's, one a line; 100 at most."
    )

    def clean_calls(self) -> list[UUID]:
        """Every line as a call of this organisation."""
        found, unknown = [], []
        for line in dict.fromkeys(filter(None, map(str.strip, self.cleaned_data["calls"].splitlines()))):
            try:
                found.append(access.call_for(self.actor, line).id if self.actor else UUID(int=0))
            except Refusal:
                unknown.append(line[:60])
        if unknown:
            raise forms.ValidationError(f"Not a call of yours: {', '.join(unknown[:5])}")
        return found


@admin.register(OutsideCheck)
class OutsideCheckAdmin(ScopedAdmin):
    read_action = checks.PROPOSE
    title = "Outside checks"
    intro = "Sealed objects with their keys, for somebody who checks us. Two owners decide; every key is an entry."
    empty = "Nothing was given to an outside check yet."
    list_display = ("asked", "standing", "purpose", "objects", "keys_given", "ends")
    ordering = ("-id",)
    actions_list = ("propose",)
    actions_detail = ("approve", "refuse", "fetch", "withdraw")

    def name_of(self, row: OutsideCheck) -> str:
        return f"Outside check of {pages.moment(row.created_at)}"

    @admin.display(description="Proposed")
    def asked(self, row: OutsideCheck) -> str:
        return pages.moment(row.created_at)

    @admin.display(description="State")
    def standing(self, row: OutsideCheck) -> str:
        return pages.badge(row.get_state_display(), _STATES.get(_State(row.state), pages.QUIET))

    @admin.display(description="Objects")
    def objects(self, row: OutsideCheck) -> int:
        return len(row.artifact_ids)

    @admin.display(description="Until")
    def ends(self, row: OutsideCheck) -> str:
        return pages.moment(row.expires_at)

    def parts(self, request: HttpRequest, row: OutsideCheck) -> Sequence[Part]:
        facts = Facts(
            "Outside check",
            [
                ("State", self.standing(row)),
                ("Purpose", row.purpose),
                ("Proposed", signed(request, row.created_at, row.proposed_by)),
                ("Decided", signed(request, row.decided_at, row.decided_by)),
                ("May be fetched until", pages.moment(row.expires_at)),
                ("Archives begun", row.deliveries),
                ("Keys given", row.keys_given),
                ("Delivered", pages.moment(row.delivered_at)),
                ("Id", pages.code(row.id)),
            ],
        )
        found = access.artifacts(row.organisation_id).filter(id__in=row.artifact_ids).order_by("call_id", "id")
        listed: list[Sequence[object]] = [
            [
                pages.to("recordings_call", one.call_id, pages.short(one.call_id)),
                pages.to("recordings_artifact", one.id, pages.words(one.kind)),
                pages.words(one.state),
                pages.size(one.size),
            ]
            for one in found
        ]
        return [facts, Table("Objects", ["Call", "Object", "State now", "Size"], listed)]

    @button(
        checks.PROPOSE,
        "Propose a check",
        text="Fixes which objects and keys would leave: everything readable of these calls. Another owner must approve "
        "within a day.",
        done="The check is proposed; another owner approves it.",
        form=NewCheckQuestion,
        submit="Propose",
        icon="vpn_key",
    )
    def propose(self, actor: Actor, row: None, data: dict[str, Any]) -> OutsideCheck:
        return checks.propose_outside_check(actor=actor, purpose=data["purpose"], call_ids=data["calls"])

    @button(
        checks.APPROVE,
        "Approve",
        text="The proposer may then carry these objects and their keys away. With them anybody can open the objects "
        "for ever; an erasure later does not reach that copy.",
        done="Approved. Who proposed it may fetch it.",
        icon="done_all",
        is_dangerous=True,
        fits=lambda row: row.state == _State.PROPOSED,
    )
    def approve(self, actor: Actor, row: OutsideCheck, data: dict[str, Any]) -> None:
        checks.approve_outside_check(actor=actor, check_id=row.id)

    @button(
        checks.APPROVE,
        "Refuse",
        text="Nothing leaves. Who proposed it can propose something else.",
        icon="block",
        fits=lambda row: row.state == _State.PROPOSED,
    )
    def refuse(self, actor: Actor, row: OutsideCheck, data: dict[str, Any]) -> None:
        checks.refuse_outside_check(actor=actor, check_id=row.id)

    @button(
        checks.PROPOSE,
        "Fetch with keys",
        text="One ZIP: the objects as they are stored, their keys, and a page that opens them offline. Keys are given "
        "once, and each is an entry in the log with your name. Destroy the copy after the check.",
        submit="Fetch",
        icon="folder_zip",
        is_dangerous=True,
        fits=lambda row: row.state == _State.APPROVED,
    )
    def fetch(self, actor: Actor, row: OutsideCheck, data: dict[str, Any]) -> StreamingHttpResponse:
        return stream_outside_check(actor, row.id)

    @button(
        checks.PROPOSE,
        "Withdraw",
        text="Nobody can fetch this any more.",
        icon="undo",
        fits=lambda row: row.state in {_State.PROPOSED, _State.APPROVED},
    )
    def withdraw(self, actor: Actor, row: OutsideCheck, data: dict[str, Any]) -> None:
        checks.withdraw_outside_check(actor=actor, check_id=row.id)
