"""DialGen: the seed's platform. Signs nothing, lists nothing, deletes nothing on request; recordings last 90 days.

One body for a call whether it was dialled alone (`statusCallBackUrl`) or in a batch (`onCallComplete`), other bodies
with `event` for a batch. Its documentation shows two answers of get-metric, one without recordingUrl and one with
hardly anything else, so every field but `callData.id` may be missing. State of the documentation: November 2026.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from compliance.connectors.facts import (
    BatchFacts,
    BatchOutcome,
    CallFacts,
    CallStatus,
    Direction,
    Facts,
    Message,
    Rank,
    RecordingFacts,
    UnknownEvent,
)
from compliance.connectors.providers import base, payloads
from compliance.connectors.providers.base import Incoming, Secret, SecretForm, SecretOrigin, Unparseable

_MAX_CALLS = 500
_MAX_MESSAGES = 20_000
_MAX_ROLE = 40
_RETENTION_DAYS = 90

_BATCH_EVENTS = {"batch.completed": BatchOutcome.COMPLETED, "batch.failed": BatchOutcome.FAILED}
_DIRECTIONS = {"inbound": Direction.INBOUND, "outbound": Direction.OUTBOUND}
_STATUSES = {
    "completed": CallStatus.COMPLETED,
    "success": CallStatus.COMPLETED,
    "in-progress": CallStatus.IN_PROGRESS,
    "initiated": CallStatus.IN_PROGRESS,
    "queued": CallStatus.IN_PROGRESS,
    "ringing": CallStatus.IN_PROGRESS,
    "answered": CallStatus.IN_PROGRESS,
    "no-answer": CallStatus.NO_ANSWER,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELLED,
    "cancelled": CallStatus.CANCELLED,
    "voicemail": CallStatus.VOICEMAIL,
}
# Names under which a transcript wrapped in an object was seen or may be expected.
_WRAPPERS = ("transcription", "messages", "transcript", "turns")


class DialGen:
    """The provider for DialGen."""

    name = "dialgen"
    label = "DialGen"
    secret_form = SecretForm.DIGEST
    secret_origin = SecretOrigin.OURS
    connecting_help = "Enter our address with its token as the batch's or the call's callback address."
    options = ()
    credentials = ()
    media_hosts = ()
    api = None  # no list, no deletion; get-metric needs a call's id and is asked by nobody yet
    max_body_bytes = base.MAX_BODY_BYTES
    max_redirects = 0
    recording_retention_days = _RETENTION_DAYS
    can_delete = False
    deletion_instructions = (
        "DialGen has no way to delete a call by program. Ask DialGen's support in writing to erase the call by its id: "
        "recording, transcript, summary and metrics. Keep their answer as evidence. Proof: the recording's address "
        "answers 404 or 410 (it does so by itself 90 days after the call), and get-metric no longer returns the "
        "transcript. DialGen keeps transcripts for ever, so waiting does not erase them."
    )
    is_verified = False
    verification = (
        "Unverified against the real system: DialGen publishes no package, no signature and no test vectors. "
        "Shapes follow its public documentation of November 2026."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """A token of ours in the address or as bearer token, since DialGen signs nothing."""
        base.check_tokens(incoming, secrets, now)

    def delivery_key(self, incoming: Incoming) -> str:
        """`dialgen:<event>:<id>:<SHA-256 of the body>`; DialGen numbers no deliveries."""
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        try:
            event, external_id = _event_of(payloads.read_object(incoming.raw_body))
        except Unparseable:
            event, external_id = "unparseable", ""
        return f"{self.name}:{event}:{external_id}:{digest}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """Calls, the end of a batch, or an event that we do not know."""
        body = payloads.read_object(raw_body)
        if _has_calls(body):
            return _calls(body, polled=False)
        event = payloads.Fields(body, "", set()).identifier("event")
        if event is None:
            raise Unparseable("missing_field", "callData")
        if event in _BATCH_EVENTS:
            return (_batch(body, _BATCH_EVENTS[event]),)
        return (UnknownEvent(event, _event_of(body)[1] or None),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The answer of get-metric (`callData`) or get-batch (`calls`)."""
        body = payloads.read_object(raw_body)
        if not _has_calls(body):
            raise Unparseable("missing_field", "callData")
        return _calls(body, polled=True)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """90 days after the call; from our receipt where the platform gave no time, which is never too early."""
        told = facts.ended_at or facts.started_at or facts.created_at or received_at
        return (told.astimezone(UTC) + timedelta(days=_RETENTION_DAYS)).date()

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """Never by itself: DialGen keeps transcripts for ever."""
        return None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """DialGen tells no expiry of its addresses."""
        return recording.expires_at


def _has_calls(body: dict[str, Any]) -> bool:
    return body.get("callData") is not None or body.get("calls") is not None


def _event_of(body: dict[str, Any]) -> tuple[str, str]:
    """Event and id for the delivery key; anything unusable is left out, because the digest alone is already unique."""
    call = body.get("callData")
    fields = payloads.Fields(call if isinstance(call, dict) else body, "", set())
    try:
        event = payloads.Fields(body, "", set()).identifier("event")
        external_id = fields.identifier("id" if isinstance(call, dict) else "batchId")
    except Unparseable:
        return "unparseable", ""
    return event or ("call" if _has_calls(body) else "unknown"), external_id or ""


def _calls(body: dict[str, Any], *, polled: bool) -> tuple[CallFacts, ...]:
    if body.get("callData") is not None:
        return (_call(body["callData"], "callData", polled=polled),)
    calls = body["calls"]
    if not isinstance(calls, list):
        raise Unparseable("wrong_type", "calls")
    if len(calls) > _MAX_CALLS:
        raise Unparseable("too_many", "calls")
    return tuple(_call(call, f"calls[{index}]", polled=polled) for index, call in enumerate(calls))


def _call(value: object, at: str, *, polled: bool) -> CallFacts:
    fields = _object(value, at, set())
    word = fields.line("status")
    status = _status(word)
    direction = fields.line("direction")
    summary = fields.text("summary")
    recordings, transcript = _recordings(fields), _transcript(fields)
    is_running = status is CallStatus.IN_PROGRESS or not (status or recordings or transcript)
    return CallFacts(
        external_id=fields.required_identifier("id"),
        rank=Rank.POLLED if polled else Rank.PARTIAL if is_running else Rank.COMPLETED,
        agent_id=fields.identifier("agentId"),
        contact_id=fields.identifier("contactId"),
        batch_id=fields.identifier("batchId"),
        call_sid=fields.identifier("callSid"),
        direction=_DIRECTIONS.get((direction or "").lower()),
        status=status,
        platform_status=word,
        started_at=fields.moment("startTime"),
        ended_at=fields.moment("endTime"),
        created_at=fields.moment("createdAt"),
        duration_seconds=fields.seconds("duration"),
        phone_number=fields.line("phoneNumber"),
        contact_name=fields.line("contactName"),
        summary=summary,
        metrics_json=_metrics(fields),
        recordings=recordings,
        transcript=transcript,
        notes=tuple(sorted(fields.notes)),
    )


def _batch(body: dict[str, Any], outcome: BatchOutcome) -> BatchFacts:
    notes: set[str] = set()
    fields = payloads.Fields(body, "", notes)
    statistics = _object(body.get("statistics") or {}, "statistics", notes)
    times = _object(body.get("timestamps") or {}, "timestamps", notes)
    return BatchFacts(
        external_id=fields.required_identifier("batchId"),
        outcome=outcome,
        agent_id=fields.identifier("agentId"),
        account_id=fields.identifier("userId"),
        total=statistics.count("total"),
        processed=statistics.count("processed"),
        succeeded=statistics.count("succeeded"),
        failed=statistics.count("failed"),
        created_at=times.moment("createdAt"),
        started_at=times.moment("startedAt"),
        completed_at=times.moment("completedAt"),
        failure=_failure(fields),
        notes=tuple(sorted(notes)),
    )


def _object(value: object, at: str, notes: set[str]) -> payloads.Fields:
    if not isinstance(value, dict):
        raise Unparseable("wrong_type", at)
    return payloads.Fields(value, at, notes)


def _status(word: str | None) -> CallStatus | None:
    if word is None:
        return None
    return _STATUSES.get(word.lower().replace("_", "-").replace(" ", "-"), CallStatus.UNKNOWN)


def _failure(fields: payloads.Fields) -> str | None:
    """The reason of batch.failed; the documentation shows none, so only plain text is taken."""
    return next((fields.text(name) for name in ("error", "reason") if isinstance(fields.raw(name), str)), None)


def _metrics(fields: payloads.Fields) -> str | None:
    """The platform's own analysis as it came, of any shape, in compact JSON."""
    value = fields.raw("metricJson")
    if value in (None, "", {}, []):
        return None
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _recordings(fields: payloads.Fields) -> tuple[RecordingFacts, ...]:
    url = fields.line("recordingUrl", payloads.MAX_URL)
    if url is None:
        return ()
    return (RecordingFacts(url=url, duration_seconds=fields.seconds("duration")),)


def _transcript(fields: payloads.Fields) -> tuple[Message, ...]:
    """A list in webhooks; get-metric may wrap it in an object, whose shape is undocumented: unknown ones are noted."""
    value, at = fields.raw("transcription"), fields.where("transcription")
    if isinstance(value, dict):
        lists = [value[name] for name in _WRAPPERS if isinstance(value.get(name), list)]
        if not lists:
            if value:
                fields.notes.add("transcription_shape_unknown")
            return ()
        value = lists[0]
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        raise Unparseable("wrong_type", at)
    if len(value) > _MAX_MESSAGES:
        raise Unparseable("too_many", at)
    return tuple(_message(turn, f"{at}[{index}]", fields.notes) for index, turn in enumerate(value))


def _message(value: object, at: str, notes: set[str]) -> Message:
    fields = _object(value, at, notes)
    return Message(
        role=fields.line("role", _MAX_ROLE) or "unknown",
        content=fields.text("content") or "",
        timestamp=fields.moment_or_offset("timestamp"),
    )
