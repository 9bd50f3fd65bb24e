"""Everything that is worked out of one transcript, and the document in which it is sealed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compliance.connectors.facts import Message
from compliance.recordings.documents import UnknownFormat
from compliance.recordings.insights import digits, sentiment
from compliance.recordings.insights.cards import cards_in
from compliance.recordings.insights.mails import mails_in
from compliance.recordings.insights.phones import REGIONS_MOST, Budget, phones_in
from compliance.recordings.insights.sentiment import Feeling, LanguageSource, Sentiment
from compliance.recordings.insights.spans import Span, SpanKind, without_overlaps

METHOD = 1
"""Raised whenever the same words would give something else; what an older one gave is worked out again."""
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Insights:
    """`regions` are those whose own way of dialling was looked for; `is_complete`: every number could be tried."""

    spans: tuple[Span, ...]
    sentiment: Sentiment
    regions: tuple[str, ...] = ()
    is_complete: bool = True


def regions_of(places: Sequence[str]) -> tuple[str, ...]:
    """The countries of a call's places (ISO 3166), as far as they are looked at."""
    return tuple(dict.fromkeys(place.partition("-")[0].upper() for place in places if place))[:REGIONS_MOST]


def conclude(messages: Sequence[Message], *, language: str, regions: Sequence[str]) -> Insights:
    """Look through a transcript."""
    budget, found = Budget(), list[Span]()
    for turn, message in enumerate(messages):
        runs = list(digits.runs(message.content))
        found += cards_in(turn, runs)
        found += mails_in(turn, message.content)
        found += phones_in(turn, message.content, runs, regions, budget)
    felt = sentiment.of_caller(messages, language)
    return Insights(tuple(without_overlaps(found)), felt, tuple(regions), is_complete=budget.left > 0)


def insights_document(insights: Insights) -> bytes:
    """Insights as they are sealed, and as the caller is given them: with every field's name."""
    felt = insights.sentiment
    fields = {
        "format": _FORMAT,
        "spans": [dataclasses.asdict(one) for one in insights.spans],
        "regions": insights.regions,
        "is_complete": insights.is_complete,
        "feeling": felt.feeling,
        "language": felt.language,
        "language_source": felt.language_source,
        "score": felt.score,
        "turns": [{"turn": turn, "score": score} for turn, score in felt.turns],
        "method": felt.method,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def read_insights(document: bytes) -> Insights:
    """The inverse of `insights_document`."""
    fields: dict[str, Any] = json.loads(document)
    if fields.get("format") != _FORMAT:
        raise UnknownFormat(str(fields.get("format")))
    felt = Sentiment(
        Feeling(fields["feeling"]),
        fields["language"],
        LanguageSource(fields["language_source"]),
        fields["score"],
        tuple((one["turn"], one["score"]) for one in fields["turns"]),
        fields["method"],
    )
    spans = tuple(Span(**one | {"kind": SpanKind(one["kind"])}) for one in fields["spans"])
    return Insights(spans, felt, tuple(fields["regions"]), fields["is_complete"])
