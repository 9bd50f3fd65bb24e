"""Reads what Twilio's API shows: one recording, or one call. Pure.

As in its callbacks, a recording has no event time, so that the call's own word on its times holds.
"""

from datetime import timedelta
from typing import Final

from compliance.connectors.facts import Absence, CallFacts, CallStatus, Direction, Rank, RecordingFacts, RecordingKind
from compliance.connectors.providers import forms, payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.twilio_shapes import (
    API_URL,
    cipher_of,
    direction_of,
    is_twilio_media,
    media_url,
    recording_kind,
    recording_reason,
    status_of,
)

_NOT_YET: Final = frozenset({"in-progress", "paused", "stopped", "processing"})
_ABSENCES: Final = {"absent": Absence.ABSENT, "failed": Absence.FAILED, "deleted": Absence.DELETED}


def thing(value: object) -> CallFacts:
    """A recording or a call, by its id. Raises Unparseable."""
    if not isinstance(value, dict):
        raise Unparseable("wrong_type", "")
    fields = Fields(value, "", set())
    sid = fields.required_identifier("sid")
    if sid.startswith("RE"):
        return _recording(fields, sid)
    if sid.startswith("CA"):
        return _call(fields, sid)
    raise Unparseable("unknown_value", "sid")


def _recording(fields: Fields, sid: str) -> CallFacts:
    status = (fields.line("status") or "").lower()
    kind = recording_kind(forms.whole_number(fields, "channels"), fields.line("track"))
    seconds = forms.whole_seconds(fields, "duration")
    started_at = forms.mail_moment(fields, "start_time")
    absence = _ABSENCES.get(status)
    recordings: tuple[RecordingFacts, ...] = ()
    if absence is not None:
        recordings = (RecordingFacts("", kind, sid, absence=absence),)
    elif status not in _NOT_YET:
        recordings = (_file(fields, kind, sid, seconds),)
    reason = recording_reason(forms.whole_number(fields, "error_code"))
    has_sound = bool(recordings) and absence is None
    return CallFacts(
        external_id=fields.required_identifier("call_sid"),
        rank=Rank.POLLED,
        call_sid=fields.identifier("call_sid"),
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=seconds) if has_sound and started_at and seconds else None,
        recordings=recordings,
        notes=tuple(sorted({*(["times_of_the_recording"] if started_at else []), *reason, *fields.notes})),
    )


def _file(fields: Fields, kind: RecordingKind, sid: str, seconds: float | None) -> RecordingFacts:
    details = fields.raw("encryption_details")
    cipher = cipher_of(details, "encryption_details") if isinstance(details, dict) and details else None
    url = media_url(_address(fields), kind, fields.line("source"))
    return RecordingFacts(url, kind, sid, None if cipher else "audio/wav", seconds, cipher=cipher)


def _address(fields: Fields) -> str:
    """`media_url` where the API tells it (Twilio's own, or the account's storage), else made from `uri`."""
    url = fields.line("media_url", payloads.MAX_URL)
    if url is not None:
        return url
    path = fields.line("uri", payloads.MAX_URL) or ""
    made = f"{API_URL}{path}"
    if not is_twilio_media(made):
        raise Unparseable("missing_field", "media_url")
    return made


def _call(fields: Fields, sid: str) -> CallFacts:
    word = fields.line("status")
    direction, status = direction_of(fields.line("direction")), status_of(word)
    caller, called = fields.line("from"), fields.line("to")
    is_outbound = direction is Direction.OUTBOUND
    return CallFacts(
        external_id=sid,
        rank=Rank.POLLED if status is not CallStatus.IN_PROGRESS else Rank.PARTIAL,
        call_sid=sid,
        direction=direction,
        status=status,
        platform_status=word,
        started_at=forms.mail_moment(fields, "start_time"),
        ended_at=forms.mail_moment(fields, "end_time"),
        created_at=forms.mail_moment(fields, "date_created"),
        duration_seconds=forms.whole_seconds(fields, "duration"),
        phone_number=called if is_outbound else caller,
        our_number=caller if is_outbound else called,
        contact_name=fields.line("caller_name"),
        event_at=forms.mail_moment(fields, "date_updated"),
        notes=tuple(sorted(fields.notes)),
    )
