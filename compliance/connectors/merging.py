"""Brings together what several deliveries said about one call, in whatever order they came. Pure.

Promise: a value once known is never blanked, and among sources of different standing the order of arrival changes
nothing. Between equals the later arrival holds, since that is how platforms send corrections.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from compliance.connectors.facts import CallFacts, Message, Rank, RecordingFacts, Standing

# Bookkeeping of the facts themselves; everything else is a value that sources can disagree about.
_BOOKKEEPING = frozenset({"external_id", "rank", "event_at", "notes", "standings", "recordings"})
_VALUES = tuple(field.name for field in dataclasses.fields(CallFacts) if field.name not in _BOOKKEEPING)
_RECORDING = "recording:"
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def merge(old: CallFacts | None, new: CallFacts) -> CallFacts:
    """What is known after `new` arrived. Field by field: higher rank, then later event time, then later arrival.

    Raises ValueError when the two are about different calls.
    """
    if old is None:
        return dataclasses.replace(new, standings=_standings(new))
    if old.external_id != new.external_id:
        raise ValueError("facts of different calls cannot be merged")
    before, after = _standings(old), _standings(new)
    values: dict[str, Any] = {}
    standings: dict[str, Standing] = {}
    for name in _VALUES:
        winner = new if _new_holds(name, old, new, before, after) else old
        values[name] = getattr(winner, name)
        known = after.get(name) if winner is new else before.get(name)
        if known is not None:
            standings[name] = known
    recordings, recording_standings = _merge_recordings(old, new, before, after)
    return CallFacts(
        external_id=old.external_id,
        rank=max(old.rank, new.rank),
        event_at=max(filter(None, (old.event_at, new.event_at)), default=None),
        notes=tuple(sorted({*old.notes, *new.notes})),
        recordings=recordings,
        standings=standings | recording_standings,
        **values,
    )


def replaced(
    facts: CallFacts,
    *,
    recordings: tuple[RecordingFacts, ...],
    transcript: tuple[Message, ...],
    summary: str | None,
    metrics_json: str | None,
) -> CallFacts:
    """The facts with other content, for whoever keeps content apart from the rest; standings stay as they are."""
    return dataclasses.replace(
        facts, recordings=recordings, transcript=transcript, summary=summary, metrics_json=metrics_json
    )


def standings_to_json(facts: CallFacts) -> dict[str, list[Any]]:
    """Field name → [rank, ISO time or None], to be kept on the call's row. Holds no personal data."""
    return {
        name: [standing.rank, standing.event_at.isoformat() if standing.event_at else None]
        for name, standing in sorted(_standings(facts).items())
    }


def standings_from_json(kept: Mapping[str, Iterable[Any]]) -> dict[str, Standing]:
    """The inverse of `standings_to_json`. Raises ValueError on anything else."""
    standings = {}
    for name, entry in kept.items():
        rank, event_at = entry
        standings[name] = Standing(Rank(rank), datetime.fromisoformat(event_at) if event_at else None)
    return standings


def _is_blank(value: object) -> bool:
    return value is None or value == "" or value == ()


def _standings(facts: CallFacts) -> dict[str, Standing]:
    """The standing of each value that is there; facts fresh from a platform have one standing for all of them."""
    if facts.standings:
        return dict(facts.standings)
    own = Standing(facts.rank, facts.event_at)
    standings = {name: own for name in _VALUES if not _is_blank(getattr(facts, name))}
    return standings | {_recording_key(recording): own for recording in facts.recordings}


def _is_lower(one: Standing, other: Standing) -> bool:
    return (one.rank, one.event_at or _LONG_AGO) < (other.rank, other.event_at or _LONG_AGO)


def _new_holds(
    name: str, old: CallFacts, new: CallFacts, before: Mapping[str, Standing], after: Mapping[str, Standing]
) -> bool:
    was, becomes = getattr(old, name), getattr(new, name)
    if _is_blank(becomes) or _is_blank(was):
        return not _is_blank(becomes)
    old_standing = before.get(name, Standing(old.rank, old.event_at))
    new_standing = after.get(name, Standing(new.rank, new.event_at))
    if name == "transcript" and not _is_lower(old_standing, new_standing):
        # A repeat with fewer turns than we have is a poorer copy, not a correction.
        return not _is_lower(new_standing, old_standing) and _turns(becomes) >= _turns(was)
    return not _is_lower(new_standing, old_standing)


def _turns(transcript: tuple[Message, ...]) -> int:
    return sum(1 for message in transcript if message.content)


def is_of_recording(name: str) -> bool:
    """Whether a standing is a recording's, not that of a value of the call."""
    return name.startswith(_RECORDING)


def _recording_key(recording: RecordingFacts) -> str:
    return f"{_RECORDING}{recording.kind}:{recording.external_id or ''}"


def _merge_recordings(
    old: CallFacts, new: CallFacts, before: Mapping[str, Standing], after: Mapping[str, Standing]
) -> tuple[tuple[RecordingFacts, ...], dict[str, Standing]]:
    """The union by kind and id: an announced recording is never forgotten because a later message leaves it out."""
    merged = {_recording_key(recording): recording for recording in old.recordings}
    standings = {key: before.get(key, Standing(old.rank, old.event_at)) for key in merged}
    for recording in new.recordings:
        key = _recording_key(recording)
        standing = after.get(key, Standing(new.rank, new.event_at))
        known = merged.get(key)
        if known is not None and _is_lower(standing, standings[key]):
            merged[key] = _filled(known, recording)
        else:
            merged[key] = recording if known is None else _filled(recording, known)
            standings[key] = standing
    return tuple(merged[key] for key in sorted(merged)), standings


def _filled(winner: RecordingFacts, other: RecordingFacts) -> RecordingFacts:
    """The winner, its gaps filled. Expiry, hash, size and cipher belong to the bytes behind an address and are never
    taken from another one.
    """
    if not winner.url and winner.content is None and winner.absence is None:
        return dataclasses.replace(
            other,
            media_type=winner.media_type or other.media_type,
            duration_seconds=_known(winner.duration_seconds, other.duration_seconds),
        )
    media_type = winner.media_type or other.media_type
    seconds = _known(winner.duration_seconds, other.duration_seconds)
    return dataclasses.replace(winner, media_type=media_type, duration_seconds=seconds)


def _known(value: float | None, otherwise: float | None) -> float | None:
    return otherwise if value is None else value
