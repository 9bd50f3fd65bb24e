"""ElevenLabs Agents: words and sound of one call come as two events, in any order; the sound lies in the body.

Retries are off unless switched on, so what is missed is found by asking. `metadata.deletion_settings` tells when
ElevenLabs deletes its copies, and whether it did. Shapes: "Post-call webhooks" of its documentation and its package
2.78.0, November 2026; the failure event is called `call_initiation_failure` there and is taken under its older name
`post_call_initiation_failure` too. The fields of a failed call over SIP are from memory, to be checked.
"""

import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from compliance.connectors.facts import (
    Absence,
    CallFacts,
    CallStatus,
    Direction,
    Facts,
    Rank,
    RecordingFacts,
    UnknownEvent,
)
from compliance.connectors.providers import elevenlabs_calls, payloads, signatures
from compliance.connectors.providers.base import (
    BadSignature,
    Credential,
    Incoming,
    Secret,
    SecretForm,
    SecretOrigin,
    Unparseable,
)
from compliance.connectors.providers.elevenlabs_api import ElevenLabsApi
from compliance.connectors.providers.payloads import Fields

_WINDOW: Final = timedelta(minutes=30)
_MAX_BODY_BYTES: Final = 100_000_000
_MAX_SIGNATURES: Final = 10
_AUDIO: Final = re.compile(rb'"full_audio"\s{0,8}:\s{0,8}"([A-Za-z0-9+/=]*)"')
_MAX_REST_BYTES: Final = 5_000_000
_DIRECTIONS: Final = {
    "inbound": Direction.INBOUND,
    "outbound": Direction.OUTBOUND,
    "outbound-api": Direction.OUTBOUND,
    "outbound-dial": Direction.OUTBOUND,
}
_FAILURES: Final = {"busy": CallStatus.BUSY, "no-answer": CallStatus.NO_ANSWER, "no_answer": CallStatus.NO_ANSWER}
_FAILURE_EVENTS: Final = frozenset({"call_initiation_failure", "post_call_initiation_failure"})


class ElevenLabs:
    """The provider for ElevenLabs Agents."""

    name = "elevenlabs"
    label = "ElevenLabs Agents"
    secret_form = SecretForm.KEY
    secret_origin = SecretOrigin.THEIRS
    connecting_help = (
        "In the workspace's settings make a post-call webhook (HMAC) for our address: events transcript, audio "
        "and call initiation failure, and switch retries on. Enter here the secret (wsec_…) that is shown once."
    )
    options = ()
    media_hosts = ("api.elevenlabs.io",)
    credentials = (
        Credential(
            "api_key",
            "API key",
            "A key that may read and delete conversations and read agents. Needed to fetch, to list and to delete.",
        ),
    )
    api = ElevenLabsApi()
    max_body_bytes = _MAX_BODY_BYTES
    max_redirects = 0
    recording_retention_days = None
    can_delete = True
    deletion_instructions = (
        "Conversations are deleted by program, sound, words and analysis at once. Copies in the workspace's own "
        "integrations have to be deleted there. Proof: the conversation's address answers 404."
    )
    is_verified = True
    verification = (
        "ElevenLabs' own package (elevenlabs 2.78.0) accepts signatures that we make as we check them, and asks the "
        "same paths with the same queries; its models read our samples. Not tried against ElevenLabs itself."
    )

    def verify_signature(self, incoming: Incoming, secrets: Sequence[Secret], now: datetime) -> None:
        """`ElevenLabs-Signature: t=<seconds>,v0=<hex>`: HMAC-SHA256 of `t.body`, at most 30 minutes old or ahead."""
        header = signatures.only_header(incoming, "ElevenLabs-Signature")
        parts = [part.strip().partition("=") for part in header.split(",")]
        times = [value for name, _, value in parts if name == "t"]
        presented = [value.encode("utf-8", "replace") for name, _, value in parts if name == "v0"]
        if len(times) != 1 or not 1 <= len(presented) <= _MAX_SIGNATURES:
            raise BadSignature("malformed_signature")
        signatures.within(signatures.moment_of(times[0]), now, _WINDOW)
        expected = []
        for key in signatures.valid_keys(secrets, now):
            mac = hmac.new(key, f"{times[0]}.".encode(), hashlib.sha256)
            mac.update(incoming.raw_body)  # a hundred megabytes are not copied to be joined
            expected.append(mac.hexdigest().encode())
        signatures.check_hmac(presented, expected)

    def delivery_key(self, incoming: Incoming) -> str:
        """`elevenlabs:<event>:<conversation>:<SHA-256 of the body>`."""
        digest = hashlib.sha256(incoming.raw_body).hexdigest()
        try:
            body, _ = _read(incoming.raw_body)
            event, data = _event(body)
            external_id = data.identifier("conversation_id") or ""
        except Unparseable:
            event, external_id = "unparseable", ""
        return f"{self.name}:{event}:{external_id}:{digest}"

    def parse(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The words of a call, its sound, a call that never began, or an event that we do not know."""
        body, audio = _read(raw_body)
        event, data = _event(body)
        event_at = Fields(body, "", data.notes).moment("event_timestamp")
        if event == "post_call_transcription":
            return (elevenlabs_calls.conversation(data, rank=Rank.ANALYSED, event_at=event_at),)
        if event == "post_call_audio":
            return (_sound(data, audio, event_at),)
        if event in _FAILURE_EVENTS:
            return (_failure(data, event_at),)
        return (UnknownEvent(event, data.identifier("conversation_id")),)

    def parse_answer(self, raw_body: bytes) -> tuple[Facts, ...]:
        """The answer about one conversation."""
        return (elevenlabs_calls.conversation(Fields(payloads.read_object(raw_body), "", set()), rank=Rank.POLLED),)

    def original_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The day of ElevenLabs' own plan, where it told one."""
        return facts.recording_gone_at.astimezone(UTC).date() if facts.recording_gone_at else None

    def transcript_gone_on(self, facts: CallFacts, received_at: datetime) -> date | None:
        """The same for the words."""
        return facts.transcript_gone_at.astimezone(UTC).date() if facts.transcript_gone_at else None

    def link_expires_at(self, recording: RecordingFacts, received_at: datetime) -> datetime | None:
        """The address needs the key and lasts as long as the conversation."""
        return recording.expires_at


def _read(raw_body: bytes) -> tuple[dict[str, Any], bytes | memoryview | None]:
    """The body without its sound, and the sound's base64 as a view into the body.

    The sound is cut out of the bytes before they are parsed, so that a hundred megabytes are neither decoded to text
    nor held twice. What stands there is base64 and nothing else, so cutting changes no other value.
    """
    found = list(_AUDIO.finditer(raw_body)) if b'"full_audio"' in raw_body else []
    if len(found) > 1:
        raise Unparseable("duplicate_key", "data.full_audio")
    if not found:
        if len(raw_body) > _MAX_REST_BYTES:
            raise Unparseable("too_long")
        return payloads.read_object(raw_body), None
    start, end = found[0].span(1)
    if len(raw_body) - (end - start) > _MAX_REST_BYTES:
        raise Unparseable("too_long")
    return payloads.read_object(raw_body[:start] + raw_body[end:]), memoryview(raw_body)[start:end]


def _event(body: dict[str, Any]) -> tuple[str, Fields]:
    fields = Fields(body, "", set())
    return fields.required_identifier("type"), fields.inner("data")


def _sound(data: Fields, audio: bytes | memoryview | None, event_at: datetime | None) -> CallFacts:
    """The whole conversation as MP3, decoded; an empty one says that there is none."""
    text = data.raw("full_audio")
    if text is None:
        raise Unparseable("missing_field", data.where("full_audio"))
    if text != "" or audio is None:
        raise Unparseable("wrong_type" if not isinstance(text, str) else "bad_base64", data.where("full_audio"))
    try:
        content = binascii.a2b_base64(audio, strict_mode=True)
    except (binascii.Error, ValueError):
        raise Unparseable("bad_base64", data.where("full_audio")) from None
    if content:
        recording = RecordingFacts("", media_type="audio/mpeg", size=len(content), content=content)
    else:
        recording = RecordingFacts("", absence=Absence.ABSENT)
    return CallFacts(
        external_id=data.required_identifier("conversation_id"),
        rank=Rank.ANALYSED,
        agent_id=data.identifier("agent_id"),
        recordings=(recording,),
        event_at=event_at,
        notes=tuple(sorted(data.notes)),
    )


def _failure(data: Fields, event_at: datetime | None) -> CallFacts:
    """A call that was never taken: the carrier's own words stand in `metadata.body`, named as the carrier does."""
    reason = data.line("failure_reason")
    told = data.inner("metadata").inner("body")
    direction = _DIRECTIONS.get((_first(told, "Direction", "direction") or "outbound").lower())
    caller, called = _first(told, "From", "from_number"), _first(told, "To", "to_number")
    is_outbound = direction is not Direction.INBOUND
    return CallFacts(
        external_id=data.required_identifier("conversation_id"),
        rank=Rank.COMPLETED,
        agent_id=data.identifier("agent_id"),
        contact_id=data.identifier("user_id"),
        call_sid=_first(told, "CallSid", "call_sid"),
        direction=direction,
        status=_FAILURES.get((reason or "").lower(), CallStatus.FAILED),
        platform_status=reason,
        ended_reason=reason,
        phone_number=called if is_outbound else caller,
        our_number=caller if is_outbound else called,
        event_at=event_at,
        notes=tuple(sorted(data.notes)),
    )


def _first(fields: Fields, *names: str) -> str | None:
    return next((value for value in (fields.if_readable(fields.line, name) for name in names) if value), None)
