"""Several at once: people, announcers, sweeps and workers do not wait for each other, and nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections

from accounts import tenancy
from compliance import jobs as queue
from compliance.outlet import access, operations
from compliance.outlet.operations import News
from tests.cast import Cast
from tests.compliance.outlet.conftest import CHANGED, Line, announce
from tests.compliance.outlet.receiver import Receiver

_PATIENCE = 60


@pytest.fixture
def shared(committed_cast: Cast, receiver: Receiver) -> Line:
    """An endpoint in databases of this test's own, where threads see each other."""
    new = operations.NewEndpoint(receiver.url, ["*"])
    return Line(committed_cast, operations.create_endpoint(actor=committed_cast.owner.actor, new=new))


def elsewhere(*works: Callable[[], Any]) -> list[Any]:
    """Each in a thread and a connection of its own; what they give."""

    def run(work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=_PATIENCE) for future in [pool.submit(run, work) for work in works]]


def test_business_does_not_wait_for_somebody_who_changes_an_endpoint(shared: Line) -> None:
    def impatient() -> Any:
        with tenancy.scope(shared.cast.organisation_id), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '20s'")
            data = {"request_id": uuid4(), "state": "open"}
            operations.announce_event(actor=shared.cast.officer.actor, type=CHANGED, data=data)
        return "told"

    with tenancy.scope(shared.cast.organisation_id):
        access.endpoint_of(shared.cast.organisation_id, shared.id, lock=True)
        assert elsewhere(impatient) == ["told"]
    assert len(shared.dispatches) == 1


def test_two_sweeps_at_once_tell_an_occasion_once(shared: Line) -> None:
    news = [News(CHANGED, {"request_id": uuid4(), "state": "open"}, once="the same")]

    def sweep() -> None:
        with tenancy.scope(shared.cast.organisation_id):
            operations.announce_events(actor=shared.cast.officer.actor, news=news)

    elsewhere(*[sweep] * 4)
    assert len(shared.dispatches) == 1


def test_one_job_is_done_by_one_worker(shared: Line, receiver: Receiver) -> None:
    announce(shared.cast)
    (dispatch,) = shared.dispatches
    done = elsewhere(*[lambda: queue.run(access.DELIVER, dispatch.id)] * 4)
    assert sorted(done) == [False, False, False, True]
    assert len(receiver.got) == 1


def test_many_messages_by_many_workers_arrive_once_each(shared: Line, receiver: Receiver) -> None:
    receiver.fail(*[500] * 5)
    for _ in range(12):
        announce(shared.cast)
    elsewhere(*[lambda row=row: queue.run(access.DELIVER, row.id) for row in shared.dispatches])
    states = [one.state for one in shared.dispatches]
    assert (states.count("delivered"), states.count("waiting")) == (7, 5)
    assert len(shared.tries) == len(receiver.got) == 12
    assert shared.row.failures <= 5
