"""The row is the job: asked once or often, run when due, kept until done, and never lost with a bell or a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts import due_work
from accounts.models import DueWork
from compliance import jobs as queue
from compliance.errors import Gone, Unavailable
from tests.conftest import Jobs

NAME = "test.thing"
ORGANISATION = uuid4()
START = datetime(2030, 3, 1, 12, 0, tzinfo=UTC)
Clock = Any


@pytest.fixture
def clock() -> Iterator[Clock]:
    with time_machine.travel(START, tick=False) as found:
        yield found


@pytest.fixture
def does(db: None, jobs: Jobs, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[[queue.Handler], None]:
    """Say what the job `test.thing` does."""

    def register(handler: queue.Handler) -> None:
        monkeypatch.setitem(queue.REGISTRY, NAME, queue.Job(NAME, handler, (10, 60, 300), timedelta(seconds=60)))

    return register


def ask(object_id: UUID, due_at: datetime | None = None) -> None:
    queue.enqueue_on_commit(NAME, organisation_id=ORGANISATION, object_id=object_id, due_at=due_at)


def row() -> DueWork:
    return DueWork.objects.get(job=NAME)


def fail_with(error: Exception) -> queue.Handler:
    def handler(organisation_id: UUID, object_id: UUID) -> None:
        raise error

    return handler


def test_a_job_is_run_with_its_ids_and_forgotten(does: Any, jobs: Jobs) -> None:
    calls: list[tuple[UUID, UUID]] = []
    does(lambda organisation_id, object_id: calls.append((organisation_id, object_id)))
    thing = uuid4()
    ask(thing)
    assert jobs.drain() == [NAME]
    assert calls == [(ORGANISATION, thing)]
    assert not DueWork.objects.exists()
    assert queue.run(NAME, thing) is False


def test_asking_twice_is_one_job(does: Any, jobs: Jobs) -> None:
    does(lambda *_: None)
    thing = uuid4()
    for _ in range(3):
        ask(thing)
    ask(uuid4())
    assert jobs.drain() == [NAME, NAME]


def test_the_earlier_time_wins(does: Any, jobs: Jobs, clock: Clock) -> None:
    does(lambda *_: None)
    thing = uuid4()
    ask(thing, START + timedelta(hours=2))
    ask(thing, START + timedelta(hours=1))
    ask(thing, START + timedelta(hours=3))
    assert (jobs.drain(), row().due_at) == ([], START + timedelta(hours=1))
    clock.shift(3600)
    assert jobs.drain() == [NAME]


def test_a_job_belongs_to_the_transaction_that_asked(does: Any, jobs: Jobs) -> None:
    does(lambda *_: None)
    with transaction.atomic():
        ask(uuid4())
        transaction.set_rollback(True)
    assert jobs.names == []


def test_the_bell_rings_after_the_commit_and_carries_ids_only(
    does: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: rung.append((name, args)))
    thing = uuid4()
    with django_capture_on_commit_callbacks(execute=True):
        ask(thing)
        ask(uuid4(), START + timedelta(days=1))
        assert rung == []
    assert rung == [(NAME, [str(ORGANISATION), str(thing)])]


@pytest.mark.parametrize("error", [OperationalError("redis://user:secret@host"), ConnectionRefusedError()])
def test_a_lost_bell_loses_nothing(
    does: Any, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, error: Exception
) -> None:
    def lose(*_: Any, **__: Any) -> None:
        raise error

    does(lambda *_: None)
    monkeypatch.setattr(current_app, "send_task", lose)
    with django_capture_on_commit_callbacks(execute=True):
        ask(uuid4())
    assert jobs.names == [NAME]
    assert queue.ring_overdue() == 1


def test_not_yet_climbs_the_ladder_and_stays_on_its_last_step(does: Any, jobs: Jobs, clock: Clock) -> None:
    does(fail_with(queue.TryLater("log_not_published")))
    ask(uuid4())
    for attempt, wait in enumerate((10, 60, 300, 300), start=1):
        assert jobs.drain() == [NAME]
        found = row()
        assert (found.attempts, found.last_code) == (attempt, "log_not_published")
        assert found.due_at - datetime.now(UTC) == timedelta(seconds=wait)
        clock.shift(wait - 1)
        assert jobs.drain() == []
        clock.shift(1)


def test_a_job_may_name_its_own_wait(does: Any, jobs: Jobs) -> None:
    does(fail_with(queue.TryLater("platform_says", seconds=7)))
    ask(uuid4())
    jobs.drain()
    assert row().due_at == START + timedelta(seconds=7)


def test_a_no_of_ours_is_final(does: Any, jobs: Jobs) -> None:
    does(fail_with(Gone("erased meanwhile")))
    ask(uuid4())
    assert jobs.drain() == [NAME]
    assert not DueWork.objects.exists()


def test_a_part_that_does_not_answer_is_asked_again(does: Any, jobs: Jobs) -> None:
    does(fail_with(Unavailable("The store does not answer", code="store_unavailable")))
    ask(uuid4())
    jobs.drain()
    assert (row().last_code, row().due_at) == ("store_unavailable", START + timedelta(seconds=10))


def test_a_fault_is_told_by_its_kind_and_tried_again(does: Any, jobs: Jobs, clock: Clock) -> None:
    does(fail_with(ValueError("Maria Delgado")))
    ask(uuid4())
    jobs.drain()
    assert (row().last_code, row().due_at) == ("failed:ValueError", START + timedelta(seconds=10))
    does(lambda *_: None)
    clock.shift(10)
    jobs.drain()
    assert not DueWork.objects.exists()


def test_a_worker_that_dies_gives_the_work_back_with_its_lease(does: Any, jobs: Jobs, clock: Clock) -> None:
    does(fail_with(KeyboardInterrupt()))  # type: ignore[arg-type]
    ask(uuid4())
    with pytest.raises(KeyboardInterrupt):
        queue.run(NAME, row().object_id)
    does(lambda *_: None)
    assert jobs.drain() == []
    clock.shift(59)
    assert jobs.drain() == []
    clock.shift(2)
    assert jobs.drain() == [NAME]


def test_two_workers_do_not_share_a_job(does: Any) -> None:
    taken: list[bool] = []
    does(lambda _, object_id: taken.append(queue.run(NAME, object_id)))
    thing = uuid4()
    ask(thing)
    assert queue.run(NAME, thing) is True
    assert taken == [False]


def test_what_is_asked_for_while_it_runs_runs_once_more(does: Any, jobs: Jobs) -> None:
    runs: list[UUID] = []

    def once_more(organisation_id: UUID, object_id: UUID) -> None:
        runs.append(object_id)
        if len(runs) == 1:
            ask(object_id)

    does(once_more)
    thing = uuid4()
    ask(thing)
    assert jobs.drain() == [NAME, NAME]
    assert runs == [thing, thing]
    assert not DueWork.objects.exists()


def test_what_waits_on_an_object_can_be_shown(does: Any) -> None:
    thing = uuid4()
    ask(thing, START + timedelta(days=1))
    assert due_work.waiting(ORGANISATION, thing) == [NAME]
    assert due_work.waiting(uuid4(), thing) == []


def test_the_sweep_rings_for_what_is_due_and_free_oldest_first(does: Any, jobs: Jobs) -> None:
    late, later, taken = uuid4(), uuid4(), uuid4()
    for thing, age in ((later, 1), (late, 2), (taken, 3)):
        ask(thing, START - timedelta(minutes=age))
    ask(uuid4(), START + timedelta(seconds=1))
    does(lambda *_: None)
    assert due_work.claim(NAME, taken, lease=timedelta(minutes=1)) is not None
    assert due_work.overdue(10) == [(NAME, ORGANISATION, late), (NAME, ORGANISATION, later)]
    assert due_work.overdue(1) == [(NAME, ORGANISATION, late)]
    assert queue.ring_overdue() == 2
    assert jobs.rung == [NAME, NAME]
