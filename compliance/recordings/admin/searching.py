"""Searching what was said, on the list of calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Show
from accounts.pages import Again, Facts, Part, Table
from compliance.recordings import call_filters, search
from compliance.recordings.admin.content import PurposeQuestion
from compliance.recordings.operations import searching
from compliance.recordings.operations.searching import Answer, Count, Hit, Wanted
from compliance.recordings.wording import Excerpt

_COUNTS = {"exact": "{}", "about": "about {}", "at_least": "{} so far"}
_FILTERS = {"agent": "Agent (our id or the platform's)", "batch": "Batch"}


class SearchQuestion(PurposeQuestion):
    """What was said, in which calls, and why it is looked for."""

    said = forms.CharField(
        label="Words",
        max_length=searching.LONGEST,
        strip=False,
        help_text="Found where they stand exactly so, in capitals or not; parts of words too. They are in no log.",
    )
    role = forms.CharField(label="Who spoke", max_length=40, required=False, help_text="The platform's word, as: user")
    since = forms.DateTimeField(label="Calls from", required=False, help_text="UTC")
    until = forms.DateTimeField(label="Calls before", required=False, help_text="UTC")
    agent = forms.CharField(label=_FILTERS["agent"], max_length=200, required=False)
    batch = forms.CharField(label=_FILTERS["batch"], max_length=200, required=False)
    cursor = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    field_order = ("said", "purpose", "words")

    @staticmethod
    def wanted(data: dict[str, Any]) -> Wanted:
        """The search that is asked for. Raises Invalid."""
        times = {name: data[name].isoformat() for name in ("since", "until") if data.get(name)}
        return Wanted(
            words=data["said"],
            calls=call_filters.read({name: data.get(name, "") for name in _FILTERS} | times),
            role=data["role"] or None,
            after=search.read_cursor(data["cursor"]) if data["cursor"] else None,
        )


def show(actor: Actor, data: dict[str, Any]) -> Show:
    """Search, and the page of what was found."""
    wanted, purpose = SearchQuestion.wanted(data), PurposeQuestion.stated(data)
    answer = searching.search_transcripts(actor=actor, wanted=wanted, purpose=purpose)
    parts: list[Part] = [_reach(answer), _table(answer)]
    if answer.after is not None:
        asked = data | {"cursor": search.cursor_of(answer.after)}
        fields = [(name, _text(value)) for name, value in asked.items() if value]
        parts.append(Again("Search earlier calls", fields, "Earlier calls were not looked at yet."))
    return Show("Words found", parts)


def _text(value: object) -> str:
    """As the form reads it back: in UTC, because the page may be in another zone than the next one."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else str(value)


def _reach(answer: Answer) -> Facts:
    whole = answer.coverage.is_complete and not answer.coverage.is_behind
    rows: list[tuple[str, object]] = [
        ("Found in", _counted(answer.count) if answer.count else ""),
        ("Searched back to", pages.moment(answer.after.at) if answer.after else "the first call"),
        ("Calls opened", answer.opened),
        ("Search index", "whole" if whole else "incomplete: calls are opened one by one until it is built again"),
    ]
    if answer.unreadable:
        rows.append(("Unreadable", f"{answer.unreadable}: an alarm was raised"))
    return Facts("How far this reaches", rows)


def _counted(count: Count) -> str:
    return _COUNTS[count.kind].format(f"{count.number:,} call{'' if count.number == 1 else 's'}")


def _table(answer: Answer) -> Table:
    return Table(
        "Calls",
        ["Call", "Began", "Who", "Said", "Turns"],
        [_row(answer, hit) for hit in answer.hits],
        empty="These words were not said in the calls that were looked at.",
    )


def _row(answer: Answer, hit: Hit) -> list[object]:
    call = answer.calls[hit.position.id]
    return [
        pages.to("recordings_call", call.id, call.external_id or call.id.hex[-8:]),
        pages.moment(hit.position.at),
        pages.lines(one.role for one in hit.excerpts),
        pages.lines(_marked(one) for one in hit.excerpts),
        len(hit.turns),
    ]


def _marked(one: Excerpt) -> SafeString:
    return format_html("{}<mark>{}</mark>{}", one.text[: one.start], one.text[one.start : one.end], one.text[one.end :])
