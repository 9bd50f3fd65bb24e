"""What a platform said about a call, in one shape for all platforms. Pure.

Personal values have `repr=False`: facts may end up in an exception's text, and that text in a log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple


class Rank(IntEnum):
    """How much a source of facts is worth: when two disagree, the higher one holds."""

    PARTIAL = 10  # the call still runs, or only its start was told
    COMPLETED = 20  # the platform's report at the end of the call
    ANALYSED = 30  # the same after the platform's own analysis
    POLLED = 40  # we asked, and this was the answer


class Standing(NamedTuple):
    """Where one value came from: the rank of its source and, where the platform tells it, the time of the event."""

    rank: int
    event_at: datetime | None = None


class Direction(StrEnum):
    """Who dialled, seen from the organisation."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class CallStatus(StrEnum):
    """How the call went, in our words; the platform's own word stands beside it."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"
    CANCELLED = "cancelled"
    VOICEMAIL = "voicemail"
    UNKNOWN = "unknown"


class RecordingKind(StrEnum):
    """What a recording holds, as announced; what it really holds is measured after the fetch."""

    MONO = "mono"  # everybody in one channel, or the platform does not say
    STEREO = "stereo"
    CALLER = "caller"
    AGENT = "agent"
    REDACTED = "redacted"


class Absence(StrEnum):
    """Why a platform has no sound for a call, by its own word."""

    ABSENT = "absent"  # nothing was recorded, or it was too short or silent
    FAILED = "failed"
    DELETED = "deleted"
    NOT_KEPT = "not_kept"  # the account or the call was set to keep nothing


class Consent(StrEnum):
    """What the platform says about the caller's consent to being recorded."""

    GRANTED = "granted"
    REFUSED = "refused"
    NOT_GRANTED = "not_granted"  # it was asked for, and no answer is on record


class Trust(StrEnum):
    """How far the origin of a document is proven beyond the address that it came to."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"  # the signature holds under a certificate that nobody vouches for
    TRUSTED = "trusted"  # the certificate leads to an anchor of the connection


class DeletionOutcome(StrEnum):
    """What a platform reports about a deletion that was asked for."""

    CONFIRMED = "confirmed"
    FAILED = "failed"


class BatchOutcome(StrEnum):
    """How a batch of calls ended."""

    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a transcript: `role` and `content` as the platform wrote them, in the platform's order.

    `timestamp` is an aware UTC time, or seconds from the start of the call, or None. A turn without words keeps its
    place with empty content, because offsets into a transcript count turns.
    """

    role: str
    content: str = field(repr=False)
    timestamp: datetime | float | None = None


@dataclass(frozen=True, slots=True)
class RecordingCipher:
    """How a platform encrypted a recording for us: AES-256-GCM, its key wrapped by RSAES-OAEP with SHA-256 under our
    public key `public_key_id`. All three values as the platform writes them.
    """

    public_key_id: str
    encrypted_key: str = field(repr=False)
    iv: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """One announced recording. The address is not its identity: platforms sign addresses anew with every delivery.

    `url` is "" where the sound came inside the delivery (`content`) or where there is none (`absence`).
    `announced_hash` is `sha256:` or `sha512:` and lower-case hex, over the bytes that the address answers.
    """

    url: str = field(repr=False)
    kind: RecordingKind = RecordingKind.MONO
    external_id: str | None = None
    media_type: str | None = None
    duration_seconds: float | None = None
    expires_at: datetime | None = None
    announced_hash: str | None = None
    size: int | None = None
    absence: Absence | None = None
    cipher: RecordingCipher | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What one source said about one call; None, "" and () mean "not said". Times are aware UTC.

    `phone_number` and `email` are the other side's, `our_number` is the organisation's end. `recording_gone_at` and
    `transcript_gone_at` are the platform's own word on when it deletes (or deleted) its copies; `labels` are the
    platform's tags. `notes` are codes of what was assumed while reading (`naive_time_assumed_utc`,
    `transcription_shape_unknown`). `standings` is filled by `merging.merge` and says for each field which source it
    came from.
    """

    external_id: str
    rank: Rank
    agent_id: str | None = None
    agent_name: str | None = None
    agent_version: str | None = None
    contact_id: str | None = field(default=None, repr=False)
    batch_id: str | None = None
    call_sid: str | None = None
    direction: Direction | None = None
    status: CallStatus | None = None
    platform_status: str | None = None
    ended_reason: str | None = None
    language: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    created_at: datetime | None = None
    duration_seconds: float | None = None
    phone_number: str | None = field(default=None, repr=False)
    our_number: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    contact_name: str | None = field(default=None, repr=False)
    consent: Consent | None = None
    consent_kind: str | None = None
    consent_at: datetime | None = None
    recording_gone_at: datetime | None = None
    transcript_gone_at: datetime | None = None
    trust: Trust | None = None
    labels: tuple[str, ...] = ()
    summary: str | None = field(default=None, repr=False)
    metrics_json: str | None = field(default=None, repr=False)
    recordings: tuple[RecordingFacts, ...] = ()
    transcript: tuple[Message, ...] = field(default=(), repr=False)
    event_at: datetime | None = None
    notes: tuple[str, ...] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """The end of a batch. `total` against the calls that arrived gives the gap alarm; no call is listed here."""

    external_id: str
    outcome: BatchOutcome
    agent_id: str | None = None
    account_id: str | None = None
    total: int | None = None
    processed: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failure: str | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletionFacts:
    """A platform's word on a deletion that was asked for. Not yet a proof: the call is asked for once more."""

    external_id: str
    outcome: DeletionOutcome
    event_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A well-formed event that we have no use for (yet): kept with its delivery, answered with success."""

    event: str
    external_id: str | None = None


Facts = CallFacts | BatchFacts | DeletionFacts | UnknownEvent
