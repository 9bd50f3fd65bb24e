"""An event is told exactly where somebody listens, with the business that it tells of or not at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, transaction

from accounts import tenancy
from compliance.outlet import access, operations
from compliance.outlet.models import WebhookMessage
from compliance.outlet.operations import NewEndpoint, News, announcing
from compliance.outlet.schemas import BadEvent
from tests.cast import Cast
from tests.compliance.outlet.conftest import CHANGED, Line, announce
from tests.compliance.outlet.receiver import Receiver
from tests.entries import Entries

AT = datetime(2026, 11, 22, 14, tzinfo=UTC)


def stored(cast: Cast) -> list[WebhookMessage]:
    with tenancy.scope(cast.organisation_id):
        return list(access.messages(cast.organisation_id))


def test_where_nobody_listens_nothing_is_stored(cast: Cast, jobs: Any, entries: Entries) -> None:
    announce(cast)
    assert (stored(cast), jobs.names, entries) == ([], [], [])


def test_a_message_is_written_with_a_way_to_each_endpoint_that_chose_it(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    others = [
        Line(cast, operations.create_endpoint(actor=cast.officer.actor, new=NewEndpoint(receiver.url, [pattern])))
        for pattern in ("request.*", "disclosure.*")
    ]
    entries.clear()
    with time_machine.travel(AT, tick=False):
        request_id = announce(cast, "denied", previous="open", reason="no_match")
    (message,) = stored(cast)
    assert message.body == (
        f'{{"type":"request.state.changed","timestamp":"2026-11-22T14:00:00+00:00","data":{{"request_id":"{request_id}",'
        '"previous":"open","state":"denied","reason":"no_match"}}'
    )
    assert [len(one.dispatches) for one in (line, *others)] == [1, 1, 0]
    assert jobs.names == ["outlet.deliver"] * 2
    assert entries == []  # the event has its own entry, in its own room
    jobs.drain()
    assert {one.id for one in receiver.got} == {f"msg_{message.id.hex}"}


def test_nothing_is_told_of_what_was_rolled_back(cast: Cast, line: Line, jobs: Any) -> None:
    with transaction.atomic():
        announce(cast)
        transaction.set_rollback(True)
    assert (stored(cast), jobs.names) == ([], [])


def test_another_organisation_hears_nothing(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    with tenancy.scope(cast.other_organisation.id):
        operations.announce_event(
            actor=cast.outsider.actor, type=CHANGED, data={"request_id": uuid4(), "state": "open"}
        )
    jobs.drain()
    assert (receiver.got, line.dispatches) == ([], [])


@pytest.mark.parametrize("data", [{}, {"request_id": uuid4(), "state": "Maria Delgado"}])
def test_what_is_not_in_the_catalogue_is_a_bug_even_where_nobody_listens(cast: Cast, data: dict[str, Any]) -> None:
    with tenancy.scope(cast.organisation_id), pytest.raises(BadEvent):
        operations.announce_event(actor=cast.officer.actor, type=CHANGED, data=data)


def test_an_occasion_is_told_once(cast: Cast, line: Line) -> None:
    news = [News(CHANGED, {"request_id": uuid4(), "state": "open"}, once=once) for once in ("a", "a", "b", "", "")]
    with tenancy.scope(cast.organisation_id):
        operations.announce_events(actor=cast.officer.actor, news=news)
        operations.announce_events(actor=cast.officer.actor, news=news[:1])
    assert sorted(one.once for one in stored(cast)) == ["", "", "a", "b"]
    with tenancy.scope(cast.organisation_id), pytest.raises(IntegrityError), transaction.atomic():
        WebhookMessage.objects.create(
            organisation_id=cast.organisation_id, type=CHANGED, occurred_at=AT, body="{}", once="a"
        )


def test_an_earlier_time_is_told_as_it_was(cast: Cast, line: Line) -> None:
    with tenancy.scope(cast.organisation_id):
        news = News(CHANGED, {"request_id": uuid4(), "state": "open"}, occurred_at=AT)
        operations.announce_events(actor=cast.officer.actor, news=[news])
    (message,) = stored(cast)
    assert json.loads(message.body)["timestamp"] == AT.isoformat()


def test_several_events_cost_one_look_at_the_endpoints(cast: Cast, django_assert_num_queries: Any) -> None:
    news = [News(CHANGED, {"request_id": uuid4(), "state": "open"}) for _ in range(5)]
    with tenancy.scope(cast.organisation_id), django_assert_num_queries(1):
        operations.announce_events(actor=cast.officer.actor, news=news)
    with tenancy.scope(cast.organisation_id), django_assert_num_queries(0):
        operations.announce_events(actor=cast.officer.actor, news=[])


def test_a_backlog_has_an_end_and_its_overflow_is_seen(
    cast: Cast, line: Line, monkeypatch: pytest.MonkeyPatch, entries: Entries
) -> None:
    monkeypatch.setattr(announcing, "BACKLOG", 2)
    line.act("pause_endpoint")
    entries.clear()
    for _ in range(5):
        announce(cast)
    assert len(line.dispatches) == 2
    assert line.row.missed == 3
    assert entries.events == ["outlet.messages.missed"]  # once a day, not for each
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=1)):
        announce(cast)
    assert entries.events == ["outlet.messages.missed"] * 2
    assert line.row.missed == 4
