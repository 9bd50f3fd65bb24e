"""Batches against the calls that came: told before, between and after their calls, with and without a gap."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Invalid, NotFound
from compliance.intake import access, operations, tasks
from compliance.intake.models import BatchReport
from compliance.intake.states import BatchState, batch_state, expected_calls
from compliance.recordings.operations import erasing
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, work

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
CHECKS = (tasks.check_batch,)


@pytest.mark.parametrize(
    ("outcome", "total", "processed", "expected"),
    [
        ("completed", 3, 3, 3), ("completed", 3, None, 3), ("completed", None, 2, 2), ("completed", None, None, None),
        ("failed", 10, 4, 4), ("failed", 10, None, 10), ("failed", None, None, None),
    ],
)  # fmt: skip
def test_how_many_calls_a_batch_has(
    outcome: str, total: int | None, processed: int | None, expected: int | None
) -> None:
    assert expected_calls(outcome, total, processed) == expected


@pytest.mark.parametrize(
    ("expected", "received", "hours", "state"),
    [
        (3, 3, 0, "complete"), (3, 4, 0, "complete"), (0, 0, 0, "complete"), (3, 2, 23, "waiting"), (3, 2, 24, "gap"),
        (None, 7, 23, "waiting"), (None, 7, 24, "gap"),
    ],
)  # fmt: skip
def test_what_the_numbers_come_to(expected: int | None, received: int, hours: int, state: str) -> None:
    assert batch_state(expected, received, NOW - timedelta(hours=hours), NOW) == BatchState(state)


def report(line: Line, total: int | None = 2, *, event: str = "batch.completed", **statistics: int) -> BatchReport:
    """The platform's word on the end of `batch_march_a`, and what became of it."""
    told = statistics | ({} if total is None else {"total": total})
    body = {"event": event, "batchId": "batch_march_a", "statistics": told}
    assert line.post(json.dumps(body).encode()).status_code == 202
    work("intake.process_delivery")
    return batch(line)


def batch(line: Line) -> BatchReport:
    with tenancy.scope(line.organisation_id):
        return access.batches(line.organisation_id).get()


def check(line: Line) -> BatchReport:
    return operations.check_batch(actor=Actor.scheduler(line.organisation_id), report_id=batch(line).id)


def test_calls_before_their_report_are_counted_at_once(line: Line, entries: Entries) -> None:
    line.deliver(id="a")
    line.deliver(id="b")
    line.deliver(id="c", batchId="another")
    told = report(line)
    assert (told.state, told.received, told.expected) == ("complete", 2, 2)
    (entry,) = entries.of("intake.batch.reported")
    assert entry.obj == ("batch", told.id)
    assert entry.what == {
        "connection": str(line.connection.id), "outcome": "completed", "expected": 2, "received": 2,
    }  # fmt: skip
    assert due_work.waiting(line.organisation_id, told.id) == []


def test_calls_after_their_report_complete_it(line: Line, entries: Entries) -> None:
    told = report(line)
    assert (told.state, told.received) == ("waiting", 0)
    line.deliver(id="a")
    work("intake.check_batch")
    assert (batch(line).state, batch(line).received) == ("waiting", 1)
    line.deliver(id="b")
    work("intake.check_batch")
    assert (batch(line).state, batch(line).received) == ("complete", 2)
    assert len(entries.of("intake.batch.completed")) == 1


def test_a_gap_is_an_alarm_once_and_is_looked_at_daily(
    line: Line, entries: Entries, log_lines: io.StringIO, jobs: Any
) -> None:
    line.deliver(id="a")
    told = report(line)
    with time_machine.travel(told.reported_at + timedelta(hours=2)):
        work("intake.check_batch")
        assert batch(line).state == "waiting"
    with time_machine.travel(told.reported_at + timedelta(hours=25)):
        work("intake.check_batch")
        assert batch(line).state == "gap"
        assert operations.check_batches(actor=Actor.scheduler(line.organisation_id)) == 1
        work("intake.check_batch")
    assert len(entries.of("intake.gap.found")) == 1
    assert log_lines.getvalue().count("calls of a batch are missing") == 1
    assert "batch_march_a" not in log_lines.getvalue()
    line.deliver(id="b")
    work("intake.check_batch")
    assert batch(line).state == "complete"


def test_the_greatest_numbers_hold_in_any_order(line: Line) -> None:
    report(line, 1)
    told = report(line, 5, processed=4, event="batch.failed")
    assert (told.total, told.processed, told.outcome, told.expected) == (5, 4, "failed", 4)
    told = report(line, 2)
    assert (told.total, told.processed, told.outcome) == (5, 4, "failed")


def test_a_batch_that_is_complete_opens_again_for_a_greater_total(line: Line) -> None:
    line.deliver(id="a")
    assert report(line, 1).state == "complete"
    assert report(line, 2).state == "waiting"


def test_a_call_that_was_erased_stays_counted(line: Line) -> None:
    line.deliver(id="a")
    report(line)
    with tenancy.scope(line.organisation_id):
        call = erasing.lock_call(line.organisation_id, line.call("a").id)
        erasing.mark_call_erasing(call)
        erasing.mark_call_erased(call)
    assert check(line).received == 1


def test_without_a_total_a_person_looks(line: Line) -> None:
    told = report(line, None)
    assert (told.expected, told.state) == (None, "waiting")
    with time_machine.travel(told.reported_at + timedelta(hours=25)):
        assert check(line).state == "gap"


@pytest.fixture
def gap(line: Line) -> BatchReport:
    told = report(line)
    with time_machine.travel(told.reported_at + timedelta(hours=25)):
        return check(line)


def test_an_officer_accepts_a_gap_with_a_reason(line: Line, gap: BatchReport, cast: Cast, entries: Entries) -> None:
    officer = cast.officer.actor
    with pytest.raises(Invalid):
        operations.accept_batch_gap(actor=officer, report_id=gap.id, reason="because")
    done = operations.accept_batch_gap(actor=officer, report_id=gap.id, reason="not_dialled")
    assert (done.state, done.accepted_reason, done.accepted_by) == ("accepted", "not_dialled", officer.reference)
    (entry,) = entries.of("intake.gap.accepted")
    assert (entry.cls, entry.why) == ("decision", {"reason": "not_dialled"})
    with pytest.raises(Conflict):
        operations.accept_batch_gap(actor=officer, report_id=gap.id, reason="not_dialled")
    assert check(line).state == "accepted"


def test_others_accept_nothing(gap: BatchReport, cast: Cast) -> None:
    for member in (cast.colleague, cast.auditor, cast.engineer):
        with pytest.raises(NotAllowed):
            operations.accept_batch_gap(actor=member.actor, report_id=gap.id, reason="not_dialled")
    with pytest.raises(NotFound):
        operations.accept_batch_gap(actor=cast.outsider.actor, report_id=gap.id, reason="not_dialled")


def test_batches_over_the_api(
    line: Line, gap: BatchReport, cast: Cast, api: APIClient, outsider_api: APIClient, signed_in: Any
) -> None:
    (shown,) = api.get("/api/v1/batches?state=gap").json()["results"]
    assert (shown["batch_id"], shown["expected"], shown["received"]) == ("batch_march_a", 2, 0)
    assert api.get(f"/api/v1/batches?connection={line.connection.id}&state=complete").json()["results"] == []
    assert api.get(f"/api/v1/batches/{gap.id}").json() == shown
    assert outsider_api.get("/api/v1/batches").json()["results"] == []
    assert outsider_api.get(f"/api/v1/batches/{gap.id}").status_code == 404
    path, reason = f"/api/v1/batches/{gap.id}/accept-gap", {"reason": "not_told"}
    assert api.post(path, reason, format="json").status_code == 403  # a key accepts nothing
    assert signed_in(cast.colleague).post(path, reason, format="json").status_code == 403
    officer = signed_in(cast.officer)
    assert officer.post(path, {"reason": "because"}, format="json").status_code == 400
    assert officer.post(path, reason, format="json").json()["state"] == "accepted"


def test_batches_in_the_console(gap: BatchReport, cast: Cast, console: Any) -> None:
    officer = console(cast.officer)
    assert "batch_march_a" in officer.get("/admin/intake/batchreport/").content.decode()
    page = officer.get(f"/admin/intake/batchreport/{gap.id}/change/")
    assert page.status_code == 200
    assert "0 of 2" in page.content.decode()
