"""Reads a call in our own body for generic senders, as docs/platforms.md describes it. Pure.

Strict, since the words are ours: a value outside a list of ours is refused and not guessed at, above all consent.
"""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

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
)
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields

Word = TypeVar("Word", bound=StrEnum)

_MAX_RECORDINGS: Final = 50
_MAX_MESSAGES: Final = 20_000
_MAX_LABELS: Final = 100
_MAX_ROLE: Final = 40
_HASHES: Final = {"sha256": re.compile(r"[0-9a-f]{64}"), "sha512": re.compile(r"[0-9a-f]{128}")}


def call(data: Fields, *, rank: Rank, event_at: datetime | None) -> CallFacts:
    """The facts of `data`. Only `external_id` has to be there."""
    agent, contact, consent = data.inner("agent"), data.inner("contact"), data.inner("consent")
    retention = data.inner("retention")
    status = data.line("status")
    words = _transcript(data)
    return CallFacts(
        external_id=data.required_identifier("external_id"),
        rank=rank,
        agent_id=agent.identifier("external_id"),
        agent_name=agent.line("name"),
        agent_version=agent.identifier("prompt_version"),
        contact_id=contact.identifier("external_id"),
        batch_id=data.identifier("batch_id"),
        call_sid=data.identifier("carrier_id"),
        direction=_word(data, "direction", Direction),
        status=_status(status, rank),
        platform_status=status,
        ended_reason=data.line("ended_reason"),
        language=data.identifier("language"),
        started_at=data.moment("started_at"),
        ended_at=data.moment("ended_at"),
        created_at=data.moment("created_at"),
        duration_seconds=data.seconds("duration_s"),
        phone_number=contact.line("phone"),
        our_number=data.line("our_number"),
        email=contact.line("email"),
        contact_name=contact.line("name"),
        consent=_word(consent, "state", Consent),
        consent_kind=consent.identifier("kind"),
        consent_at=consent.moment("at"),
        recording_gone_at=retention.moment("recording_until"),
        transcript_gone_at=retention.moment("transcript_until"),
        labels=_labels(data),
        summary=data.text("summary"),
        metrics_json=_metrics(data),
        recordings=_recordings(data),
        transcript=words,
        event_at=event_at,
        notes=tuple(sorted(data.notes)),
    )


def _word(fields: Fields, name: str, words: type[Word]) -> Word | None:
    value = fields.line(name)
    if value is None:
        return None
    if value not in set(words):
        raise Unparseable("unknown_value", fields.where(name))
    return words(value)


def _status(word: str | None, rank: Rank) -> CallStatus | None:
    """The sender's word where it is one of ours; unsaid it follows from the event."""
    if word is None:
        return {Rank.PARTIAL: CallStatus.IN_PROGRESS, Rank.COMPLETED: CallStatus.COMPLETED}.get(rank)
    return CallStatus(word) if word in set(CallStatus) else CallStatus.UNKNOWN


def _labels(data: Fields) -> tuple[str, ...]:
    labels = []
    for index, label in enumerate(data.entries("labels", _MAX_LABELS)):
        at = f"labels[{index}]"
        text = Fields({at: label}, "data", data.notes).identifier(at)
        if text is not None:
            labels.append(text)
    return tuple(dict.fromkeys(labels))


def _metrics(data: Fields) -> str | None:
    """The sender's own analysis, of any shape, in compact JSON."""
    value = data.raw("metrics")
    if value in (None, "", {}, []):
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _recordings(data: Fields) -> tuple[RecordingFacts, ...]:
    """`recording`, `recordings`, or both: several need different kinds or ids, or nobody could tell them apart."""
    found = [data.inner("recording")] if data.raw("recording") is not None else []
    for index, value in enumerate(data.entries("recordings", _MAX_RECORDINGS)):
        at = f"recordings[{index}]"
        found.append(Fields({at: value}, "data", data.notes).inner(at))
    recordings = tuple(_recording(fields) for fields in found)
    if len({(recording.kind, recording.external_id) for recording in recordings}) != len(recordings):
        raise Unparseable("duplicate_recording", data.where("recordings"))
    return recordings


def _recording(fields: Fields) -> RecordingFacts:
    url, absence = fields.line("url", payloads.MAX_URL), _word(fields, "absence", Absence)
    if (url is None) == (absence is None):
        raise Unparseable("missing_field" if url is None else "contradiction", fields.where("url"))
    return RecordingFacts(
        url=url or "",
        kind=_word(fields, "kind", RecordingKind) or RecordingKind.MONO,
        external_id=fields.identifier("external_id"),
        media_type=fields.line("mime_type"),
        duration_seconds=fields.seconds("duration_s"),
        expires_at=fields.moment("expires_at"),
        announced_hash=_hash(fields),
        size=fields.count("bytes"),
        absence=absence,
    )


def _hash(fields: Fields) -> str | None:
    """The strongest hash that is told, `sha512:` or `sha256:` and lower-case hex."""
    told = {}
    for name, shape in _HASHES.items():
        value = fields.line(name)
        if value is not None and not shape.fullmatch(value.lower()):
            raise Unparseable("bad_hash", fields.where(name))
        if value is not None:
            told[name] = f"{name}:{value.lower()}"
    return told.get("sha512") or told.get("sha256")


def _transcript(data: Fields) -> tuple[Message, ...]:
    messages = []
    for index, value in enumerate(data.entries("transcription", _MAX_MESSAGES)):
        at = f"transcription[{index}]"
        turn = Fields({at: value}, "data", data.notes).inner(at)
        role = turn.line("role", _MAX_ROLE) or "unknown"
        messages.append(Message(role, turn.text("content") or "", turn.moment_or_offset("timestamp")))
    return tuple(messages)
