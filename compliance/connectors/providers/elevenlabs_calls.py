"""Reads a conversation of ElevenLabs Agents: the same object in its webhooks, its list and its answers. Pure.

Read strictly: ids, times, numbers, deletion dates, words. Read where possible (otherwise noted): names, versions,
language, tags and analysis. Field names: ElevenLabs' package 2.78.0 and its documentation of post-call webhooks,
November 2026. Nothing in it tells of consent.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Message,
    Rank,
    RecordingFacts,
)
from compliance.connectors.providers.answers import segment
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.questions import AskFailed

BASE_URL: Final = "https://api.elevenlabs.io"
_MAX_MESSAGES: Final = 20_000
_MAX_TAGS: Final = 100
_MAX_ROLE: Final = 40
_STATUSES: Final = {
    "initiated": CallStatus.IN_PROGRESS,
    "in-progress": CallStatus.IN_PROGRESS,
    "processing": CallStatus.COMPLETED,  # the call is over, its analysis is not
    "done": CallStatus.COMPLETED,
    "failed": CallStatus.FAILED,
}
_OUTCOMES: Final = {
    "voicemail": CallStatus.VOICEMAIL,
    "busy": CallStatus.BUSY,
    "no_answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
}
_DIRECTIONS: Final = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
# Of the analysis, what is no summary in words.
_SUMMARIES: Final = frozenset({"transcript_summary", "call_summary_title"})


@dataclass(frozen=True, slots=True)
class _Clock:
    """ElevenLabs' own plan for its copies, and what it did."""

    audio_gone_at: datetime | None
    transcript_gone_at: datetime | None
    is_audio_gone: bool


def _audio_url(conversation_id: str) -> str:
    """Where a conversation's sound is answered, to whoever shows the key."""
    try:
        return f"{BASE_URL}/v1/convai/conversations/{segment(conversation_id)}/audio"
    except AskFailed:
        raise Unparseable("bad_id", "conversation_id") from None


def conversation(fields: Fields, *, rank: Rank, event_at: datetime | None = None) -> CallFacts:
    """The facts of one conversation; while it runs they rank as partial, and without analysis as completed."""
    metadata, analysis = fields.inner("metadata"), fields.inner("analysis")
    phone = metadata.inner("phone_call")
    word = fields.line("status")
    status = _status(word, phone.if_readable(phone.line, "call_result"))
    clock = _clock(metadata.inner("deletion_settings"))
    started_at, seconds = _moment(metadata, "start_time_unix_secs"), metadata.seconds("call_duration_secs")
    is_over = status not in (None, CallStatus.IN_PROGRESS)
    external_id = fields.required_identifier("conversation_id")
    return CallFacts(
        external_id=external_id,
        rank=_rank(rank, word, is_over=is_over),
        agent_id=fields.identifier("agent_id"),
        agent_name=fields.if_readable(fields.line, "agent_name"),
        agent_version=fields.if_readable(fields.identifier, "version_id"),
        contact_id=fields.identifier("user_id"),
        batch_id=metadata.inner("batch_call").identifier("batch_call_id"),
        call_sid=phone.identifier("call_sid"),
        direction=_DIRECTIONS.get(phone.line("direction") or ""),
        status=status,
        platform_status=word,
        ended_reason=metadata.if_readable(metadata.line, "termination_reason"),
        language=metadata.if_readable(metadata.line, "main_language"),
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=seconds) if started_at and seconds is not None and is_over else None,
        duration_seconds=seconds,
        phone_number=phone.line("external_number"),
        our_number=phone.line("agent_number"),
        recording_gone_at=clock.audio_gone_at,
        transcript_gone_at=clock.transcript_gone_at,
        labels=_labels(fields),
        summary=analysis.text("transcript_summary"),
        metrics_json=_metrics(fields),
        recordings=_recordings(fields, external_id, seconds, clock, is_over=is_over),
        transcript=_transcript(fields),
        event_at=event_at,
        notes=tuple(sorted(fields.notes)),
    )


def listed(fields: Fields) -> CallFacts:
    """One line of the list: no words, no sound, no numbers; `ask_call` tells the rest."""
    word = fields.line("status")
    started_at, seconds = _moment(fields, "start_time_unix_secs"), fields.seconds("call_duration_secs")
    status = _status(word, None)
    is_over = status not in (None, CallStatus.IN_PROGRESS)
    return CallFacts(
        external_id=fields.required_identifier("conversation_id"),
        rank=Rank.POLLED if is_over else Rank.PARTIAL,
        agent_id=fields.identifier("agent_id"),
        agent_name=fields.if_readable(fields.line, "agent_name"),
        agent_version=fields.if_readable(fields.identifier, "version_id"),
        direction=_DIRECTIONS.get(fields.line("direction") or ""),
        status=status,
        platform_status=word,
        ended_reason=fields.if_readable(fields.line, "termination_reason"),
        language=fields.if_readable(fields.line, "main_language"),
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=seconds) if started_at and seconds is not None and is_over else None,
        duration_seconds=seconds,
        labels=_labels(fields),
        notes=tuple(sorted({*fields.notes, "listed_only"})),
    )


def _rank(rank: Rank, word: str | None, *, is_over: bool) -> Rank:
    if not is_over:
        return Rank.PARTIAL
    return Rank.COMPLETED if word == "processing" and rank is Rank.ANALYSED else rank


def _status(word: str | None, outcome: str | None) -> CallStatus | None:
    if word is None:
        return None
    status = _STATUSES.get(word, CallStatus.UNKNOWN)
    return status if status is CallStatus.IN_PROGRESS else _OUTCOMES.get(outcome or "", status)


def _moment(fields: Fields, name: str) -> datetime | None:
    """A time in seconds since 1970; 0 and -1 stand for none."""
    return None if fields.raw(name) in (0, -1) else fields.moment(name)


def _clock(settings: Fields) -> _Clock:
    """What was deleted has its own time; what is to be deleted has the planned one, unless its flag says it is kept."""
    planned = _moment(settings, "deletion_time_unix_secs")
    audio_gone_at = _moment(settings, "deleted_audio_at_time_unix_secs")
    words_gone_at = _moment(settings, "deleted_transcript_at_time_unix_secs")
    return _Clock(
        audio_gone_at or (planned if settings.raw("delete_audio") is not False else None),
        words_gone_at or (planned if settings.raw("delete_transcript_and_pii") is not False else None),
        audio_gone_at is not None,
    )


def _recordings(
    fields: Fields, external_id: str, seconds: float | None, clock: _Clock, *, is_over: bool
) -> tuple[RecordingFacts, ...]:
    """The whole conversation's sound is one file without an id of its own. `has_audio` says nothing while it runs."""
    has_audio = fields.raw("has_audio")
    if clock.is_audio_gone:
        return (RecordingFacts("", absence=Absence.DELETED),)
    if not is_over or not isinstance(has_audio, bool) or fields.raw("status") == "processing":
        return ()
    if not has_audio:
        return (RecordingFacts("", absence=Absence.ABSENT),)
    return (RecordingFacts(_audio_url(external_id), media_type="audio/mpeg", duration_seconds=seconds),)


def _transcript(fields: Fields) -> tuple[Message, ...]:
    messages = []
    for index, turn in enumerate(fields.entries("transcript", _MAX_MESSAGES)):
        part = Fields({"turn": turn}, fields.where(f"transcript[{index}]"), fields.notes).inner("turn")
        role = part.line("role", _MAX_ROLE) or "unknown"
        messages.append(Message(role, part.text("message") or "", part.seconds("time_in_call_secs")))
    return tuple(messages)


def _labels(fields: Fields) -> tuple[str, ...]:
    def read(name: str) -> tuple[str, ...]:
        tags = fields.entries(name, _MAX_TAGS)
        return tuple(tag for tag in (Fields({name: tag}, name, fields.notes).identifier(name) for tag in tags) if tag)

    return fields.if_readable(read, "tag_ids") or ()


def _metrics(fields: Fields) -> str | None:
    """The analysis without its summaries, of any shape, in compact JSON."""
    analysis = fields.raw("analysis") or {}
    kept = {name: value for name, value in analysis.items() if name not in _SUMMARIES and value not in (None, {}, [])}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True) if kept else None
