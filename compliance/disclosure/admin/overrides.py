"""Overrides of the law table: what the organisation's counsel has decided itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question, button
from accounts.console import ScopedAdmin, signed, who
from accounts.pages import Facts, Part
from compliance.disclosure import reasons
from compliance.disclosure.models import DEMANDS, JurisdictionOverride
from compliance.disclosure.operations import overrides
from compliance.disclosure.operations.overrides import NewOverride
from compliance.disclosure.rules import jurisdictions

_State = JurisdictionOverride.State
_STATES = {_State.PROPOSED: pages.WAITING, _State.IN_FORCE: pages.GOOD, _State.LEAVING: pages.WAITING}


class OverrideQuestion(Question):
    code = forms.CharField(label="Place", max_length=6, help_text="ISO 3166, such as DE or US-CA.")
    demand = forms.ChoiceField(label="Class", choices=[(one, reasons.DEMANDS[one].capitalize()) for one in DEMANDS])
    purpose = forms.BooleanField(label="The notice must say why", required=False)
    reason = forms.CharField(
        label="Why",
        max_length=overrides.MAX_REASON,
        widget=forms.Textarea,
        help_text="On whose advice, and why. It is printed in every report; name no caller.",
    )
    until_on = forms.DateField(
        label="Until", required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="Empty: no end."
    )


@admin.register(JurisdictionOverride)
class JurisdictionOverrideAdmin(ScopedAdmin):
    read_action = "disclosure.read"
    title = "Overrides"
    intro = (
        "Where your counsel has decided otherwise than our table of law. What asks for less needs a second person; "
        "every audit says which of these it was judged under."
    )
    empty = "Our table of law decides everywhere."
    list_display = ("place", "standing", "asked", "purpose_told", "until", "reason")
    list_filter = ("state",)
    ordering = ("-id",)
    actions_list = ("set_override",)
    actions_detail = ("approve", "reject", "remove")

    def name_of(self, row: JurisdictionOverride) -> str:
        return f"{row.code} as {pages.words(row.demand)}"

    @admin.display(description="Place")
    def place(self, row: JurisdictionOverride) -> str:
        return row.code

    @admin.display(description="State")
    def standing(self, row: JurisdictionOverride) -> str:
        return pages.badge(row.get_state_display(), _STATES.get(_State(row.state), pages.QUIET))

    @admin.display(description="Class")
    def asked(self, row: JurisdictionOverride) -> str:
        return pages.words(row.demand)

    @admin.display(description="Purpose")
    def purpose_told(self, row: JurisdictionOverride) -> str:
        return "must be said" if row.purpose else "need not be said"

    @admin.display(description="Until")
    def until(self, row: JurisdictionOverride) -> str:
        return pages.day(row.until_on)

    def parts(self, request: HttpRequest, row: JurisdictionOverride) -> Sequence[Part]:
        law = jurisdictions.demand_of(row.code)
        return [
            Facts(
                "Override",
                [
                    ("Place", row.code),
                    ("State", self.standing(row)),
                    ("Asks for", reasons.DEMANDS[row.demand]),
                    ("Purpose", self.purpose_told(row)),
                    ("Instead of", f"{reasons.DEMANDS[law.kind]} ({law.citation})"),
                    ("Why", row.reason),
                    ("Until", pages.day(row.until_on)),
                    ("Set", signed(request, row.set_at, row.set_by)),
                    ("Second person", who(request, row.decided_by) if row.decided_by else pages.NOTHING),
                    ("Ended", pages.beside(pages.moment(row.ended_at), pages.words(row.ending))),
                ],
            )
        ]

    @button(
        "disclosure.set_override",
        "Set an override",
        text="A stricter one holds at once. One that asks for less anywhere waits for a second person. Either way all "
        "prompts and calls of the place are judged again.",
        form=OverrideQuestion,
        submit="Set",
        icon="balance",
    )
    def set_override(self, actor: Actor, row: None, data: dict[str, Any]) -> str:
        new = NewOverride(data["code"], data["demand"], data["purpose"], data["reason"], data["until_on"])
        made = overrides.set_override(actor=actor, new=new)
        if made.state == _State.PROPOSED:
            return "It asks for less than what holds now: it waits for a second person."
        return "The override is in force; what it touches is judged again."

    @button(
        "disclosure.approve_override",
        "Approve",
        text="What was asked for holds from now on. Who asked for it cannot approve it.",
        done="Approved; what it touches is judged again.",
        icon="check",
        fits=lambda row: row.state in (_State.PROPOSED, _State.LEAVING),
    )
    def approve(self, actor: Actor, row: JurisdictionOverride, data: dict[str, Any]) -> None:
        overrides.approve_override(actor=actor, override_id=row.id)

    @button(
        "disclosure.read",
        "Reject",
        text="Everything stays as it is. Who asked for it can take it back here.",
        done="Rejected.",
        icon="close",
        fits=lambda row: row.state in (_State.PROPOSED, _State.LEAVING),
    )
    def reject(self, actor: Actor, row: JurisdictionOverride, data: dict[str, Any]) -> None:
        overrides.reject_override(actor=actor, override_id=row.id)

    @button(
        "disclosure.set_override",
        "Remove",
        text="Our table decides again. Where that asks for less, a second person must agree first.",
        icon="undo",
        fits=lambda row: row.state == _State.IN_FORCE,
    )
    def remove(self, actor: Actor, row: JurisdictionOverride, data: dict[str, Any]) -> str:
        gone = overrides.remove_override(actor=actor, override_id=row.id)
        return "The removal waits for a second person." if gone.state == _State.LEAVING else "Our table decides again."
