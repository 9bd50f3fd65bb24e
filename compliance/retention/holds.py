"""Which calls a legal hold covers. Asked inside the deleting transaction, under the call's lock.

What can go wrong: a call slips away between the word "hold" and the list of its calls. So a hold is one row that exists
first, and covers at once whatever its query finds; the list of items follows in batches. Until the list is complete,
and for ever where the hold also covers calls that come later, the query itself is asked inside the deleting
transaction. Placing such a hold waits for deletions that have asked already, so that none of them ends unseen after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from compliance.recordings import access as register
from compliance.recordings import call_filters, people
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.states import ArtifactState
from compliance.retention.models import HoldItem, LegalHold

HELD = "held"
TOO_LATE = "too_late"
GONE = "gone"
NOT_STORED = "not_stored"
RESULTS = (HELD, TOO_LATE, GONE, NOT_STORED)
MOST_CALLS = 10_000
"""Calls that one request may name; a hold may cover any number."""
BATCH = 500

_IN_FORCE = (LegalHold.State.ACTIVE, LegalHold.State.RELEASE_PROPOSED)


@dataclass(frozen=True, slots=True)
class HoldQuery:
    """What a hold covers, by exactly one of: calls that are named, a person, an agent, or a filter over calls.

    A person's and an agent's hold also covers calls that come later; a filter's is frozen to the calls of its day.
    """

    calls: tuple[UUID, ...] = ()
    subject: UUID | None = None
    agent: UUID | None = None
    filter: CallFilter | None = None

    @property
    def scope(self) -> str:
        """In a word."""
        return "subject" if self.subject else "agent" if self.agent else "filter" if self.filter else "calls"

    @property
    def is_standing(self) -> bool:
        return self.scope in {"subject", "agent"}

    def to_json(self) -> dict[str, Any]:
        """As `LegalHold.query` keeps it until every call has its item."""
        found: dict[str, Any] = {"scope": self.scope, "frozen": False, "cursor": ""}
        if self.subject or self.agent:
            found[self.scope] = str(self.subject or self.agent)
        elif self.filter:
            found["filter"] = self.filter.to_json()
        else:
            found["calls"] = sorted(str(call_id) for call_id in self.calls)
        return found

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; a list of calls is gone once each has its item."""
        return cls(
            calls=tuple(UUID(text) for text in kept.get("calls", ())),
            subject=UUID(kept["subject"]) if "subject" in kept else None,
            agent=UUID(kept["agent"]) if "agent" in kept else None,
            filter=call_filters.read(kept["filter"]) if "filter" in kept else None,
        )

    def apply(self, rows: QuerySet[Any], organisation_id: UUID) -> QuerySet[Any]:
        """The calls among `rows` that are meant."""
        if self.subject:
            return rows.filter(id__in=people.calls_with(organisation_id, self.subject))
        if self.agent:
            return rows.filter(agent_id=self.agent)
        return self.filter.apply(rows) if self.filter else rows.filter(id__in=self.calls)


def held_calls(organisation_id: UUID, call_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the calls that a hold in force covers. Call this under the calls' row locks, or the answer may be
    stale.
    """
    lock(organisation_id, shared=True)
    return held_now(organisation_id, call_ids)


def held_now(organisation_id: UUID, call_ids: Iterable[UUID]) -> set[UUID]:
    """The same for previews and screens: waits for nobody, and may be stale a moment later."""
    wanted = list(call_ids)
    rows = HoldItem.objects.for_organisation(organisation_id)
    rows = rows.filter(call_id__in=wanted, hold__state__in=_IN_FORCE, result=HELD)
    found = set(rows.values_list("call_id", flat=True))
    for hold in _asked_by_query(organisation_id):
        left = [call_id for call_id in wanted if call_id not in found]
        if left:
            found.update(covered(hold).filter(id__in=left, state="active").values_list("id", flat=True))
    return found


def lock(organisation_id: UUID, *, shared: bool) -> None:
    """Whoever asks for holds inside a deletion shares this until commit; whoever places one by a query has it alone."""
    function = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"retention_holds/{organisation_id}"])


def covered(hold: LegalHold) -> QuerySet[Any]:
    """The calls that a hold's query finds now: of a frozen one none that came after it."""
    query = HoldQuery.of(hold.query)
    rows = query.apply(register.calls(hold.organisation_id), hold.organisation_id)
    return rows if query.is_standing else rows.filter(registered_at__lte=hold.placed_at)


def without_item(hold: LegalHold, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the calls that the hold has not looked at yet."""
    looked_at = items(hold.organisation_id).filter(hold=hold, call=OuterRef("id"))
    return rows.exclude(Exists(looked_at))


def is_complete(hold: LegalHold) -> bool:
    """Whether every call that the hold meant when it was placed has its item."""
    return bool(hold.query.get("frozen", True))


def asks_by_query(hold: LegalHold) -> bool:
    """Whether more than its items is covered: the list is not complete, or later calls are meant too."""
    return not is_complete(hold) or hold.query.get("scope") in {"subject", "agent"}


def holds_on(organisation_id: UUID, call_id: UUID) -> list[LegalHold]:
    """The holds in force on a call, for screens and refusals."""
    rows = HoldItem.objects.for_organisation(organisation_id).select_related("hold")
    found = {row.hold_id: row.hold for row in rows.filter(call_id=call_id, hold__state__in=_IN_FORCE, result=HELD)}
    for hold in _asked_by_query(organisation_id):
        if hold.id not in found and covered(hold).filter(id=call_id, state="active").exists():
            found[hold.id] = hold
    return list(found.values())


def holds_of(organisation_id: UUID) -> QuerySet[LegalHold]:
    """Every hold of an organisation."""
    return LegalHold.objects.for_organisation(organisation_id)


def items(organisation_id: UUID) -> QuerySet[HoldItem]:
    """Every call under every hold, past ones included."""
    return HoldItem.objects.for_organisation(organisation_id)


def items_of(hold: LegalHold, limit: int = BATCH) -> list[HoldItem]:
    """The first calls that a hold was placed on, and what it found there."""
    return list(items(hold.organisation_id).filter(hold=hold).order_by("id")[:limit])


def standing(organisation_id: UUID) -> list[LegalHold]:
    """Holds in force whose items are not complete, or never will be."""
    return _asked_by_query(organisation_id)


def result_of(call: Any) -> str:
    """What a hold finds of a whole call, locked."""
    return {call.State.ACTIVE: HELD, call.State.ERASING: TOO_LATE}.get(call.state, GONE)


def results_of(call: Any, artifacts: Iterable[Any]) -> dict[str, str]:
    """What a hold finds of each artifact of a locked call."""
    return {str(artifact.id): _artifact_result(call, artifact) for artifact in artifacts}


def _artifact_result(call: Any, artifact: Any) -> str:
    state = ArtifactState(artifact.state)
    if state is ArtifactState.DELETED or (artifact.object_id and call.state == call.State.ERASED):
        return GONE
    if state in {ArtifactState.DELETING, ArtifactState.DELETE_FAILED}:
        return TOO_LATE
    if artifact.object_id is None or state is ArtifactState.MISSING:
        return NOT_STORED
    return HELD if call.state == call.State.ACTIVE else TOO_LATE


def _asked_by_query(organisation_id: UUID) -> list[LegalHold]:
    rows = LegalHold.objects.for_organisation(organisation_id).filter(state__in=_IN_FORCE).defer("sealed_reason")
    return list(rows.filter(Q(query__frozen=False) | Q(query__scope__in=["subject", "agent"])).order_by("id"))
