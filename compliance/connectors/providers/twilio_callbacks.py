"""Reads Twilio's callbacks: recordings, calls, and what is neither. Pure.

A recording's facts have no event time: among equals the call's own word holds, in whatever order they come.
"""

from datetime import timedelta
from typing import Final

from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Rank,
    RecordingCipher,
    RecordingFacts,
    RecordingKind,
    UnknownEvent,
)
from compliance.connectors.providers import forms, payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.twilio_shapes import (
    cipher_of,
    direction_of,
    media_url,
    recording_kind,
    recording_reason,
    status_of,
)

_ABSENCES: Final = {"absent": Absence.ABSENT, "failed": Absence.FAILED, "deleted": Absence.DELETED}


def event_of(raw_body: bytes) -> tuple[str, str]:
    """A word for the event and the id that it is about, "" where there is none."""
    if raw_body.lstrip()[:1] == b"{":
        body = Fields(payloads.read_object(raw_body), "", set())
        return body.identifier("event_type") or "callback", body.identifier("transcript_sid") or ""
    fields = Fields(dict(forms.pairs(raw_body)), "", set())
    of_recording, of_call = fields.identifier("RecordingStatus"), fields.identifier("CallStatus")
    external_id = fields.identifier("RecordingSid" if of_recording else "CallSid") or ""
    if of_recording:
        return f"recording.{of_recording}", external_id
    if fields.identifier("TranscriptionSid"):
        return "transcription", external_id
    return f"call.{of_call}" if of_call else "callback", external_id


def unknown(raw_body: bytes) -> UnknownEvent:
    """A callback that we have no use for."""
    event, external_id = event_of(raw_body)
    return UnknownEvent(event, external_id or None)


def recording(fields: Fields) -> CallFacts:
    """What a recordingStatusCallback says. While it runs there is no file, so nothing is announced to be fetched."""
    status = (fields.line("RecordingStatus") or "").lower()
    call_sid, recording_sid = fields.required_identifier("CallSid"), fields.required_identifier("RecordingSid")
    seconds = forms.whole_seconds(fields, "RecordingDuration")
    kind = recording_kind(forms.whole_number(fields, "RecordingChannels"), fields.line("RecordingTrack"))
    started_at = forms.mail_moment(fields, "RecordingStartTime")
    absence = _ABSENCES.get(status)
    recordings: tuple[RecordingFacts, ...] = ()
    if absence is not None:
        recordings = (RecordingFacts("", kind, recording_sid, absence=absence),)
    elif status == "completed":
        recordings = (_file(fields, kind, recording_sid, seconds),)
    ended_at = started_at + timedelta(seconds=seconds) if recordings and started_at and seconds else None
    reason = recording_reason(forms.whole_number(fields, "ErrorCode"))
    return CallFacts(
        external_id=call_sid,
        rank=Rank.COMPLETED if recordings else Rank.PARTIAL,
        call_sid=call_sid,
        started_at=started_at,
        ended_at=ended_at,
        recordings=recordings,
        notes=tuple(sorted({*(["times_of_the_recording"] if started_at else []), *reason, *fields.notes})),
    )


def _file(fields: Fields, kind: RecordingKind, recording_sid: str, seconds: float | None) -> RecordingFacts:
    url = fields.line("RecordingUrl", payloads.MAX_URL)
    if url is None:
        raise Unparseable("missing_field", "RecordingUrl")
    cipher = _cipher(fields)
    return RecordingFacts(
        url=media_url(url, kind, fields.line("RecordingSource")),
        kind=kind,
        external_id=recording_sid,
        media_type=None if cipher else "audio/wav",
        duration_seconds=seconds,
        cipher=cipher,
    )


def _cipher(fields: Fields) -> RecordingCipher | None:
    """`EncryptionDetails` as JSON text, or its parts as fields of their own."""
    for name in ("EncryptionDetails", "RecordingEncryptionDetails"):
        text = fields.text(name)
        if text is not None:
            return cipher_of(payloads.read_object(text.encode()), name)
    parts = {
        "public_key_sid": fields.line("EncryptionPublicKeySid") or fields.line("RecordingEncryptionPublicKeySid"),
        "encrypted_cek": fields.text("EncryptionCek") or fields.text("RecordingEncryptionCek"),
        "iv": fields.line("EncryptionIv") or fields.line("RecordingEncryptionIv"),
    }
    return cipher_of(parts, "Encryption") if any(parts.values()) else None


def call(fields: Fields) -> CallFacts:
    """What a call's statusCallback says; it alone names the numbers."""
    word = fields.line("CallStatus")
    direction = direction_of(fields.line("Direction"))
    caller, called = fields.line("From"), fields.line("To")
    event_at = forms.mail_moment(fields, "Timestamp")
    status = status_of(word)
    is_over = status not in (None, CallStatus.IN_PROGRESS)
    seconds = forms.whole_seconds(fields, "CallDuration")
    return CallFacts(
        external_id=fields.required_identifier("CallSid"),
        rank=Rank.COMPLETED if is_over else Rank.PARTIAL,
        call_sid=fields.identifier("CallSid"),
        direction=direction,
        status=status,
        platform_status=word,
        ended_at=event_at if status is CallStatus.COMPLETED else None,
        started_at=event_at - timedelta(seconds=seconds) if event_at and seconds and is_over else None,
        duration_seconds=seconds,
        phone_number=called if direction is Direction.OUTBOUND else caller,
        our_number=caller if direction is Direction.OUTBOUND else called,
        contact_name=fields.line("CallerName"),
        event_at=event_at,
        notes=tuple(sorted(fields.notes)),
    )
