"""Reads Retell's calls, out of deliveries and out of its API's answers, which share one shape. Pure.

Read strictly (a wrong type makes the delivery unparseable): ids, times, numbers, recordings, words. Read where possible
(otherwise noted): names, versions, reasons, metadata, analysis and durations, which a call may lack without harm.
Field names: Retell's API reference (get call) and its Python package 6.2.13, November 2026.
"""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Message,
    Rank,
    RecordingFacts,
    RecordingKind,
)
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.turns import turns_of

_MAX_TURNS = 20_000
_MAX_WORDS = 20_000
_MAX_ROLE = 40
_MAX_TRANSCRIPT = 2_000_000
_LONGEST_CALL_MS = 7 * 86_400_000
_EPOCH_DIGITS = 10

_DIRECTIONS = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_RUNNING = frozenset({"registered", "ongoing"})
_WORDS = {
    "registered": CallStatus.IN_PROGRESS,
    "ongoing": CallStatus.IN_PROGRESS,
    "ended": CallStatus.COMPLETED,
    "not_connected": CallStatus.FAILED,
    "error": CallStatus.FAILED,
}
_REASONS = {
    "voicemail_reached": CallStatus.VOICEMAIL,
    "dial_busy": CallStatus.BUSY,
    "dial_no_answer": CallStatus.NO_ANSWER,
    "user_declined": CallStatus.NO_ANSWER,
    "error_user_not_joined": CallStatus.NO_ANSWER,
    "registered_call_timeout": CallStatus.NO_ANSWER,
} | dict.fromkeys(
    (
        "user_hangup",
        "agent_hangup",
        "user_requested_dnc",
        "user_requested_callback",
        "call_transfer",
        "ivr_reached",
        "inactivity",
        "max_duration_reached",
        "scam_detected",
        "transfer_bridged",
        "transfer_cancelled",
        "manual_stopped",
        "call_take_over",
    ),
    CallStatus.COMPLETED,
)
_FAILURES = ("error_", "dial_", "no_", "telephony_", "sip_", "invalid_", "network_", "marked_")
_EXHAUSTED = ("_exhausted", "_limit_reached", "budget_reached")

# Retell names no recording: the field that holds the address is its name.
_RECORDINGS = (
    ("recording_url", RecordingKind.MONO, "recording"),
    ("recording_multi_channel_url", RecordingKind.STEREO, "recording_multi_channel"),
    ("scrubbed_recording_url", RecordingKind.REDACTED, "scrubbed_recording"),
    ("scrubbed_recording_multi_channel_url", RecordingKind.REDACTED, "scrubbed_recording_multi_channel"),
)
# Retell's redacted words count only where it gives no others.
_TRANSCRIPTS = ("transcript_object", "transcript_with_tool_calls")
_SCRUBBED = "scrubbed_transcript_with_tool_calls"
_SPEAKERS = frozenset({"agent", "user", "transfer_target"})
_METADATA_IDS = ("contact_id", "contactId")


def call_facts(call: Fields, rank: Rank) -> CallFacts:
    """The facts of a call. An answer about a call that still runs is worth no more than a partial report, lest it
    outrank the report at the end.
    """
    facts = _frame(call, rank)
    if rank is Rank.POLLED and facts.platform_status in _RUNNING:
        rank = Rank.PARTIAL
    analysis = call.if_readable(call.inner, "call_analysis") or Fields({}, "call_analysis", call.notes)
    return dataclasses.replace(
        facts,
        rank=rank,
        status=_status(facts, is_voicemail=analysis.raw("in_voicemail") is True),
        summary=analysis.if_readable(analysis.text, "call_summary"),
        metrics_json=_metrics(call, analysis),
        recordings=_recordings(call, is_over=rank is not Rank.PARTIAL),
        transcript=_transcript(call),
        notes=tuple(sorted(call.notes)),
    )


def link_expiry(url: str) -> datetime | None:
    """When an address stops answering by its own `Expires`, in seconds since 1970; None where it tells none."""
    told = _query(url).get("Expires", [])
    if len(told) != 1 or not (told[0].isascii() and told[0].isdigit()) or len(told[0]) != _EPOCH_DIGITS:
        return None
    return datetime.fromtimestamp(int(told[0]), UTC)


def is_signed(url: str) -> bool:
    """Whether an address carries a signature, and so will expire."""
    return bool({"Signature", "X-Amz-Signature"} & set(_query(url)))


def _query(url: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(url).query, max_num_fields=50)
    except ValueError:
        return {}


def _frame(call: Fields, rank: Rank) -> CallFacts:
    """Who, when and by what, without what was said."""
    direction = _DIRECTIONS.get(call.line("direction") or "")
    caller, called = call.line("from_number"), call.line("to_number")
    if direction is Direction.OUTBOUND:
        other, ours = called, caller
    else:
        other, ours = (caller, called) if direction is Direction.INBOUND else (None, None)
    telephony = call.if_readable(call.inner, "telephony_identifier")
    return CallFacts(
        external_id=call.required_identifier("call_id"),
        rank=rank,
        agent_id=call.identifier("agent_id"),
        agent_name=call.if_readable(call.line, "agent_name"),
        agent_version=_version(call, "agent_version"),
        contact_id=_contact(call),
        batch_id=call.if_readable(call.identifier, "batch_call_id"),
        call_sid=telephony.if_readable(telephony.identifier, "twilio_call_sid") if telephony else None,
        direction=direction,
        platform_status=call.if_readable(call.identifier, "call_status"),
        ended_reason=call.if_readable(call.identifier, "disconnection_reason"),
        started_at=call.moment("start_timestamp"),
        ended_at=call.moment("end_timestamp"),
        duration_seconds=_duration(call),
        phone_number=other,
        our_number=ours,
    )


def _version(call: Fields, name: str) -> str | None:
    """Retell counts versions; the number is kept as text."""
    if isinstance(call.raw(name), str):
        return call.if_readable(call.identifier, name)
    number = call.if_readable(call.count, name)
    return None if number is None else str(number)


def _contact(call: Fields) -> str | None:
    """The caller's id, if the organisation gave one along: metadata is the organisation's own and of any shape."""
    metadata = call.raw("metadata")
    if not isinstance(metadata, dict):
        return None
    own = Fields(metadata, call.where("metadata"), call.notes)
    known = (own.if_readable(own.identifier, name) for name in _METADATA_IDS)
    return next((value for value in known if value is not None), None)


def _duration(call: Fields) -> float | None:
    milliseconds = call.if_readable(call.count, "duration_ms")
    if milliseconds is not None and milliseconds > _LONGEST_CALL_MS:
        call.notes.add("optional_field_unreadable")
        return None
    return None if milliseconds is None else milliseconds / 1000


def _status(facts: CallFacts, *, is_voicemail: bool) -> CallStatus | None:
    """By the reason of the end, else by the call's own word."""
    reason, word = facts.ended_reason, facts.platform_status
    if is_voicemail:
        return CallStatus.VOICEMAIL
    if reason in _REASONS:
        return _REASONS[reason]
    if reason is not None:
        is_failure = reason.startswith(_FAILURES) or reason.endswith(_EXHAUSTED)
        return CallStatus.FAILED if is_failure else CallStatus.UNKNOWN
    return None if word is None else _WORDS.get(word, CallStatus.UNKNOWN)


def _recordings(call: Fields, *, is_over: bool) -> tuple[RecordingFacts, ...]:
    found = []
    for name, kind, external_id in _RECORDINGS:
        url = call.line(name, payloads.MAX_URL)
        if url is not None:
            found.append(RecordingFacts(url, kind, external_id, expires_at=link_expiry(url)))
    if not found and is_over and call.raw("data_storage_setting") == "basic_attributes_only":
        return (RecordingFacts("", RecordingKind.MONO, "recording", absence=Absence.NOT_KEPT),)
    return tuple(found)


def _transcript(call: Fields) -> tuple[Message, ...]:
    """The richest of the transcripts that are there; the plain text line by line as a last resort."""
    for name in _TRANSCRIPTS:
        turns = _turns(call, name)
        if turns:
            return turns
    plain = call.text("transcript", _MAX_TRANSCRIPT)
    if plain:
        return turns_of(plain)
    turns = _turns(call, _SCRUBBED)
    if turns:
        call.notes.add("transcript_is_redacted")
    return turns


def _turns(call: Fields, name: str) -> tuple[Message, ...]:
    """Spoken turns only: tool calls, node transitions and keys pressed stand between them in some lists."""
    turns = []
    for index, entry in enumerate(call.entries(name, _MAX_TURNS)):
        if not isinstance(entry, dict):
            raise Unparseable("wrong_type", f"{call.where(name)}[{index}]")
        turn = Fields(entry, f"{call.where(name)}[{index}]", call.notes)
        role = turn.line("role", _MAX_ROLE) or "unknown"
        if role in _SPEAKERS or name == "transcript_object":
            turns.append(Message(role, turn.text("content") or "", _first_word_at(turn)))
    return tuple(turns)


def _first_word_at(turn: Fields) -> float | None:
    """Seconds into the call; the platform calls its words' times approximate, so a bad one is left out."""
    words = turn.if_readable(lambda name: turn.entries(name, _MAX_WORDS), "words")
    first = words[0] if words else None
    if not isinstance(first, dict):
        return None
    word = Fields(first, turn.where("words[0]"), turn.notes)
    return word.if_readable(word.seconds, "start")


def _metrics(call: Fields, analysis: Fields) -> str | None:
    """The platform's own analysis but for the summary, as it came, in compact JSON."""
    names = ("call_successful", "user_sentiment", "in_voicemail", "custom_analysis_data")
    kept: dict[str, Any] = {name: analysis.raw(name) for name in names}
    kept["collected_dynamic_variables"] = call.raw("collected_dynamic_variables")
    kept = {name: value for name, value in kept.items() if value not in (None, "", {}, [])}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True) if kept else None
