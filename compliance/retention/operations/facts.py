"""What a schedule looks at, read from the register for many artifacts at once, and judged once a distinct fact tuple.

Flat in memory: rows stream, and what is remembered is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from compliance.recordings import access as register
from compliance.retention import rules
from compliance.retention.models import RetentionReview

_MOST_REMEMBERED = 50_000
_LONGEST_REASON = 500
_COLUMNS = (
    "id", "call_id", "kind", "state", "size", "registered_at", "stored_at", "due_on", "retention_rule",
    "retention_reason", "retention_action", "call__ended_at", "call__started_at", "call__agent_id", "call__batch_id",
    "call__direction", "call__place", "call__places", "call__status", "call__consent", "call__labels",
)  # fmt: skip


class Row(NamedTuple):
    """An artifact with what schedules see of its call. Times are UTC, `size` is in clear bytes."""

    id: UUID
    call_id: UUID | None
    kind: str
    state: str
    size: int | None
    registered_at: datetime
    stored_at: datetime | None
    due_on: date | None
    rule: str
    reason: str
    action: str
    ended_at: datetime | None
    started_at: datetime | None
    agent_id: UUID | None
    batch_id: str | None
    direction: str | None
    place: str | None
    places: list[dict[str, Any]] | None
    status: str | None
    consent: str | None
    labels: list[str] | None
    last_contact_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person said in a review."""

    rule: str
    is_approved: bool
    until_on: date | None


class Judge:
    """Assigns under one schedule. Equal facts are judged once."""

    def __init__(self, schedule: rules.Schedule, reviews: Mapping[UUID, Decided] | None = None) -> None:
        self._schedule = schedule
        self._reviews = reviews or {}
        self._known: dict[tuple[Any, ...], rules.Assignment] = {}

    def assign(self, row: Row) -> rules.Assignment:
        """The artifact's day, rule and reason, with what a person decided in a review."""
        key = _key(row)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            found = self._known[key] = _short(rules.assign(self._schedule, _facts(row)))
        decided = self._reviews.get(row.id)
        return _reviewed(found, decided) if decided else found


def rows_of(organisation_id: UUID, artifacts: QuerySet[Any], schedules: tuple[rules.Schedule, ...]) -> QuerySet[Any]:
    """The columns of `Row`; the last contact, which costs a look-up each, only where a schedule counts from it."""
    if any(schedule.asks_for(rules.ClockStart.LAST_CONTACT) for schedule in schedules):
        rows = register.with_last_contact(artifacts, organisation_id)
        return rows.values_list(*_COLUMNS, "last_contact_at")
    return artifacts.values_list(*_COLUMNS)


def read(rows: QuerySet[Any], *, chunk: int = 5000) -> Iterator[Row]:
    """The rows, through a cursor of the server; inside a transaction."""
    return map(as_row, rows.iterator(chunk_size=chunk))


def as_row(values: tuple[Any, ...]) -> Row:
    """One line of `rows_of`."""
    return Row._make(values if len(values) == len(Row._fields) else (*values, None))


def decided_reviews(organisation_id: UUID, artifact_ids: list[UUID] | None = None) -> dict[UUID, Decided]:
    """What people decided of these artifacts (of all: people decide few)."""
    rows = RetentionReview.objects.for_organisation(organisation_id).exclude(state=RetentionReview.State.OPEN)
    if artifact_ids is not None:
        rows = rows.filter(artifact_id__in=artifact_ids)
    approved = RetentionReview.State.APPROVED
    return {
        artifact_id: Decided(rule, state == approved, until_on)
        for artifact_id, rule, state, until_on in rows.values_list("artifact_id", "rule", "state", "until_on")
    }


def _key(row: Row) -> tuple[Any, ...]:
    return (
        row.kind, row.registered_at.date(), row.stored_at and row.stored_at.date(), _ended_on(row), row.agent_id,
        row.batch_id, row.direction, row.place, str(row.places), row.status, row.consent, str(row.labels),
        row.last_contact_at and row.last_contact_at.date(),
    )  # fmt: skip


def _facts(row: Row) -> rules.ArtifactFacts:
    return rules.ArtifactFacts(
        kind=row.kind,
        registered_on=row.registered_at.date(),
        call_ended_on=_ended_on(row),
        stored_on=row.stored_at.date() if row.stored_at else None,
        agent=str(row.agent_id) if row.agent_id else None,
        batch=row.batch_id or None,
        direction=row.direction or None,
        place=row.place or None,
        outcome=row.status or None,
        consent=row.consent or None,
        places=frozenset(str(one["place"]) for one in row.places or () if one.get("place")),
        labels=frozenset(row.labels or ()),
        last_contact_on=row.last_contact_at.date() if row.last_contact_at else None,
        case_closed_on=rules.case_closed_on(row.labels or ()),
    )


def _ended_on(row: Row) -> date | None:
    at = row.ended_at or row.started_at
    return at.date() if at else None


def _short(found: rules.Assignment) -> rules.Assignment:
    reason = f"{found.reason} ({found.warning})" if found.warning else found.reason
    return replace(found, reason=reason[:_LONGEST_REASON])


def _reviewed(found: rules.Assignment, decided: Decided) -> rules.Assignment:
    """A person's word: kept longer holds under every rule, the permission to go only under the rule that asked."""
    if found.due_on is None:
        return found
    if decided.is_approved:
        if decided.rule != found.rule_id or found.action is rules.Action.DELETE:
            return found
        said = " A person has looked: it may go."
        return replace(found, action=rules.Action.DELETE, reason=found.reason[: _LONGEST_REASON - len(said)] + said)
    if decided.until_on is None or decided.until_on <= found.due_on:
        return found
    said = f" A person keeps it until {decided.until_on}."
    return replace(found, due_on=decided.until_on, reason=found.reason[: _LONGEST_REASON - len(said)] + said)
