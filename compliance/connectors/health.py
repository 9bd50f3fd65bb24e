"""Whether a connection needs somebody's attention, from the signs that it gives. Pure.

What a connection delivered lies in a higher room; that room registers itself here as a source of counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

OLD_SECRET = timedelta(days=365)
ENDING_SOON = timedelta(days=7)
RECENT = timedelta(hours=24)
POLL_LATE = timedelta(hours=26)


class Reason(StrEnum):
    """Why a connection needs attention."""

    NO_SECRET = "no_secret"  # noqa: S105 - a code
    SECRET_ENDING = "secret_ending"  # noqa: S105 - a code
    SECRET_OLD = "secret_old"  # noqa: S105 - a code
    DENIED = "denied"
    QUARANTINED = "quarantined"
    STUCK = "stuck"
    GAP = "gap"
    QUIET = "quiet"
    POLL_FAILED = "poll_failed"
    POLL_LATE = "poll_late"


WORDS: Final[Mapping[Reason, str]] = {
    Reason.NO_SECRET: "No webhook secret is entered: every delivery is denied.",
    Reason.SECRET_ENDING: "The only webhook secret ends within a week.",
    Reason.SECRET_OLD: "The webhook secret is older than a year.",
    Reason.DENIED: "Deliveries were denied within the last day.",
    Reason.QUARANTINED: "Deliveries could not be read.",
    Reason.STUCK: "Deliveries wait to be read.",
    Reason.GAP: "Calls of a batch are missing.",
    Reason.QUIET: "Nothing came for longer than usual.",
    Reason.POLL_FAILED: "The platform did not answer when it was asked for calls.",
    Reason.POLL_LATE: "The platform was not asked for calls for more than a day.",
}
_FAILING: Final = frozenset({Reason.NO_SECRET, Reason.STUCK, Reason.GAP, Reason.QUIET, Reason.POLL_FAILED})


@dataclass(frozen=True, slots=True)
class Counts:
    """What the room of deliveries counts for one connection."""

    quarantined: int = 0
    stuck: int = 0  # accepted, and not read for longer than a retry takes
    gaps: int = 0  # batches of which calls are missing, and nobody accepted it


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when one webhook secret counts; None: until it is replaced."""

    valid_from: datetime
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of one connection."""

    is_active: bool
    created_at: datetime
    secrets: Sequence[Span] = ()
    last_delivery_at: datetime | None = None
    quiet_hours: int | None = None
    denied: int = 0
    last_denied_at: datetime | None = None
    is_polled: bool = False
    last_poll_at: datetime | None = None
    last_poll_code: str = ""
    counts: Counts = Counts()


@dataclass(frozen=True, slots=True)
class Health:
    """What a connection's page and the API say. `reasons` is empty where nothing needs attention."""

    signs: Signs
    reasons: tuple[Reason, ...]
    secret_age_days: int | None

    @property
    def standing(self) -> str:
        """`good`, `attention`, or `failing`: something is being lost, or may be."""
        if not self.reasons:
            return "good"
        return "failing" if _FAILING.intersection(self.reasons) else "attention"


Source = Callable[[UUID, Sequence[UUID]], Mapping[UUID, Counts]]
"""`(organisation_id, connection_ids)` → counts; a connection that is left out has none."""

_sources: list[Source] = []


def register(source: Source) -> None:
    """Make a room's counts known. The same one twice counts once."""
    if source not in _sources:
        _sources.append(source)


def counts(organisation_id: UUID, connection_ids: Sequence[UUID]) -> Mapping[UUID, Counts]:
    """What the registered rooms count."""
    found: dict[UUID, Counts] = {}
    for source in _sources:
        for connection_id, more in source(organisation_id, connection_ids).items():
            known = found.get(connection_id, Counts())
            found[connection_id] = Counts(
                known.quarantined + more.quarantined, known.stuck + more.stuck, known.gaps + more.gaps
            )
    return found


def judge(signs: Signs, now: datetime) -> Health:
    """The health that the signs come to. A paused connection expects nothing, but what lies there still counts."""
    told = {
        Reason.QUARANTINED: signs.counts.quarantined > 0,
        Reason.STUCK: signs.counts.stuck > 0,
        Reason.GAP: signs.counts.gaps > 0,
    }
    if signs.is_active:
        told |= _of_secrets(signs.secrets, now) | _of_traffic(signs, now)
    reasons = tuple(reason for reason in Reason if told.get(reason))
    return Health(signs, reasons, _age_days(signs.secrets, now))


def _of_secrets(secrets: Sequence[Span], now: datetime) -> dict[Reason, bool]:
    lasting = [one for one in secrets if one.valid_until is None]
    ends = [one.valid_until for one in secrets if one.valid_until is not None]
    return {
        Reason.NO_SECRET: not secrets,
        Reason.SECRET_ENDING: bool(ends) and not lasting and max(ends) - now < ENDING_SOON,
        Reason.SECRET_OLD: any(now - one.valid_from > OLD_SECRET for one in lasting),
    }


def _of_traffic(signs: Signs, now: datetime) -> dict[Reason, bool]:
    heard = signs.last_delivery_at or signs.created_at
    polled = signs.last_poll_at or signs.created_at
    return {
        Reason.DENIED: signs.last_denied_at is not None and now - signs.last_denied_at < RECENT,
        Reason.QUIET: signs.quiet_hours is not None and now - heard > timedelta(hours=signs.quiet_hours),
        Reason.POLL_FAILED: signs.is_polled and bool(signs.last_poll_code),
        Reason.POLL_LATE: signs.is_polled and now - polled > POLL_LATE,
    }


def _age_days(secrets: Sequence[Span], now: datetime) -> int | None:
    """Days since the newest secret began to count."""
    return (now - max(one.valid_from for one in secrets)).days if secrets else None
