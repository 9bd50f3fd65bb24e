"""What becomes of a message at its receiver, and of the receiver."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from accounts import due_work, tenancy
from accounts.models import DueWork
from compliance.outlet import access, ladder, operations, posting
from compliance.outlet.posting import Outcome
from tests.cast import Cast
from tests.compliance.outlet.conftest import Line, announce, make_due
from tests.compliance.outlet.receiver import Receiver
from tests.entries import Entries


def settle(jobs: Any, times: int) -> None:
    """So many rounds, each after every wait is over. An endpoint that rests is woken too."""
    for _ in range(times):
        make_due()
        jobs.drain()


def wake(line: Line) -> None:
    with tenancy.scope(line.cast.organisation_id):
        access.endpoints(line.cast.organisation_id).update(rests_until=None)


def next_waits() -> list[float]:
    now = timezone.now()
    return [(row.due_at - now).total_seconds() for row in DueWork.objects.filter(job="outlet.deliver")]


def test_a_message_arrives_and_the_standards_package_reads_it(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    request_id = announce(cast, "in_progress", previous="open")
    assert jobs.drain() == ["outlet.deliver"]
    (got,) = receiver.got
    event: Any = Webhook(line.secret).verify(got.body, got.headers)
    assert event["type"] == "request.state.changed"
    assert event["data"] == {
        "request_id": str(request_id), "previous": "open", "state": "in_progress", "reason": None,
    }  # fmt: skip
    (dispatch,), (attempt,) = line.dispatches, line.tries
    assert (dispatch.state, dispatch.tries, dispatch.last_code) == ("delivered", 0, "accepted")
    assert (attempt.number, attempt.status_code, attempt.code) == (1, 204, "accepted")
    assert attempt.duration_ms < 20_000
    assert entries == []  # tries are rows
    assert DueWork.objects.filter(job="outlet.deliver").count() == 0


def test_both_secrets_sign_during_a_rotation(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    fresh = line.act("rotate_secret").secret
    announce(cast)
    jobs.drain()
    (got,) = receiver.got
    for secret in (line.secret, fresh):
        assert Webhook(secret).verify(got.body, got.headers)


def test_a_failed_message_is_tried_again_with_the_same_id_and_bytes_and_a_fresh_signature(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any
) -> None:
    receiver.fail(500, 404, 0)
    announce(cast)
    jobs.drain()
    (wait,) = next_waits()
    assert 3 < wait < 6
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        jobs.drain()
        (wait,) = next_waits()
        assert 260 < wait < 340
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        settle(jobs, 2)
        assert Webhook(line.secret).verify(receiver.got[-1].body, receiver.got[-1].headers)
    assert {(one.id, one.body) for one in receiver.got} == {(receiver.got[0].id, receiver.got[0].body)}
    assert len({one.headers["webhook-timestamp"] for one in receiver.got}) >= 3
    assert [(one.number, one.status_code, one.code) for one in line.tries] == [
        (1, 500, "failed"), (2, 404, "refused"), (3, None, "protocol_error"), (4, 204, "accepted"),
    ]  # fmt: skip
    assert [one.state for one in line.dispatches] == ["delivered"]
    assert (line.row.failures, line.row.failing_since) == (0, None)


def test_after_the_last_try_it_is_given_up_visibly(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(*[500] * ladder.TRIES)
    announce(cast)
    settle(jobs, ladder.TRIES + 3)
    assert len(receiver.got) == ladder.TRIES
    (dispatch,) = line.dispatches
    assert (dispatch.state, dispatch.last_code, dispatch.tries) == ("failed", "failed", ladder.TRIES)
    assert line.row.state == "active"
    assert due_work.waiting(cast.organisation_id, dispatch.id) == []


def test_a_redirect_is_a_failure_and_not_followed(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(302, Location=receiver.url)
    announce(cast)
    jobs.drain()
    assert [(one.code, one.status_code) for one in line.tries] == [("redirected", 302)]
    assert len(receiver.got) == 1


def test_a_receiver_that_asks_for_patience_gets_it_for_all_messages(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any
) -> None:
    receiver.fail(429, Retry_After="900")
    announce(cast)
    jobs.drain()
    assert 890 < next_waits()[0] <= 900
    announce(cast)
    jobs.drain()
    assert len(receiver.got) == 1  # the second one does not knock
    assert [one.tries for one in line.dispatches] == [1, 0]
    assert all(890 < wait < 1201 for wait in next_waits())
    wake(line)
    settle(jobs, 1)
    assert [one.state for one in line.dispatches] == ["delivered", "delivered"]
    assert line.row.rests_until is None


def test_an_endpoint_that_is_gone_is_disabled_at_once(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.fail(410)
    announce(cast)
    jobs.drain()
    assert (line.row.state, line.row.reason) == ("disabled", "gone")
    (entry,) = entries
    assert (entry.event, entry.fields["what"]) == ("outlet.endpoint.disabled", {"reason": "gone", "failures": 1})
    announce(cast)
    settle(jobs, 2)
    assert len(receiver.got) == 1
    assert [one.state for one in line.dispatches] == ["failed", "waiting"]
    line.act("resume_endpoint")
    jobs.drain()
    assert [one.state for one in line.dispatches] == ["failed", "delivered"]
    assert entries.of("outlet.endpoint.resumed")[0].fields["what"] == {"from": "disabled", "reason": "gone"}
    printed = capsys.readouterr()
    assert receiver.host not in printed.out + printed.err


def test_an_endpoint_that_fails_for_days_is_disabled_with_an_entry(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    receiver.fail(*[500] * (ladder.TRIES + 1))
    announce(cast)
    settle(jobs, ladder.TRIES)
    assert line.row.state == "active"  # often enough, not long enough
    with time_machine.travel(timezone.now() + ladder.DISABLE_AFTER + timedelta(minutes=1)):
        announce(cast)
        jobs.drain()
        assert (line.row.state, line.row.reason) == ("disabled", "failing")
    assert entries.events == ["outlet.endpoint.disabled"]
    assert [one.state for one in line.dispatches] == ["failed", "waiting"]


def test_one_success_between_keeps_it_active(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(*[500] * 9)
    announce(cast)
    settle(jobs, ladder.TRIES)
    assert line.row.failures == 0
    with time_machine.travel(timezone.now() + ladder.DISABLE_AFTER + timedelta(minutes=1)):
        receiver.fail(500)
        announce(cast)
        jobs.drain()
        assert (line.row.state, line.row.failures) == ("active", 1)


def test_a_name_that_leads_inside_is_a_failed_try_and_no_connection(
    cast: Cast, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = operations.NewEndpoint("https://hooks.integrator.example/", ["*"])
    line = Line(cast, operations.create_endpoint(actor=cast.officer.actor, new=new))
    monkeypatch.setattr(posting.Poster.__init__, "__kwdefaults__", {
        "test_hosts": frozenset(), "resolver": lambda host, port: ["169.254.169.254"], "ssl_context": None,
        "limits": None,
    })  # fmt: skip
    announce(cast)
    jobs.drain()
    assert [(one.code, one.status_code) for one in line.tries] == [("blocked_address", None)]
    assert line.dispatches[0].state == "waiting"


def test_while_the_receiver_thinks_no_transaction_is_open(
    committed_cast: Cast, receiver: Receiver, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = operations.NewEndpoint(receiver.url, ["*"])
    line = Line(committed_cast, operations.create_endpoint(actor=committed_cast.owner.actor, new=new))
    seen: list[bool] = []

    def post(*_: Any) -> Outcome:
        from django.db import connection

        seen.append(connection.in_atomic_block)
        line.act("pause_endpoint")  # a person is not kept waiting either
        return Outcome("accepted", 1, 200)

    monkeypatch.setattr(posting.Poster, "post", post)
    announce(committed_cast)
    jobs.drain()
    assert seen == [False]
    assert line.dispatches[0].state == "delivered"


def test_what_was_removed_meanwhile_stays_given_up(
    cast: Cast, line: Line, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def post(*_: Any) -> Outcome:
        line.act("remove_endpoint")
        return Outcome("failed", 1, 500)

    monkeypatch.setattr(posting.Poster, "post", post)
    announce(cast)
    jobs.drain()
    assert [(one.state, one.last_code) for one in line.dispatches] == [("failed", "endpoint_removed")]
    assert len(line.tries) == 1
