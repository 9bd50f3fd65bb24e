"""What Twilio's callbacks and its API have in common: words, kinds, addresses, encryption. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from compliance.connectors.facts import CallStatus, Direction, RecordingCipher, RecordingKind
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields

API_URL: Final = "https://api.twilio.com"
_MAX_WRAPPED_KEY: Final = 2_000
_ON_TWILIO: Final = re.compile(r"api(?:\.[a-z0-9-]+){0,2}\.twilio\.com", re.ASCII)
_RECORDING_PATH: Final = re.compile(
    r"/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Recordings/RE[0-9a-fA-F]{32}(?:\.(?:json|wav|mp3))?", re.ASCII
)
_CONFERENCES: Final = frozenset({"Conference", "StartConferenceRecordingAPI"})
_DIRECTIONS: Final = {
    "inbound": Direction.INBOUND,
    "trunking-originating": Direction.INBOUND,  # from the telephone network into the account's own systems
    "outbound-api": Direction.OUTBOUND,
    "outbound-dial": Direction.OUTBOUND,
    "trunking-terminating": Direction.OUTBOUND,
}
_STATUSES: Final = {
    "queued": CallStatus.IN_PROGRESS,
    "initiated": CallStatus.IN_PROGRESS,
    "ringing": CallStatus.IN_PROGRESS,
    "in-progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "no-answer": CallStatus.NO_ANSWER,
    "canceled": CallStatus.CANCELLED,
}
# Twilio's error dictionary.
_REASONS: Final = {16_101: ("recording_too_short",), 16_102: ("recording_silent",)}


def status_of(word: str | None) -> CallStatus | None:
    """Our word for a call's status; UNKNOWN for a new one."""
    return None if word is None else _STATUSES.get(word.lower(), CallStatus.UNKNOWN)


def direction_of(word: str | None) -> Direction | None:
    """Who dialled, seen from the account."""
    return _DIRECTIONS.get((word or "").lower())


def recording_kind(channels: int | None, track: str | None) -> RecordingKind:
    """Two channels are stereo; one channel holds both sides, or the one that `track` names: what Twilio received is the
    other side's voice, what it sent out is ours.
    """
    if channels == 2:
        return RecordingKind.STEREO
    return {"inbound": RecordingKind.CALLER, "outbound": RecordingKind.AGENT}.get(track or "", RecordingKind.MONO)


def recording_reason(error_code: int | None) -> tuple[str, ...]:
    """Why there is no sound, as notes."""
    return _REASONS.get(error_code or 0, ())


def media_url(url: str, kind: RecordingKind, source: str | None) -> str:
    """The address of the best file: WAV is what Twilio keeps (8 kHz, 16 bit); MP3 is made from it at 32 kbit/s.

    A conference comes as one channel unless two are asked for; a call of two comes as it was made, and asking for a
    second channel that is not there is an error. Addresses outside Twilio (the account's own storage) stay as they are.
    """
    parts = urlsplit(url)
    if not is_twilio_media(url):
        return url
    path = re.sub(r"\.(?:json|wav|mp3)\Z", "", parts.path) + ".wav"
    query = "RequestedChannels=2" if kind is RecordingKind.STEREO and source in _CONFERENCES else ""
    return parts._replace(scheme="https", path=path, query=query, fragment="").geturl()


def is_twilio_media(url: str) -> bool:
    """Whether an address is that of a recording at Twilio itself."""
    try:
        parts = urlsplit(url)
        return bool(_ON_TWILIO.fullmatch(parts.netloc)) and bool(_RECORDING_PATH.fullmatch(parts.path))
    except ValueError:
        return False


def cipher_of(details: Mapping[str, Any], at: str) -> RecordingCipher:
    """How a recording was encrypted. Twilio writes the names in two ways, both documented; both at once must agree."""
    fields = Fields(details, at, set())
    kind = fields.line("type") or fields.line("encryption_type") or "rsa-aes"
    if kind != "rsa-aes":
        raise Unparseable("unknown_cipher", at)
    return RecordingCipher(
        public_key_id=_either(fields, "public_key_sid", "encryption_public_key_sid"),
        encrypted_key=_either(fields, "encrypted_cek", "encryption_cek"),
        iv=_either(fields, "iv", "encryption_iv"),
    )


def _either(fields: Fields, name: str, other: str) -> str:
    found = {value for value in (fields.line(name, _MAX_WRAPPED_KEY), fields.line(other, _MAX_WRAPPED_KEY)) if value}
    if len(found) > 1:
        raise Unparseable("contradiction", fields.where(name))
    if not found:
        raise Unparseable("missing_field", fields.where(name))
    return found.pop()
