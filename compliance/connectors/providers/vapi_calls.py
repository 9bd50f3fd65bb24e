"""Reads Vapi's calls, out of deliveries and out of its API's answers, which share one shape. Pure.

Read strictly (a wrong type makes the delivery unparseable): ids, times, numbers, consent, recordings, words. Read
where possible (otherwise noted): names, versions, language, reasons, summary and analysis, which a call may lack
without harm.
Field names: Vapi's API reference and its Python package 3.0.0, November 2026. Older deliveries carry recordings,
transcript and messages beside the artifact; both places are read.
"""

import dataclasses
import json
from datetime import datetime
from typing import Any, TypeVar

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
from compliance.connectors.providers.turns import turns_of

T = TypeVar("T")

_MAX_MESSAGES = 20_000
_MAX_ROLE = 40
_MAX_TRANSCRIPT = 2_000_000

_DIRECTIONS = {"inboundPhoneCall": Direction.INBOUND, "outboundPhoneCall": Direction.OUTBOUND}
# What steered the agent or what tools did was not said in the call.
_UNSPOKEN = frozenset({"system", "tool", "tool_calls", "tool_call_result", "function", "developer"})

_RUNNING = frozenset({"scheduled", "queued", "ringing", "in-progress", "forwarding"})
# `endedReason` has about 600 words, most of them errors of one maker or another: told by parts, the first match holds.
_REASONS: tuple[tuple[CallStatus, tuple[str, ...]], ...] = (
    (CallStatus.VOICEMAIL, ("voicemail",)),
    (CallStatus.BUSY, ("customer-busy",)),
    (CallStatus.NO_ANSWER, ("customer-did-not-answer", "outbound-sip-480-", "outbound-sip-408-")),
    (CallStatus.CANCELLED, ("manually-canceled", "call-deleted", "hungup-before-call-connect")),
    (CallStatus.COMPLETED, ("call.forwarding.", "hook-executed", "completed", "forwarded-call")),
    (
        CallStatus.FAILED,
        (
            "error",
            "fault",
            "fail",
            "not-valid",
            "not-found",
            "worker-shutdown",
            "vonage-disconnected",
            "rejected",
            "misdialed",
            "unallocated",
            "carrier-released",
            "closed-websocket",
            "no-call-received",
            "assistant-request-",
            "join-timed-out",
            "microphone-permission",
        ),
    ),
    (
        CallStatus.COMPLETED,
        ("customer-ended-call", "assistant-ended-call", "assistant-said", "exceeded-max-duration", "silence-timed-out"),
    ),
)

# Our id for each recording of a call, its kind, its signed address, and the places of its lasting address.
_RECORDINGS = (
    ("mono", RecordingKind.MONO, "presignedMonoUrl", "recordingUrl", "combinedUrl"),
    ("stereo", RecordingKind.STEREO, "presignedStereoUrl", "stereoRecordingUrl", "stereoUrl"),
    ("assistant", RecordingKind.AGENT, "presignedAssistantUrl", None, "assistantUrl"),
    ("customer", RecordingKind.CALLER, "presignedCustomerUrl", None, "customerUrl"),
)
_ANALYSIS = ("structuredData", "structuredDataMulti", "successEvaluation")


def call_facts(message: Fields, call: Fields, rank: Rank) -> CallFacts:
    """The facts of a call. In a delivery `message` stands around `call`; in an answer of the API both are the call.

    Vapi tells its analysis with the report at the end: such a report ranks as analysed. An answer about a call that
    still runs is worth no more than a partial report, lest it outrank the report at the end.
    """
    artifact = message.inner("artifact") if message.raw("artifact") else call.inner("artifact")
    analysis = _analysis(message, call)
    summary = _first(analysis.if_readable(analysis.text, "summary"), message.if_readable(message.text, "summary"))
    metrics = _metrics(analysis, artifact)
    facts = _frame(message, call, rank)
    if rank is Rank.COMPLETED and (summary or metrics):
        rank = Rank.ANALYSED
    elif rank is Rank.POLLED and facts.platform_status in _RUNNING:
        rank = Rank.PARTIAL
    is_over = rank in (Rank.COMPLETED, Rank.ANALYSED) or facts.ended_at is not None
    consent, consent_kind, consent_at = _consent(message, call)
    return dataclasses.replace(
        facts,
        rank=rank,
        status=_status(facts.ended_reason, facts.platform_status, is_over=is_over),
        consent=consent,
        consent_kind=consent_kind,
        consent_at=consent_at,
        summary=summary,
        metrics_json=metrics,
        recordings=_recordings(message, call, artifact, is_over=is_over),
        transcript=_transcript(message, artifact),
        notes=tuple(sorted(message.notes)),
    )


def _frame(message: Fields, call: Fields, rank: Rank) -> CallFacts:
    """Who, when and by what, without what was said."""
    assistant = _assistant(message, call)
    customer = message.inner("customer") if message.raw("customer") else call.inner("customer")
    started_at = _first(message.moment("startedAt"), call.moment("startedAt"))
    ended_at = _first(message.moment("endedAt"), call.moment("endedAt"))
    return CallFacts(
        external_id=call.required_identifier("id"),
        rank=rank,
        agent_id=_first(call.identifier("assistantId"), assistant.if_readable(assistant.identifier, "id")),
        agent_name=assistant.if_readable(assistant.line, "name"),
        agent_version=_first(*(part.if_readable(part.identifier, "assistantVersion") for part in (message, call))),
        contact_id=_first(customer.identifier("externalId"), call.identifier("customerId")),
        batch_id=call.identifier("campaignId"),
        call_sid=call.identifier("phoneCallProviderId"),
        direction=_DIRECTIONS.get(call.line("type") or ""),
        platform_status=call.if_readable(call.identifier, "status"),
        ended_reason=_first(*(part.if_readable(part.identifier, "endedReason") for part in (message, call))),
        language=_language(assistant),
        started_at=started_at,
        ended_at=ended_at,
        created_at=call.moment("createdAt"),
        duration_seconds=_duration(message, started_at, ended_at),
        phone_number=customer.line("number"),
        our_number=_first(*(part.inner("phoneNumber").line("number") for part in (message, call))),
        email=customer.line("email"),
        contact_name=customer.if_readable(customer.line, "name"),
        event_at=_first(message.moment("timestamp"), call.moment("updatedAt")),
    )


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _assistant(message: Fields, call: Fields) -> Fields:
    """What the delivery tells of the assistant itself; not of use for anything but names."""
    for part in (message, call):
        assistant = part.if_readable(part.inner, "assistant")
        if assistant is not None and part.raw("assistant"):
            return assistant
    return Fields({}, "assistant", message.notes)


def _analysis(message: Fields, call: Fields) -> Fields:
    for part in (message, call):
        analysis = part.if_readable(part.inner, "analysis")
        if analysis is not None and part.raw("analysis"):
            return analysis
    return Fields({}, "analysis", message.notes)


def _language(assistant: Fields) -> str | None:
    transcriber = assistant.if_readable(assistant.inner, "transcriber")
    return None if transcriber is None else transcriber.if_readable(transcriber.identifier, "language")


def _duration(message: Fields, started_at: datetime | None, ended_at: datetime | None) -> float | None:
    """As told, else the time between the platform's own start and end."""
    told = message.if_readable(message.seconds, "durationSeconds")
    if told is not None or started_at is None or ended_at is None or ended_at < started_at:
        return told
    return (ended_at - started_at).total_seconds()


def _status(reason: str | None, word: str | None, *, is_over: bool) -> CallStatus | None:
    if reason is not None:
        found = (status for status, parts in _REASONS if any(part in reason for part in parts))
        return next(found, CallStatus.UNKNOWN)
    if word in _RUNNING and not is_over:
        return CallStatus.IN_PROGRESS
    if word is None and not is_over:
        return None
    return CallStatus.COMPLETED if word in (None, "ended") else CallStatus.UNKNOWN


def _consent(message: Fields, call: Fields) -> tuple[Consent | None, str | None, datetime | None]:
    """`compliance.recordingConsent`: granted where it says when, otherwise asked for without an answer on record."""
    for part in (message, call):
        compliance = part.inner("compliance")
        consent = compliance.inner("recordingConsent")
        if compliance.raw("recordingConsent"):
            granted_at = consent.moment("grantedAt")
            said = Consent.NOT_GRANTED if granted_at is None else Consent.GRANTED
            return said, consent.identifier("type"), granted_at
    return None, None, None


def _recordings(message: Fields, call: Fields, artifact: Fields, *, is_over: bool) -> tuple[RecordingFacts, ...]:
    """Up to four recordings under ids of our own: Vapi names none, and its signed addresses differ every time.

    A signed address is preferred, since the lasting ones open with the API's key only (Vapi's documentation,
    "Retrieve call artifacts", November 2026).
    """
    recording = artifact.inner("recording")
    mono = recording.inner("mono")
    expires_at = artifact.moment("presignedUrlsExpiresAt")
    found = []
    for name, kind, signed, flat, nested in _RECORDINGS:
        signed_url = artifact.line(signed, payloads.MAX_URL)
        inner = recording if name == "stereo" else mono
        lasting_url = inner.line(nested, payloads.MAX_URL)
        if flat is not None:
            flat_urls = (part.line(flat, payloads.MAX_URL) for part in (artifact, message))
            lasting_url = _first(*flat_urls, lasting_url)
        url = signed_url or lasting_url
        if url is not None:
            found.append(RecordingFacts(url, kind, name, expires_at=expires_at if signed_url else None))
    if artifact.raw("videoRecordingUrl") or recording.raw("videoUrl"):
        message.notes.add("video_left_at_platform")
    if not found and is_over and _keeps_nothing(message, call):
        return (RecordingFacts("", RecordingKind.MONO, "mono", absence=Absence.NOT_KEPT),)
    return tuple(found)


def _keeps_nothing(message: Fields, call: Fields) -> bool:
    """Whether the call was set to keep no recording: recording off, or one of the modes that store nothing."""
    for part in (message, call):
        own = {"artifactPlan": part.raw("artifactPlan")}
        for plans in (part.raw("assistant"), part.raw("assistantOverrides"), own):
            is_off = _dig(plans, "artifactPlan", "recordingEnabled") is False
            modes = [_dig(plans, "compliancePlan", mode) for mode in ("hipaaEnabled", "pciEnabled")]
            if is_off or any(mode is True for mode in (*modes, _dig(plans, "hipaaEnabled"))):
                return True
    return False


def _dig(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _transcript(message: Fields, artifact: Fields) -> tuple[Message, ...]:
    """`artifact.messages`; where there are none, the plain transcript line by line."""
    holder = artifact if artifact.raw("messages") else message
    entries = holder.entries("messages", _MAX_MESSAGES)
    turns = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise Unparseable("wrong_type", f"{holder.where('messages')}[{index}]")
        turn = Fields(entry, f"{holder.where('messages')}[{index}]", holder.notes)
        role = turn.line("role", _MAX_ROLE) or "unknown"
        if role not in _UNSPOKEN:
            at = turn.if_readable(turn.seconds, "secondsFromStart")
            turns.append(Message(role, turn.text("message") or "", at))
    if turns:
        return tuple(turns)
    plain = _first(artifact.text("transcript", _MAX_TRANSCRIPT), message.text("transcript", _MAX_TRANSCRIPT))
    return turns_of(plain or "")


def _metrics(analysis: Fields, artifact: Fields) -> str | None:
    """The platform's own analysis but for the summary, as it came, in compact JSON."""
    kept: dict[str, Any] = {name: analysis.raw(name) for name in _ANALYSIS}
    kept |= {name: artifact.raw(name) for name in ("structuredOutputs", "scorecards")}
    kept = {name: value for name, value in kept.items() if value not in (None, "", {}, [])}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True) if kept else None
