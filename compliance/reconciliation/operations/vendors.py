"""What a platform still shows of calls whose deletion it confirmed.

After the confirmation the address that was asked is gone with its key, and of an erased call the platform's id is gone
too: no run of ours can ask for it again. Two things can be known. A poller lists the platform's calls, and a listed id
is recognised by the digest that an erased call keeps. And a call that stays here, while a schedule had its originals
deleted there, still has its id: a rotating sample of those is asked for, where the platform deletes whole calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.operations.asking import ask_platform
from compliance.connectors.providers.questions import AskFailed, Deletion, Part, Target
from compliance.reconciliation.operations.findings import note_finding
from compliance.reconciliation.rules.kinds import Kind
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.retention import debt

logger = structlog.get_logger(__name__)

SAMPLE = 25
"""Calls that are asked for after each run."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call that its platform confirmed to have deleted, and that stays here."""

    call_id: UUID
    connection_id: UUID
    target: Target = field(repr=False)


def note_listed_calls(*, actor: Actor, connection_id: UUID, external_ids: Sequence[str]) -> int:
    """Tell which calls a platform has listed; how many of them it had confirmed to have deleted over a day ago.

    Ask with a page of a list at most. The ids stay here: findings name our own.
    """
    rights.require(actor, "reconciliation.run")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        undead = [
            call.id
            for external_id in external_ids
            for call in register.calls_named(organisation_id, external_id).filter(
                connection_id=connection_id, state="erased"
            )
            if _was_confirmed(organisation_id, call.id)
        ]
    for call_id in undead:
        note_finding(actor=actor, kind=Kind.VENDOR_UNDEAD, thing=f"recordings_call/{call_id}", facts={"how": "listed"})
    return len(undead)


def probe_platforms(*, actor: Actor, limit: int = SAMPLE) -> int:
    """Ask for the calls whose confirmation was looked at longest ago; how many the platforms still have.

    What says nothing (no key, no answer) is asked again another day. Call it outside a transaction.
    """
    rights.require(actor, "reconciliation.run")
    organisation_id, undead = actor.organisation_id, 0
    with tenancy.scope(organisation_id):
        sample = _sample(organisation_id, limit)
    for one in sample:
        try:
            answer = ask_platform(
                organisation_id,
                one.connection_id,
                lambda api, credentials, one=one: api.ask_deleted(credentials, one.target),  # type: ignore[misc]
                lambda api, answer: api.read_deleted(answer),
            )
        except AskFailed as failure:
            logger.info("reconciliation.platform_silent", organisation_id=str(organisation_id), code=failure.code)
            continue
        if answer is Deletion.PRESENT:
            undead += 1
            thing = f"recordings_call/{one.call_id}"
            note_finding(actor=actor, kind=Kind.VENDOR_UNDEAD, thing=thing, facts={"how": "asked"})
        _note_asked(organisation_id, one.call_id)
    return undead


def _sample(organisation_id: UUID, limit: int) -> list[_Asked]:
    """Calls that stay here and are confirmed gone there, longest not looked at first. In the organisation's scope."""
    before = timezone.now() - timedelta(hours=settings.RECONCILE_GUARD_HOURS)
    rows = register.locations(organisation_id).filter(place="platform", state=LocationState.CONFIRMED_GONE)
    rows = rows.filter(artifact__call__state="active", checked_at__lt=before).exclude(artifact__call__external_id="")
    found: dict[UUID, _Asked] = {}
    for location in rows.select_related("artifact__call").order_by("checked_at", "id")[: limit * 8]:
        call = location.artifact.call
        if (
            call is not None
            and call.id not in found
            and _deletes_whole_calls(location)
            and _was_confirmed(organisation_id, call.id)
        ):
            found[call.id] = _Asked(call.id, call.connection_id, Target(Part.CALL, call.external_id))
        if len(found) == limit:
            break
    return list(found.values())


def _deletes_whole_calls(location: Any) -> bool:
    provider = debt.provider_of(location)
    return provider is not None and provider.api is not None and provider.api.parts == {Part.CALL}


def _note_asked(organisation_id: UUID, call_id: UUID) -> None:
    """Others are asked first next time."""
    with tenancy.scope(organisation_id):
        rows = register.locations(organisation_id).filter(artifact__call_id=call_id, place="platform")
        rows.filter(state=LocationState.CONFIRMED_GONE).update(checked_at=timezone.now())


def _was_confirmed(organisation_id: UUID, call_id: UUID) -> bool:
    """Whether every original of the call is confirmed gone, and has been for longer than a list may lag behind."""
    rows = register.locations(organisation_id).filter(artifact__call_id=call_id, place="platform")
    before = timezone.now() - timedelta(hours=settings.RECONCILE_GUARD_HOURS)
    places = list(rows.values_list("state", "checked_at"))
    return bool(places) and all(
        state == LocationState.CONFIRMED_GONE and checked_at is not None and checked_at < before
        for state, checked_at in places
    )
