"""What programs outside are told of requests (the outlet's catalogue): ids, states and days, and nobody's name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min
from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.dsr import access as requests
from compliance.dsr.models import SubjectRequest
from compliance.dsr.states import State
from compliance.outlet import operations as outlet

_STEPS: Final = (-1, 0, 1, 3, 7)
"""Days before the answer is due at which somebody is told; -1: it is late."""
_OPEN: Final = (State.OPEN.value, State.IN_PROGRESS.value)


def tell_state(actor: Actor, request: SubjectRequest, before: str | None) -> None:
    """A request is in this state now. Inside the operation that moved it."""
    data = {"request_id": request.id, "previous": before, "state": request.state, "reason": request.reason or None}
    outlet.announce_event(actor=actor, type="request.state.changed", data=data)


def tell_due(*, actor: Actor) -> int:
    """Tell of every open request that is due within 7, 3 or 1 days, today, or is late; how many there are.

    Each is told once a step and date, also where a day of looking was left out.
    """
    access.require(actor, "dsr.read")
    with tenancy.scope(actor.organisation_id):
        zone = ZoneInfo(requests.organisation_of(actor.organisation_id).time_zone)
        today = timezone.localdate(timezone=zone)
        open_ones = requests.rights(actor.organisation_id).filter(request__state__in=_OPEN)
        rows = open_ones.order_by().values("request_id", "request__state").annotate(by=Min("respond_by"))
        due = rows.filter(by__lte=today + timedelta(days=_STEPS[-1]))
        soon = [_due(row["request_id"], row["request__state"], row["by"], today) for row in due]
        outlet.announce_events(actor=actor, news=soon)
    return len(soon)


def _due(request_id: UUID, state: str, by: date, today: date) -> outlet.News:
    left = (by - today).days
    step = next(days for days in _STEPS if left <= days)
    return outlet.News(
        "request.due.soon",
        {"request_id": request_id, "state": state, "respond_by": by, "days_left": left},
        once=f"{request_id}/{by.isoformat()}/{step}",
    )
