"""What stands on a day: an organisation's overrides, and the prompt that an agent had when a call was held.

Rows only; `overriding` and `speech` decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts import access
from accounts.actors import Actor
from compliance.disclosure import overriding
from compliance.disclosure.models import DisclosureAudit, JurisdictionOverride, PromptTerm
from compliance.disclosure.overriding import Held
from compliance.disclosure.rules.jurisdictions import Overrides
from compliance.errors import NotFound

_State = JurisdictionOverride.State
HOLDING = (_State.IN_FORCE, _State.LEAVING)


def today() -> date:
    """The day by which overrides begin and end, in UTC: everybody's verdicts change at the same moment."""
    return timezone.now().date()


# --- overrides --------------------------------------------------------------------------------------------------------


def overrides(organisation_id: UUID) -> QuerySet[JurisdictionOverride]:
    """Every override of an organisation, ended ones included."""
    return JurisdictionOverride.objects.for_organisation(organisation_id)


def override_for(actor: Actor, override_id: UUID) -> JurisdictionOverride:
    """The actor's override of this id."""
    access.require(actor, "disclosure.read")
    found = overrides(actor.organisation_id).filter(id=override_id).first()
    if found is None:
        raise NotFound()
    return found


def holding(organisation_id: UUID) -> list[JurisdictionOverride]:
    """The rows that hold today, or will end by themselves later."""
    rows = overrides(organisation_id).filter(state__in=HOLDING).order_by("code")
    return [row for row in rows if row.until_on is None or row.until_on >= today()]


def overrides_of_audit(audit: DisclosureAudit) -> list[JurisdictionOverride]:
    """The overrides that an audit was made under, whatever became of them."""
    ids = audit.details.get("overrides", {}).values()
    return list(overrides(audit.organisation_id).filter(id__in=list(ids)).order_by("code")) if ids else []


@dataclass(frozen=True, slots=True)
class Decided:
    """An organisation's overrides of today: as the judge takes them, and which row each of them is."""

    overrides: Overrides
    ids: dict[str, str]

    def marks(self, codes: Sequence[str]) -> dict[str, str]:
        """For an audit to remember: the overrides that a judgement for these places rests on, by place."""
        return {code: self.ids[code] for code in overriding.used_by(codes, self.overrides)}


def decided(organisation_id: UUID) -> Decided:
    """Today's overrides."""
    rows = holding(organisation_id)
    return Decided(overriding.in_force(held_by(rows), today()), {row.code: str(row.id) for row in rows})


def held_by(rows: Sequence[JurisdictionOverride]) -> list[Held]:
    """Rows as the pure module reads them."""
    return [Held(row.code, row.demand, row.purpose, row.reason, row.until_on) for row in rows]


# --- prompts ----------------------------------------------------------------------------------------------------------


def with_prompt_in_force(calls: QuerySet[Any], organisation_id: UUID) -> QuerySet[Any]:
    """Calls with `told_by`, the prompt version that their agent had when they were held; null where none is known.

    A platform's own version, said of the call and of the prompt, goes before the time: a prompt is often pulled after
    the first calls that were held with it.
    """
    terms = PromptTerm.objects.for_organisation(organisation_id).filter(agent=OuterRef("agent_id"))
    named = terms.filter(agent_version=OuterRef("agent_version")).exclude(agent_version="")
    dated = calls.annotate(began_at=Coalesce("started_at", "ended_at", "registered_at"))
    before = OuterRef("began_at")
    found = Coalesce(
        Subquery(named.filter(begins_at__lte=before).order_by("-begins_at").values("prompt_id")[:1]),
        Subquery(named.order_by("begins_at").values("prompt_id")[:1]),
        Subquery(terms.filter(begins_at__lte=before).order_by("-begins_at").values("prompt_id")[:1]),
    )
    told: QuerySet[Any] = dated.annotate(told_by=found)
    return told
