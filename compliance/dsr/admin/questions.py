"""What the buttons of a request ask."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from accounts import pages
from accounts.buttons import Question
from compliance import law
from compliance.dsr import access
from compliance.dsr.operations import receiving
from compliance.dsr.states import GROUNDS, Decision, Ground, Reason, State, reason_fits
from compliance.recordings.identifiers import IdentifierKind

_KINDS = {
    "phone": IdentifierKind.PHONE,
    "email": IdentifierKind.EMAIL,
    "contact_id": IdentifierKind.CONTACT_ID,
}


class NewRequest(Question):
    rights = forms.MultipleChoiceField(
        label="Rights asked for",
        choices=[(right.value, right.value) for right in law.Right if right in receiving.FULFILLED_HERE],
        widget=forms.CheckboxSelectMultiple,
    )
    regime = forms.ChoiceField(label="Law", choices=[(name, name) for name in sorted(law.REGIMES)], initial="eu-gdpr")
    place = forms.CharField(
        label="Place of the person",
        max_length=6,
        help_text="ISO 3166 with subdivision, such as DE-BY or US-CA. Public holidays and time follow it.",
    )
    received_at = forms.DateTimeField(
        label="Received",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="When the person asked, not when you got to it. The legal time runs from here.",
    )
    name = forms.CharField(label="Name", max_length=200, required=False)
    address = forms.EmailField(label="Address for letters", required=False)
    phone = forms.CharField(label="Telephone number in the calls", max_length=40, required=False)
    email = forms.CharField(label="E-mail address in the calls", max_length=320, required=False)
    contact_id = forms.CharField(label="Contact id at the platform", max_length=200, required=False)

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"received_at": timezone.localtime()}

    @staticmethod
    def identities(data: dict[str, Any]) -> list[tuple[IdentifierKind, str]]:
        """The identifiers that were filled in."""
        return [(kind, data[name].strip()) for name, kind in _KINDS.items() if data[name].strip()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not any(data.get(name, "").strip() for name in _KINDS):
            self.add_error("phone", "Name at least one number, address or id under which calls are found.")
        return data


class ClaimQuestion(Question):
    claim = forms.ChoiceField(label="Identity")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        claims = [claim for claim in access.claims_of(self.row) if claim.kind == IdentifierKind.EMAIL]
        choices = [(str(claim.id), f"{pages.words(claim.kind)} …{claim.id.hex[-4:]}") for claim in claims]
        help_text = "" if choices else "This request names no e-mail address, so no code can be sent."
        self.fields["claim"] = forms.ChoiceField(label="Identity", choices=choices, help_text=help_text)


class CodeQuestion(Question):
    code = forms.CharField(
        label="Code",
        max_length=16,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="As the person read it to you. A wrong one costs a try and is an entry.",
    )


class EvidenceQuestion(Question):
    evidence = forms.CharField(
        label="How you know",
        min_length=10,
        max_length=2000,
        widget=forms.Textarea,
        help_text="What you saw or asked, and when; no copies of papers. Kept as a disclosure that can be erased.",
    )


class DecisionQuestion(Question):
    item = forms.ChoiceField(label="Artifact")
    decision = forms.ChoiceField(
        label="Decision", choices=[(Decision.FULFIL.value, "fulfil"), (Decision.KEEP.value, "keep")]
    )
    ground = forms.ChoiceField(
        label="Ground",
        required=False,
        choices=[
            ("", "None: it is fulfilled"),
            *((ground.value, f"{rule.text} ({rule.article})") for ground, rule in GROUNDS.items()),
        ],
        help_text="Keeping needs one that carries it for this right.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [
            (
                str(item.id),
                f"{item.right}: {pages.words(item.artifact.kind)} of {item.call.external_id or item.call_id.hex[-8:]}",
            )
            for item in access.plan_of(self.row)
        ]
        self.fields["item"] = forms.ChoiceField(label="Artifact", choices=choices)

    @staticmethod
    def ground_of(data: dict[str, Any]) -> Ground | None:
        """The chosen ground, if any."""
        return Ground(data["ground"]) if data["ground"] else None


class ApproveQuestion(Question):
    """Carries the digest of the plan that was on the page: what is approved is what was seen."""

    plan_digest = forms.CharField(widget=forms.HiddenInput, max_length=64)

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"plan_digest": row.plan_digest}


class DenyQuestion(Question):
    reason = forms.ChoiceField(
        label="Reason",
        choices=[(reason.value, pages.words(reason.value)) for reason in Reason if reason_fits(State.DENIED, reason)],
    )
    explanation = forms.CharField(
        label="Explanation to the person",
        min_length=10,
        max_length=4000,
        widget=forms.Textarea,
        help_text="Goes into the letter as it stands, with their right to complain (GDPR Art. 12(4)).",
    )
