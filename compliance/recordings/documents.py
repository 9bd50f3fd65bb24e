"""The documents that the register seals: transcript, summary, and what a platform told about a call. Pure.

They are read back years later, so each carries its format number, and a number once given is never given to another
shape.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.connectors import merging
from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Consent,
    Direction,
    Message,
    Rank,
    RecordingFacts,
    RecordingKind,
    Trust,
)

FORMAT = 1
FACTS_FORMAT = 2
"""2 added what a platform says of consent, agent version, language, its own deletion, trust, labels, hashes, absence;
1 is read as a document that says nothing of these.
"""
_TIMES = (
    "started_at", "ended_at", "created_at", "event_at", "consent_at", "recording_gone_at", "transcript_gone_at"
)  # fmt: skip
_WORDS = {"direction": Direction, "status": CallStatus, "consent": Consent, "trust": Trust}
# What has its own artifact, and thereby its own retention, is not kept a second time among the facts.
_ELSEWHERE = frozenset({"external_id", "standings", "recordings", "transcript", "summary", "metrics_json"})
_KEPT = tuple(field.name for field in dataclasses.fields(CallFacts) if field.name not in _ELSEWHERE)
# A recording's address and its expiry lie with its artifact.
_OF_RECORDING = ("kind", "external_id", "media_type", "duration_seconds", "announced_hash", "size", "absence")


class UnknownFormat(Exception):
    """A document of a format that this version does not read. Never silently half-read."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a platform made of a call: its words, and its metrics as JSON text."""

    words: str | None = None
    metrics_json: str | None = None

    @property
    def is_blank(self) -> bool:
        return not self.words and not self.metrics_json

    @property
    def metrics(self) -> Any:
        """The metrics as JSON values, None where there are none."""
        return json.loads(self.metrics_json) if self.metrics_json else None


def transcript_document(messages: Sequence[Message]) -> bytes:
    """A transcript, turns in the platform's order: a time is ISO 8601 in UTC, an offset a number of seconds."""
    turns = [{"role": turn.role, "content": turn.content, "timestamp": _time(turn.timestamp)} for turn in messages]
    return _encoded({"format": FORMAT, "messages": turns})


def read_transcript(document: bytes) -> list[Message]:
    """The inverse of `transcript_document`."""
    return [
        Message(turn["role"], turn["content"], _moment(turn["timestamp"])) for turn in _decoded(document)["messages"]
    ]


def summary_document(summary: Summary) -> bytes:
    """Summary and metrics."""
    return _encoded({"format": FORMAT, "summary": summary.words, "metrics": summary.metrics})


def read_summary(document: bytes) -> Summary:
    """The inverse of `summary_document`."""
    fields = _decoded(document)
    metrics = fields["metrics"]
    return Summary(fields["summary"], None if metrics is None else _encoded(metrics).decode())


def facts_document(facts: CallFacts) -> bytes:
    """What a platform told, without what has an artifact of its own."""
    fields = {name: _time(getattr(facts, name)) for name in _KEPT}
    recordings = [{name: getattr(one, name) for name in _OF_RECORDING} for one in facts.recordings]
    return _encoded({"format": FACTS_FORMAT, "recordings": recordings} | fields)


def read_facts(external_id: str, document: bytes, standings: Mapping[str, Any]) -> CallFacts:
    """The inverse of `facts_document`, with the standings that are kept beside it.

    Recordings come back without address.
    """
    fields = _decoded(document, FORMAT, FACTS_FORMAT)
    values: dict[str, Any] = {name: fields.get(name) for name in _KEPT}
    for name in _TIMES:
        values[name] = _moment(values[name])
    values["rank"] = Rank(values["rank"])
    for name, word in _WORDS.items():
        values[name] = word(values[name]) if values[name] else None
    values["notes"], values["labels"] = tuple(values["notes"] or ()), tuple(values["labels"] or ())
    values["recordings"] = tuple(_recording(one) for one in fields["recordings"])
    return CallFacts(external_id=external_id, standings=merging.standings_from_json(standings), **values)


def _recording(fields: Mapping[str, Any]) -> RecordingFacts:
    known: dict[str, Any] = {name: fields.get(name) for name in _OF_RECORDING}
    absence = Absence(known["absence"]) if known["absence"] else None
    return RecordingFacts(url="", **known | {"kind": RecordingKind(fields["kind"]), "absence": absence})


def _encoded(fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()


def _decoded(document: bytes, *formats: int) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(document)
    if fields.get("format") not in (formats or (FORMAT,)):
        raise UnknownFormat(str(fields.get("format")))
    return fields


def _time(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
