"""A platform's history: every page once, whatever the platform does in between."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts import tenancy
from accounts.errors import NotAllowed
from accounts.models import DueWork
from compliance.connectors import operations as connectors
from compliance.errors import Conflict, Invalid, NotFound
from compliance.intake import access
from compliance.intake.models import ImportRun
from compliance.intake.operations import listed, pulling, runs
from compliance.recordings import access as register
from compliance.recordings.models import Call
from tests.compliance.connectors.platforms import BEGUN, FarEnd, Fault
from tests.compliance.intake.phones import Phone, far, open_phone, phone

__all__ = ["far", "phone"]
SINCE, UNTIL = BEGUN - timedelta(days=1), BEGUN + timedelta(days=1)


def start(phone: Phone, **options: Any) -> ImportRun:
    when: dict[str, Any] = {"since": SINCE, "until": UNTIL} | options
    return pulling.start_history_import(actor=phone.cast.officer.actor, connection_id=phone.connection_id, **when)


def test_every_call_of_the_time_is_registered_once(phone: Phone, jobs: Any, entries: Any) -> None:
    ids = phone.far.add_calls(8)
    phone.far.add_calls(2, since=UNTIL)
    run = start(phone)
    assert jobs.names == ["intake.run_import"]
    jobs.drain()
    assert sorted(phone.calls()) == ids
    done = phone.run(run.id)
    assert (done.state, done.cursor, done.total) == ("finished", "6", None)
    assert phone.counts(run.id) == {"seen": 8, "registered": 8, "missed": 8}
    assert done.finished_at is not None
    told = {entry.event: entry for entry in entries if entry.obj == ("import", run.id)}
    assert list(told) == ["intake.import.started", "intake.import.finished"]
    assert told["intake.import.started"].what["since"] == SINCE.date().isoformat()
    assert told["intake.import.finished"].what["registered"] == 8
    assert phone.connection.last_poll_code == ""


def test_the_same_history_again_changes_nothing(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(4)
    start(phone)
    jobs.drain()
    before = {id_: call.registered_at for id_, call in phone.calls().items()}
    again = start(phone)
    jobs.drain()
    assert phone.counts(again.id) == {"seen": 4, "known": 4}
    assert {id_: call.registered_at for id_, call in phone.calls().items()} == before


def test_what_a_list_leaves_out_is_asked_for_by_id(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(2, thin=True)
    phone.far.add_calls(1, thin=True, status="no_answer", words=[])
    start(phone)
    jobs.drain()
    asked = [line for line in phone.far.asked if "/calls/" in line]
    assert asked == ["GET /v1/calls/tp_00000", "GET /v1/calls/tp_00001"]  # nothing was said in the third
    with tenancy.scope(phone.organisation_id):
        for id_ in ("tp_00000", "tp_00001"):
            call = phone.calls()[id_]
            kinds = [one.kind for one in register.artifacts_of(phone.organisation_id, call.id)]
            assert kinds == ["transcript"]
    again = start(phone)
    jobs.drain()
    assert len([line for line in phone.far.asked if "/calls/" in line]) == 2
    assert phone.counts(again.id) == {"seen": 3, "known": 3}


def test_an_erased_call_does_not_come_back(phone: Phone, jobs: Any) -> None:
    ids = phone.far.add_calls(3)
    start(phone)
    jobs.drain()
    with tenancy.scope(phone.organisation_id):
        rows = Call.objects.for_organisation(phone.organisation_id).filter(external_id=ids[1])
        rows.update(state=Call.State.ERASED, external_id="", sealed_facts=None)
    run = start(phone)
    jobs.drain()
    assert phone.counts(run.id) == {"seen": 3, "known": 2, "refused": 1}
    assert ids[1] not in phone.calls()


def test_a_call_that_cannot_be_read_is_counted_and_the_rest_goes_on(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(4)
    phone.far.calls[1]["started_at"] = f"{BEGUN.date().isoformat()} sometime"
    phone.far.calls[2]["id"] = "x" * 300
    run = start(phone)
    jobs.drain()
    assert phone.counts(run.id) == {"seen": 4, "registered": 2, "failed": 2, "missed": 2}
    assert phone.run(run.id).state == "finished"


@pytest.mark.parametrize(
    "fault", [Fault(500), Fault(), Fault(429, {"Retry-After": "3600"}), Fault(503)], ids=["500", "drop", "429", "503"]
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_fault_at_any_page_loses_and_doubles_nothing(phone: Phone, jobs: Any, fault: Fault, at: int) -> None:
    ids = phone.far.add_calls(8)
    phone.far.fail_at(at + 1, fault)
    run = start(phone)
    jobs.drain()
    waiting = phone.run(run.id)
    assert (waiting.state, waiting.seen) == ("running", 3 * at)
    assert (
        waiting.last_code == phone.connection.last_poll_code == DueWork.objects.get(job="intake.run_import").last_code
    )
    assert waiting.last_code in {"platform_unavailable", "rate_limited", "protocol_error"}
    jobs.settle(times=1)
    assert sorted(phone.calls()) == ids
    assert phone.counts(run.id) == {"seen": 8, "registered": 8, "missed": 8}
    assert phone.connection.last_poll_code == ""


def test_a_platforms_wish_to_wait_is_granted(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(1)
    phone.far.faults.append(Fault(429, {"Retry-After": "1800"}))
    start(phone)
    jobs.drain()
    due = DueWork.objects.get(job="intake.run_import").due_at - datetime.now(UTC)
    assert timedelta(minutes=29) < due <= timedelta(minutes=30)


def test_a_short_wish_is_granted_on_the_spot(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(1)
    phone.far.faults.extend([Fault(429, {"Retry-After": "0"})] * 3)
    run = start(phone)
    jobs.drain()
    assert phone.run(run.id).state == "finished"
    assert len(phone.far.asked) == 4


def test_a_key_that_stopped_working_ends_the_run_and_is_told_once(phone: Phone, jobs: Any, entries: Any) -> None:
    phone.far.add_calls(8)
    phone.far.faults.extend([Fault(401)])
    run = start(phone)
    jobs.drain()
    assert (phone.run(run.id).state, phone.run(run.id).last_code) == ("failed", "denied")
    assert phone.connection.last_poll_code == "denied"
    phone.far.faults.extend([Fault(401)])
    runs.resume_import(actor=phone.cast.officer.actor, run_id=run.id)
    jobs.drain()
    assert [entry.what for entry in entries.of("connectors.question.failed")] == [{"code": "denied", "before": None}]
    runs.resume_import(actor=phone.cast.officer.actor, run_id=run.id)
    jobs.drain()
    assert phone.counts(run.id) == {"seen": 8, "registered": 8, "missed": 8}
    assert entries.of("connectors.question.answered")[0].what == {"code": None, "before": "denied"}


def test_a_list_that_leads_back_to_itself_ends(phone: Phone, jobs: Any) -> None:
    ids = phone.far.add_calls(1)
    page = {"calls": phone.far.calls, "next": "again"}
    phone.far.documents["/v1/calls"] = page
    run = start(phone)
    jobs.drain()
    assert (phone.run(run.id).state, phone.run(run.id).last_code) == ("failed", "cursor_repeats")
    assert sorted(phone.calls()) == ids


def test_a_stopped_run_counts_its_page_and_goes_on_from_there(
    phone: Phone, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = phone.far.add_calls(8)
    run = start(phone)
    actor, asked = phone.cast.officer.actor, pulling._page_at

    def stop_at_second(*args: Any) -> Any:
        page = asked(*args)
        if phone.run(run.id).seen == 3:
            runs.stop_import(actor=actor, run_id=run.id)
        return page

    with monkeypatch.context() as stopping:
        stopping.setattr(pulling, "_page_at", stop_at_second)
        jobs.drain()
    assert (phone.run(run.id).state, phone.counts(run.id)["seen"]) == ("stopped", 6)
    assert jobs.names == []
    runs.resume_import(actor=actor, run_id=run.id)
    jobs.drain()
    assert sorted(phone.calls()) == ids
    assert phone.counts(run.id) == {"seen": 8, "registered": 8, "missed": 8}


def test_two_workers_at_one_page_count_it_once(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(7)
    run = start(phone)
    actor = dataclasses.replace(phone.cast.officer.actor)
    place = pulling._place_of(actor, run.id)
    assert place is not None
    page = pulling._page_at(actor, place)
    tallies = [listed.take_in(actor, place, page) for _ in range(2)]
    assert [pulling._advance(actor, place, page, tally) for tally in tallies] == [True, True]
    assert phone.counts(run.id) == {"seen": 3, "registered": 3, "missed": 3}
    jobs.drain()
    assert phone.counts(run.id) == {"seen": 7, "registered": 7, "missed": 7}


def test_a_long_run_is_given_back_before_its_lease_ends(phone: Phone, jobs: Any) -> None:
    phone.far.add_calls(8)
    run = start(phone)
    turn = pulling.carry_on(actor=phone.cast.officer.actor, run_id=run.id, seconds=0)
    assert (turn.has_more, phone.run(run.id).seen) == (True, 3)
    assert DueWork.objects.get(job="intake.run_import").generation == 2  # asked for again
    jobs.drain()
    assert phone.run(run.id).seen == 8


# --- who and what -----------------------------------------------------------------------------------------------------


def test_a_history_needs_a_time_an_api_and_a_key(phone: Phone, far: FarEnd) -> None:
    with pytest.raises(Invalid):
        start(phone, until=SINCE)
    keyless = open_phone(phone.cast, far, with_key=False)
    with pytest.raises(Invalid):
        start(keyless)
    silent = connectors.create_connection(
        actor=phone.cast.owner.actor, new=connectors.NewConnection("dialgen", "DialGen")
    )
    with pytest.raises(Invalid):
        start(Phone(phone.cast, far, silent.connection.id))
    assert far.asked == []


def test_one_history_of_a_connection_at_a_time(phone: Phone) -> None:
    start(phone)
    with pytest.raises(Conflict):
        start(phone)


@pytest.mark.parametrize(("who", "may"), [("officer", True), ("auditor", False), ("engineer", False)])
def test_who_starts_stops_and_resumes(phone: Phone, who: str, may: bool) -> None:
    actor, run = getattr(phone.cast, who).actor, start(phone)
    steps: list[Callable[[], object]] = [
        lambda: runs.stop_import(actor=actor, run_id=run.id),
        lambda: runs.resume_import(actor=actor, run_id=run.id),
    ]
    for step in steps:
        if may:
            step()
        else:
            with pytest.raises(NotAllowed):
                step()
    if not may:
        runs.stop_import(actor=phone.cast.officer.actor, run_id=run.id)
        with pytest.raises(NotAllowed):
            pulling.start_history_import(actor=actor, connection_id=phone.connection_id, since=SINCE, until=UNTIL)


def test_somebody_elses_run_does_not_exist(phone: Phone) -> None:
    run, outsider = start(phone), phone.cast.outsider.actor
    with pytest.raises(NotFound):
        runs.stop_import(actor=outsider, run_id=run.id)
    with pytest.raises(NotFound):
        pulling.start_history_import(actor=outsider, connection_id=phone.connection_id, since=SINCE, until=UNTIL)
    with tenancy.scope(outsider.organisation_id):
        assert not access.imports(outsider.organisation_id).exists()


def test_what_is_done_is_neither_stopped_nor_resumed(phone: Phone, jobs: Any) -> None:
    run, actor = start(phone), phone.cast.officer.actor
    jobs.drain()
    for step in (runs.stop_import, runs.resume_import):
        with pytest.raises(Conflict):
            step(actor=actor, run_id=run.id)
