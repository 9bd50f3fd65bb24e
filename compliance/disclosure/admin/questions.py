"""What the queue's buttons ask."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from accounts import members, pages
from accounts.buttons import Question
from accounts.console import actor_of
from compliance.disclosure import following, judgements, queue
from compliance.disclosure.judgements import Resolution
from compliance.disclosure.operations import findings, waiving

_SEALED = "Sealed under the key of what it speaks of, so that it ends with the call."


class _NotedQuestion(Question):
    note = forms.CharField(
        label="Note", max_length=findings.MAX_NOTE, required=False, widget=forms.Textarea, help_text=_SEALED
    )


class ResolveQuestion(_NotedQuestion):
    """A prompt's finding is fixed by a prompt that passes, and by nobody's word: it is not offered."""

    resolution = forms.ChoiceField(label="What became of it")
    field_order = ("resolution", "note")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = [one for one in judgements.BY_PEOPLE if not (self._is_of_prompt() and one is Resolution.FIXED)]
        self.fields["resolution"].choices = [(one.value, pages.words(one.value)) for one in known]  # type: ignore[attr-defined]

    def _is_of_prompt(self) -> bool:
        return self.row is not None and self.row.audit.prompt_id is not None


class ReopenQuestion(_NotedQuestion):
    reason = forms.ChoiceField(label="Why", choices=list(following.REOPENINGS.items()))
    field_order = ("reason", "note")


class AssignQuestion(Question):
    assignee = forms.ChoiceField(label="To", required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        able = []
        if self.actor is not None:
            able = members.members_who_may(self.actor.organisation_id, "disclosure.resolve_finding")
        choices = [("", "Nobody"), *((str(one.user_id), str(one.user)) for one in able)]
        self.fields["assignee"].choices = choices  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"assignee": str(actor_of(request).id)}

    def clean_assignee(self) -> UUID | None:
        return UUID(self.cleaned_data["assignee"]) if self.cleaned_data["assignee"] else None


class WaiverQuestion(Question):
    until = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    ground = forms.ChoiceField(label="Ground", choices=list(following.GROUNDS.items()))
    note = forms.CharField(label="Why", max_length=waiving.MAX_NOTE, widget=forms.Textarea, help_text=_SEALED)

    @classmethod
    def initial_from(cls, request: HttpRequest, row: Any) -> dict[str, Any]:
        return {"until": _in_a_month()}


def _in_a_month() -> date:
    return date.fromordinal(queue.today().toordinal() + 30)
