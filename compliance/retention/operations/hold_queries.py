"""What a hold would cover: whether it may be asked for, and how much it is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Sum

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.errors import Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings import people
from compliance.retention import holds
from compliance.retention.holds import HoldQuery


@dataclass(frozen=True, slots=True)
class Preview:
    """What a hold would cover if it were placed now. Sizes are in bytes, in clear."""

    calls: int
    held: int
    too_late: int
    gone: int
    artifacts: int
    size: int
    covers_later_calls: bool


def preview_hold(*, actor: Actor, query: HoldQuery) -> Preview:
    """How much a hold would cover. Changes nothing and opens nothing."""
    access.require(actor, "retention.read")
    with tenancy.scope(actor.organisation_id):
        check_query(actor.organisation_id, query)
        calls = query.apply(register.calls(actor.organisation_id), actor.organisation_id)
        by_state = dict(calls.order_by().values_list("state").annotate(Count("id")))
        kept = register.artifacts(actor.organisation_id).filter(call_id__in=calls.filter(state="active").values("id"))
        found = kept.exclude(object=None).exclude(state__in=register.LEAVING).aggregate(n=Count("id"), size=Sum("size"))
    return Preview(
        calls=sum(by_state.values()),
        held=by_state.get("active", 0),
        too_late=by_state.get("erasing", 0),
        gone=by_state.get("erased", 0),
        artifacts=found["n"],
        size=found["size"] or 0,
        covers_later_calls=query.is_standing,
    )


def check_query(organisation_id: UUID, query: HoldQuery) -> None:
    """One way of naming calls, and nothing in it that is not the organisation's. Raises Invalid, NotFound."""
    ways = [bool(query.calls), query.subject is not None, query.agent is not None, query.filter is not None]
    if sum(ways) != 1 or (query.filter is not None and query.filter.is_blank):
        raise Invalid("Name calls, or a person, or an agent, or a filter", errors={"calls": ["One way to name calls."]})
    if len(query.calls) > holds.MOST_CALLS:
        raise Invalid("Too many calls", errors={"calls": [f"1 to {holds.MOST_CALLS} calls."]})
    if query.calls and register.calls(organisation_id).filter(id__in=query.calls).count() != len(set(query.calls)):
        raise NotFound()
    if query.subject and not people.is_known(organisation_id, query.subject):
        raise NotFound()
    if query.agent:
        connectors.agent_named(organisation_id, query.agent)
