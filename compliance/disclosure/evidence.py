"""Evidence about one call for a regulator: what was said about recording, when, and by what it was judged. Pure.

It quotes as little as proves the point: the disclosing turn, and the turn of an objection. Everything else is named by
digest, so that a copy that somebody holds can be compared, and by the log's entries, which prove when it was judged and
given out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from compliance.connectors.facts import Message
from compliance.disclosure import rules
from compliance.disclosure.rules import jurisdictions


@dataclass(frozen=True, slots=True)
class Sound:
    """The recording, and a link that plays it for a short while."""

    artifact_id: str
    sha256: str
    duration_ms: int | None
    url: str
    expires_at: datetime


def law(codes: Sequence[str], details: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What the place asks for, and on what that rests, as it was when it was judged; and what of it is old by now."""
    return {
        "class": details.get("class"),
        "purpose": details.get("purpose"),
        "why": details.get("why", []),
        "digest": details.get("law"),
        "reviewed_on": details.get("reviewed_on"),
        "outdated": jurisdictions.outdated(codes, today),
    }


def reasons(codes: Sequence[str]) -> list[dict[str, str]]:
    """The judge's reasons in words."""
    known = rules.TRANSCRIPT_REASONS
    return [{"code": code, "text": known[code][1] if code in known else ""} for code in codes]


def quoted(messages: Sequence[Message] | None, turn: int | None, seconds: float | None) -> dict[str, Any] | None:
    """One turn's words; None where there is no such turn, words None where the transcript is gone."""
    if turn is None:
        return None
    found = messages[turn] if messages is not None and turn < len(messages) else None
    at = found.timestamp if found else None
    return {
        "turn": turn,
        "role": found.role if found else None,
        "words": found.content if found else None,
        "seconds": seconds,
        "at": at.isoformat() if isinstance(at, datetime) else None,
    }


def playing(sound: Sound | None, seconds: float | None) -> dict[str, Any] | None:
    """The recording with its link, which begins to play where the notice is spoken (W3C Media Fragments `#t=`)."""
    if sound is None:
        return None
    return {
        "artifact_id": sound.artifact_id,
        "sha256": sound.sha256 or None,
        "duration_ms": sound.duration_ms,
        "url": f"{sound.url}#t={seconds:g}" if seconds is not None else sound.url,
        "expires_at": sound.expires_at,
    }
