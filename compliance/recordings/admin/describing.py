"""What an officer is asked when he describes a call."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.buttons import Question
from compliance.recordings import places
from compliance.recordings.operations.placing import Word
from compliance.recordings.places import End, Source

_SOURCES = (Source.OFFICER, Source.STATED, Source.BILLING)
_LABELS = {
    Source.OFFICER: "Your own word",
    Source.STATED: "As the person stated",
    Source.BILLING: "By the billing address",
}


def _place_field(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=6, required=False, help_text="ISO 3166, such as DE or US-CA.")


class PlacesQuestion(Question):
    caller_officer = _place_field(f"Caller: {_LABELS[Source.OFFICER].lower()}")
    caller_stated = _place_field(f"Caller: {_LABELS[Source.STATED].lower()}")
    caller_billing = _place_field(f"Caller: {_LABELS[Source.BILLING].lower()}")
    organisation_officer = _place_field("Your end of the call")

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {f"{one.end}_{one.source}": one.place for one in places.from_json(row.places)}

    @classmethod
    def stated(cls, data: dict[str, Any]) -> list[Word]:
        """What was filled in."""
        return [
            Word(end, text, source)
            for end in End
            for source in _SOURCES
            if (text := data.get(f"{end}_{source}", "").strip().upper())
        ]


class LabelsQuestion(Question):
    labels = forms.CharField(
        label="Labels", required=False, help_text="One a line.", widget=forms.Textarea(attrs={"rows": 4})
    )

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"labels": "\n".join(row.labels)}
