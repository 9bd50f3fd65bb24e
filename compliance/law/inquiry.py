"""One line of JSON in, one out: the calculator for other programs (`manage.py deadlines`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from compliance.law import calendars, clocks
from compliance.law.terms import Event, EventKind, LawError

_REQUIRED = ("id", "regime", "right", "received", "place")
_FIELDS = frozenset({*_REQUIRED, "events"})
_EVENT_FIELDS = frozenset({"kind", "on"})


@dataclass(frozen=True)
class Inquiry:
    id: str | int
    regime: str
    right: str
    received: date
    place: str
    events: tuple[Event, ...]

    def answer(self) -> dict[str, object]:
        """The dates as JSON values. Raises LawError."""
        found = clocks.deadlines(self.regime, self.right, self.received, self.place, self.events)
        return {
            "id": self.id,
            "acknowledge_by": _written(found.acknowledge_by),
            "respond_by": _written(found.respond_by),
            "extended_respond_by": _written(found.extended_respond_by),
            "refused": [refused.text for refused in found.refused],
            "explanation": list(found.explanation),
        }


def parse(line: bytes) -> Inquiry:
    """Reads one line of hostile JSON. Raises LawError only: unknown and missing fields are named."""
    try:
        document = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise LawError("not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise LawError(f"not JSON: {error}") from None
    fields = _object(document, _FIELDS, "the line")
    for name in _REQUIRED:
        if name not in fields:
            raise LawError(f"field {name!r} is missing")
    if isinstance(fields["id"], bool) or not isinstance(fields["id"], str | int):
        raise LawError("field 'id' is neither a string nor a whole number")
    return Inquiry(
        id=fields["id"],
        regime=_text(fields, "regime"),
        right=_text(fields, "right"),
        received=calendars.parse_date(_text(fields, "received")),
        place=_text(fields, "place"),
        events=_events(fields.get("events", [])),
    )


def _events(value: object) -> tuple[Event, ...]:
    if not isinstance(value, list):
        raise LawError("field 'events' is not a list")
    return tuple(_event(item) for item in value)


def _event(item: object) -> Event:
    fields = _object(item, _EVENT_FIELDS, "an event")
    kind = _text(fields, "kind")
    if kind not in set(EventKind):
        raise LawError(f"unknown event kind {kind!r}; known are {', '.join(EventKind)}")
    return Event(EventKind(kind), calendars.parse_date(_text(fields, "on")))


def _object(value: object, known: frozenset[str], what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise LawError(f"{what} is not a JSON object")
    unknown = sorted(set(value) - known)
    if unknown:
        raise LawError(f"unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    return value


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise LawError(f"field {name!r} is not a string")
    return value


def _written(day: date | None) -> str | None:
    return day.isoformat() if day else None
