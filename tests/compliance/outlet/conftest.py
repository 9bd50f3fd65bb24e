"""A receiver, an endpoint that leads to it, and something to tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts import tenancy
from accounts.models import DueWork
from compliance.outlet import access, operations
from compliance.outlet.models import WebhookAttempt, WebhookDispatch, WebhookEndpoint
from tests.cast import Cast
from tests.compliance.outlet.receiver import Receiver, receiving

CHANGED = "request.state.changed"


class Line:
    """An endpoint of Harbor's."""

    def __init__(self, cast: Cast, made: operations.NewSecret) -> None:
        self.cast, self.id, self.secret = cast, made.endpoint.id, made.secret

    @property
    def row(self) -> WebhookEndpoint:
        with tenancy.scope(self.cast.organisation_id):
            return WebhookEndpoint.objects.for_organisation(self.cast.organisation_id).get(id=self.id)

    @property
    def dispatches(self) -> list[WebhookDispatch]:
        """Oldest first."""
        with tenancy.scope(self.cast.organisation_id):
            return list(access.dispatches(self.cast.organisation_id).filter(endpoint_id=self.id).order_by("id"))

    @property
    def tries(self) -> list[WebhookAttempt]:
        """Oldest first."""
        with tenancy.scope(self.cast.organisation_id):
            rows = access.attempts(self.cast.organisation_id).filter(dispatch__endpoint_id=self.id)
            return list(rows.order_by("dispatch_id", "number"))

    def act(self, name: str, **arguments: Any) -> Any:
        """One of the room's operations on this endpoint, by the officer."""
        return getattr(operations, name)(actor=self.cast.officer.actor, endpoint_id=self.id, **arguments)


def announce(cast: Cast, state: str = "open", **data: Any) -> UUID:
    """Somebody's request changed; its id."""
    request_id = uuid4()
    with tenancy.scope(cast.organisation_id):
        operations.announce_event(
            actor=cast.officer.actor, type=CHANGED, data={"request_id": request_id, "state": state} | data
        )
    return request_id


def make_due() -> None:
    """Every wait is over."""
    DueWork.objects.update(due_at="2020-01-01T00:00:00Z", leased_until=None)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as found:
        settings.FETCH_TEST_HOSTS = [found.host]
        yield found


@pytest.fixture
def line(cast: Cast, receiver: Receiver) -> Line:
    """An endpoint that is told of everything."""
    new = operations.NewEndpoint(receiver.url, ["*"], "case system")
    return Line(cast, operations.create_endpoint(actor=cast.owner.actor, new=new))
