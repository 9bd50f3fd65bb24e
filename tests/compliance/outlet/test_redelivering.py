"""Sending again, testing, and forgetting."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from accounts import tenancy
from compliance.errors import Conflict, NotFound
from compliance.outlet import access, operations, tasks
from compliance.outlet.models import WebhookDispatch
from compliance.outlet.operations import pruning, redelivering
from tests.cast import Cast
from tests.compliance.outlet.conftest import Line, announce
from tests.compliance.outlet.receiver import Receiver
from tests.entries import Entries


def give_up(line: Line) -> None:
    with tenancy.scope(line.cast.organisation_id):
        WebhookDispatch.objects.for_organisation(line.cast.organisation_id).update(state="failed")


def kept(cast: Cast) -> int:
    with tenancy.scope(cast.organisation_id):
        return access.messages(cast.organisation_id).count()


def test_a_message_goes_again_with_the_same_id_and_bytes(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    announce(cast)
    jobs.drain()
    line.act("redeliver_message", message_id=line.dispatches[0].message_id)
    assert line.dispatches[0].state == "waiting"
    jobs.drain()
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert Webhook(line.secret).verify(second.body, second.headers)
    assert [one.number for one in line.tries] == [1, 2]
    assert entries.events == ["outlet.messages.redelivered"]
    assert entries[0].fields["what"] == {"message": str(line.dispatches[0].message_id), "count": 1}


def test_a_message_that_waits_for_its_next_try_goes_now(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(500)
    announce(cast)
    jobs.drain()
    assert len(receiver.got) == 1
    line.act("redeliver_message", message_id=line.dispatches[0].message_id)
    jobs.drain()
    assert line.dispatches[0].state == "delivered"


def test_an_endpoint_gets_only_its_own_messages_again(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    announce(cast)
    new = operations.NewEndpoint(receiver.url, ["*"])
    later = Line(cast, operations.create_endpoint(actor=cast.officer.actor, new=new))
    message_id = line.dispatches[0].message_id
    for one, wanted in ((later, message_id), (line, uuid4())):
        with pytest.raises(NotFound):
            one.act("redeliver_message", message_id=wanted)
    with pytest.raises(NotFound):
        operations.redeliver_message(actor=cast.outsider.actor, message_id=message_id, endpoint_id=line.id)


def test_everything_that_was_given_up_since_a_time_goes_again(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redelivering, "BATCH", 2)
    with time_machine.travel(timezone.now() - timedelta(days=2)):
        announce(cast, "open")
    for _ in range(5):
        announce(cast, "denied")
    give_up(line)
    jobs.drain()
    receiver.got.clear()
    entries.clear()
    assert line.act("redeliver_failed", since=timezone.now() - timedelta(days=1)) == 5
    jobs.drain()
    assert [one.event["data"]["state"] for one in receiver.got] == ["denied"] * 5
    assert sorted(one.state for one in line.dispatches) == ["delivered"] * 5 + ["failed"]
    assert [(one.event, one.fields["what"]) for one in entries] == [("outlet.messages.redelivered", {"count": 5})]
    assert line.act("redeliver_failed", since=timezone.now() - timedelta(days=1)) == 0


def test_no_more_goes_again_than_may_wait(cast: Cast, line: Line, jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(4):
        announce(cast)
    give_up(line)
    announce(cast)
    monkeypatch.setattr(redelivering, "BACKLOG", 3)
    assert line.act("redeliver_failed", since=timezone.now() - timedelta(days=1)) == 2


def test_a_test_is_sent_to_one_endpoint_whatever_it_chose(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    new = operations.NewEndpoint(receiver.url, ["request.due.soon"])
    quiet = Line(cast, operations.create_endpoint(actor=cast.officer.actor, new=new))
    entries.clear()
    message = quiet.act("send_test_event")
    jobs.drain()
    (got,) = receiver.got
    event: Any = Webhook(quiet.secret).verify(got.body, got.headers)
    assert (event["type"], event["data"]) == ("webhook.test", {"endpoint_id": str(quiet.id)})
    assert line.dispatches == []
    assert entries[0].fields["what"] == {"message": str(message.id)}


def test_what_stands_still_is_resumed_before_anything_is_sent(cast: Cast, line: Line) -> None:
    announce(cast)
    line.act("pause_endpoint")
    for name, arguments in (
        ("send_test_event", {}),
        ("redeliver_message", {"message_id": line.dispatches[0].message_id}),
        ("redeliver_failed", {"since": timezone.now()}),
    ):
        with pytest.raises(Conflict) as refused:
            line.act(name, **arguments)
        assert refused.value.code == "not_active"


# --- forgetting -------------------------------------------------------------------------------------------------------


def test_messages_are_forgotten_after_thirty_days_with_all_their_tries(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(operations, "BATCH", 2)
    with time_machine.travel(timezone.now() - pruning.KEPT - timedelta(minutes=1)):
        for _ in range(5):
            announce(cast)
    announce(cast)
    jobs.drain()
    tasks.prune()
    assert (kept(cast), len(line.dispatches), len(line.tries)) == (1, 1, 1)
    pruned = entries.of("outlet.messages.pruned")
    assert [one.fields["what"]["messages"] for one in pruned] == [2, 2, 1]
    assert line.row.missed == 0
    tasks.prune()
    assert kept(cast) == 1


def test_what_was_never_delivered_in_all_that_time_is_missed_visibly(cast: Cast, line: Line, entries: Entries) -> None:
    line.act("pause_endpoint")
    with time_machine.travel(timezone.now() - pruning.KEPT - timedelta(minutes=1)):
        announce(cast)
        announce(cast)
    entries.clear()
    tasks.prune()
    assert (kept(cast), line.row.missed) == (0, 2)
    assert entries.events == ["outlet.messages.missed", "outlet.messages.pruned"]


def test_a_job_for_a_forgotten_message_ends_quietly(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    with time_machine.travel(timezone.now() - pruning.KEPT - timedelta(minutes=1)):
        announce(cast)
    tasks.prune()
    assert jobs.drain() == ["outlet.deliver"]
    assert (receiver.got, jobs.names) == ([], [])
