"""Which calls a legal hold covers. Asked inside the deleting transaction, under the call's lock."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from compliance.retention.models import HoldItem, LegalHold

HELD = "held"
TOO_LATE = "too_late"
GONE = "gone"
MOST_CALLS = 500
"""Calls that one hold is placed on."""

_IN_FORCE = (LegalHold.State.ACTIVE, LegalHold.State.RELEASE_PROPOSED)


def held_calls(organisation_id: UUID, call_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the calls that a hold in force covers. Call this under the calls' row locks, or the answer may be
    stale.
    """
    rows = HoldItem.objects.for_organisation(organisation_id)
    return set(
        rows.filter(call_id__in=list(call_ids), hold__state__in=_IN_FORCE, result=HELD).values_list(
            "call_id", flat=True
        )
    )


def holds_on(organisation_id: UUID, call_id: UUID) -> list[LegalHold]:
    """The holds in force on a call, for screens and refusals."""
    rows = HoldItem.objects.for_organisation(organisation_id).select_related("hold")
    return [row.hold for row in rows.filter(call_id=call_id, hold__state__in=_IN_FORCE, result=HELD)]


def holds_of(organisation_id: UUID) -> QuerySet[LegalHold]:
    """Every hold of an organisation."""
    return LegalHold.objects.for_organisation(organisation_id)


def items(organisation_id: UUID) -> QuerySet[HoldItem]:
    """Every call under every hold, past ones included."""
    return HoldItem.objects.for_organisation(organisation_id)


def items_of(hold: LegalHold) -> list[HoldItem]:
    """The calls that a hold was placed on, and what it found there."""
    return list(items(hold.organisation_id).filter(hold=hold).order_by("id"))
