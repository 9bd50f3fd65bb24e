"""Which calls are meant: the filters of lists, downloads and holds, read once and for all of them alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from compliance.errors import Invalid
from compliance.recordings.models import Call

_EXACT = {
    "connection": "connection_id",
    "batch": "batch_id",
    "direction": "direction",
    "outcome": "status",
    "consent": "consent",
    "state": "state",
}
_LONGEST = 200
NAMES = (*_EXACT, "agent", "platform", "place", "label", "since", "until")


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What calls must have; None asks for nothing. A place means its parts too (`DE` finds `DE-BY`); times are of the
    call's start, the end exclusive.
    """

    connection: str | None = None
    agent: str | None = None
    platform: str | None = None
    batch: str | None = None
    direction: str | None = None
    outcome: str | None = None
    consent: str | None = None
    place: str | None = None
    label: str | None = None
    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_blank(self) -> bool:
        return all(value is None for value in asdict(self).values())

    def apply(self, rows: QuerySet[Call]) -> QuerySet[Call]:
        """The calls among `rows` that are meant."""
        exact = {column: getattr(self, name) for name, column in _EXACT.items() if getattr(self, name) is not None}
        rows = rows.filter(**exact)
        if self.agent is not None:
            rows = rows.filter(Q(agent_id=self.agent) if _is_uuid(self.agent) else Q(agent__external_id=self.agent))
        if self.platform is not None:
            rows = rows.filter(connection__platform=self.platform)
        if self.place is not None:
            rows = rows.filter(Q(place=self.place) | Q(place__startswith=f"{self.place}-"))
        if self.label is not None:
            rows = rows.filter(labels__contains=[self.label])
        if self.since is not None:
            rows = rows.filter(started_at__gte=self.since)
        if self.until is not None:
            rows = rows.filter(started_at__lt=self.until)
        return rows

    def to_json(self) -> dict[str, str]:
        """What is asked for, to be kept: ids, codes and times."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else str(value)
            for name, value in asdict(self).items()
            if value is not None
        }


def read(asked: Mapping[str, Any]) -> CallFilter:
    """A filter from texts, as queries and stored filters hold it. Raises Invalid, naming every field that is wrong."""
    errors: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for name, text in asked.items():
        if name not in NAMES:
            errors[name] = ["This field is not known."]
        elif text not in (None, ""):
            try:
                values[name] = _value(name, str(text))
            except ValueError as error:
                errors[name] = [str(error)]
    if errors:
        raise Invalid("A filter is not known or cannot be used", errors=errors)
    return CallFilter(**values)


def _value(name: str, text: str) -> Any:
    if name in {"since", "until"}:
        return _moment(text)
    if name == "state" and text not in Call.State.values:
        raise ValueError(f"One of: {', '.join(Call.State.values)}.")
    if name == "connection" and not _is_uuid(text):
        raise ValueError("The id of a connection.")
    if len(text) > _LONGEST or "\x00" in text:
        raise ValueError(f"At most {_LONGEST} characters.")
    return text


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("ISO 8601 with zone, such as 2026-03-01T00:00:00Z.")
    return moment


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
