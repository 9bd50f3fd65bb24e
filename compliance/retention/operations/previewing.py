"""What rules would do, before they are saved: how many artifacts and bytes, which, what holds keep, and what changes.

Read in one pass with flat memory, however large the register is. Nothing is written but the entry that says who asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Invalid
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactState
from compliance.retention import events, holds, rules
from compliance.retention.operations import facts
from compliance.retention.operations.assigning import SETTLED
from compliance.retention.operations.facts import Judge, Row
from compliance.retention.operations.schedules import current_schedule

SOON_DAYS = 30
LISTED = 100
_CHUNK = 2000
_FEW = 10


@dataclass(frozen=True, slots=True)
class Doomed:
    """One artifact that would be due within 30 days, by which rule, and what it is due by today's rules."""

    artifact_id: UUID
    call_id: UUID | None
    kind: str
    due_on: date
    rule: str
    action: str
    reason: str
    is_held: bool
    due_before: date | None


@dataclass(slots=True)
class Preview:
    """Counts of what rules would do. `soon` is within 30 days, today included; bytes are clear bytes, as registered.

    `newly` is what would be deleted soon and would not be under the rules in force.
    """

    artifacts: int = 0
    today: int = 0
    today_bytes: int = 0
    soon: int = 0
    soon_bytes: int = 0
    newly: int = 0
    newly_bytes: int = 0
    held: int = 0
    for_review: int = 0
    earlier: int = 0
    later: int = 0
    never: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    listed: list[Doomed] = field(default_factory=list)
    next_after: UUID | None = None

    def counts(self) -> dict[str, Any]:
        """Everything but the list, as a schedule keeps it."""
        names = (
            "artifacts", "today", "today_bytes", "soon", "soon_bytes", "newly", "newly_bytes", "held", "for_review",
            "earlier", "later", "never",
        )  # fmt: skip
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        return found | {"by_kind": dict(self.by_kind), "by_rule": dict(self.by_rule)}

    @property
    def needs_second_person(self) -> bool:
        """More than the setting, or more than 1 % of everything; a handful alone never asks."""
        above: int = settings.RETENTION_SECOND_PERSON_ABOVE
        return self.newly > above or (self.newly >= min(_FEW, above + 1) and self.newly * 100 > self.artifacts)


def preview_schedule(*, actor: Actor, document: Mapping[str, Any], after: UUID | None = None) -> Preview:
    """What these rules would do to what is here now. `after` goes on with the list behind that artifact.

    Raises Invalid where the document is no schedule.
    """
    access.require(actor, "retention.set_schedule")
    schedule = parsed(document)
    with tenancy.operation(actor):
        found = measure(actor.organisation_id, schedule, after=after)
        log.append(
            actor=actor,
            event=events.SCHEDULE_PREVIEWED,
            organisation_id=actor.organisation_id,
            obj=("schedule", None),
            cls=log.EntryClass.ACCESS,
            what={"newly_due": found.newly, "listed": len(found.listed)},
        )
    return found


def measure(organisation_id: UUID, schedule: rules.Schedule, *, after: UUID | None = None) -> Preview:
    """The counts and the first of the list, inside the organisation's scope.

    Newest artifacts come first; where the list goes on, only its next part is read.
    """
    _, current = current_schedule(organisation_id)
    reviews = facts.decided_reviews(organisation_id)
    new, old = Judge(schedule, reviews), Judge(current, reviews)
    artifacts = register.artifacts(organisation_id).exclude(state__in=SETTLED).order_by("-id")
    if after is not None:
        artifacts = artifacts.filter(id__lt=after)
    rows = facts.read(facts.rows_of(organisation_id, artifacts, (schedule, current)))
    preview, today = Preview(), timezone.now().date()
    for chunk in _chunks(rows):
        judged = [(row, new.assign(row), old.assign(row)) for row in chunk]
        horizon = today + timedelta(days=SOON_DAYS)
        doomed = [row.call_id for row, found, _ in judged if _is_soon(found, horizon) and row.call_id]
        held = holds.held_now(organisation_id, doomed) if doomed else set()
        for row, found, before in judged:
            _count(preview, row, found, before, today, is_held=row.call_id in held)
        if after is not None and preview.next_after is not None:
            break
    return preview


def parsed(document: Mapping[str, Any]) -> rules.Schedule:
    """The document as a schedule. Raises Invalid, which says what is wrong."""
    try:
        return rules.parse_schedule(document)
    except rules.RuleError as error:
        raise Invalid(str(error), code="schedule_invalid", errors={"document": [str(error)]}) from error


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _is_soon(found: rules.Assignment, horizon: date) -> bool:
    return found.due_on is not None and found.due_on <= horizon


def _count(
    preview: Preview, row: Row, found: rules.Assignment, before: rules.Assignment, today: date, *, is_held: bool
) -> None:
    preview.artifacts += 1
    _compare(preview, found.due_on, before.due_on)
    horizon = today + timedelta(days=SOON_DAYS)
    if not _is_soon(found, horizon) or found.due_on is None:
        return
    _list(preview, row, found, before, is_held=is_held)
    if is_held:
        preview.held += 1
        return
    if found.action is not rules.Action.DELETE:
        preview.for_review += 1
        return
    size = row.size or 0
    preview.soon += 1
    preview.soon_bytes += size
    preview.by_kind[row.kind] += 1
    preview.by_rule[found.rule_id] += 1
    if found.due_on <= today:
        preview.today += 1
        preview.today_bytes += size
    if not (_is_soon(before, horizon) and before.action is rules.Action.DELETE):
        preview.newly += 1
        preview.newly_bytes += size


def _compare(preview: Preview, new: date | None, old: date | None) -> None:
    if new == old:
        return
    if new is None:
        preview.never += 1
    elif old is None or new < old:
        preview.earlier += 1
    else:
        preview.later += 1


def _list(preview: Preview, row: Row, found: rules.Assignment, before: rules.Assignment, *, is_held: bool) -> None:
    if found.due_on is None:
        return
    if len(preview.listed) >= LISTED:
        preview.next_after = preview.listed[-1].artifact_id
        return
    doomed = Doomed(
        artifact_id=row.id,
        call_id=row.call_id,
        kind=row.kind,
        due_on=found.due_on,
        rule=found.rule_id,
        action=found.action.value,
        reason=found.reason,
        is_held=is_held or row.state == ArtifactState.HELD,
        due_before=before.due_on,
    )
    preview.listed.append(doomed)
