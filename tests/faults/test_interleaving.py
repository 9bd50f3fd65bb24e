"""Two at once: workers on the same work, a hold against an erasure, a webhook against both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections

from accounts import due_work, tenancy
from accounts.actors import Actor
from audit import publish
from compliance import jobs as queue
from compliance import law
from compliance.config import samples
from compliance.dsr import access as requests
from compliance.dsr.operations import deciding, planning
from compliance.dsr.states import Decision, Ground
from compliance.errors import Held
from compliance.intake import access as deliveries
from compliance.recordings import access as register
from compliance.retention import disposal, holds, operations
from compliance.vault import store
from tests.calls import Media, arrive, connect
from tests.cast import Cast
from tests.compliance.dsr import requests as wishes
from tests.database import Databases
from tests.faults.erasure import Erasure, approved_erasure
from tests.faults.proofs import assert_finished_once
from tests.faults.steps import Steps
from tests.faults.worlds import leave, new_world
from tests.log import publish_log
from tests.servers import Servers

WORKERS = 4
ERASURE = disposal.Ground.ERASURE_REQUEST


class Threads:
    """Threads with connections of their own, closed when they end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS + 1)

    def start(self, work: Callable[[], Any]) -> Future[Any]:
        def closing() -> Any:
            try:
                return work()
            finally:
                for connection in connections.all(initialized_only=True):
                    connection.close()

        return self._pool.submit(closing)

    def end(self) -> None:
        self._pool.shutdown(wait=True)


@pytest.fixture
def threads() -> Iterator[Threads]:
    found = Threads()
    yield found
    found.end()


# --- workers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("leases", [True, False], ids=["each job has one worker", "leases run out at once"])
def test_several_workers_on_one_erasure(
    leases: bool,
    servers: Servers,
    django_test_environment: None,
    django_db_blocker: Any,
    jobs: Any,
    media: Media,
    threads: Threads,
    tmp_path: Path,
) -> None:
    """Each looks for work by itself. Where leases run out at once, the same job runs in several of them together."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "world") as world:
        erasure = approved_erasure(jobs, media)
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                for name, _, object_id in due_work.overdue(1000):
                    if not leases:
                        world.databases.let_time_pass()
                    queue.run(name, object_id)
                stop.wait(0.02)

        workers = [threads.start(work) for _ in range(WORKERS)]
        try:
            _watch(erasure, world.databases, workers, leases=leases)
        finally:
            stop.set()
        for worker in workers:
            worker.result(timeout=30)
        erasure.finish(world, Steps(tmp_path / "report"))
        assert_finished_once(erasure, world)
        leave()


def _watch(erasure: Erasure, databases: Databases, workers: list[Future[Any]], *, leases: bool) -> None:
    """The sequencer, the officer and the clock, until the request is answered."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not erasure.is_answered():
        assert not any(worker.done() for worker in workers), [worker.exception() for worker in workers if worker.done()]
        publish_log()
        if erasure.has_certificate():
            erasure.attest()
        databases.let_time_pass(leases=not leases)
        time.sleep(0.05)
    assert erasure.is_answered()


# --- a hold against an erasure --------------------------------------------------------------------


@pytest.fixture
def call_id(committed_cast: Cast, jobs: Any, media: Media) -> UUID:
    return arrive(connect(committed_cast), jobs, media, "01")["01"]


def _hold(cast: Cast, call_id: UUID) -> Any:
    return operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="a claim", call_ids=[call_id])


def _dispose(cast: Cast, call_id: UUID) -> list[UUID]:
    actor = Actor.scheduler(cast.organisation_id)
    return disposal.begin_call_disposal(actor=actor, call_id=call_id, ground=ERASURE)


@contextmanager
def _stopped_before_commit(threads: Threads, work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """The work has done everything but its commit, until the block ends."""
    is_there, may_go_on = threading.Event(), threading.Event()

    def pausing() -> Any:
        connection: Any = connections["default"]
        commit = connection._commit

        def paused() -> None:
            is_there.set()
            assert may_go_on.wait(30)
            commit()

        connection._commit = paused
        try:
            return work()
        finally:
            del connection._commit

    future = threads.start(pausing)
    assert is_there.wait(30)
    yield future
    may_go_on.set()
    future.result(timeout=30)


def _until_it_waits(databases: Databases, servers: Servers) -> None:
    """Somebody is waiting for a lock in the main database."""
    with psycopg.connect(servers.server.url(databases.main), autocommit=True) as superuser:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            row = superuser.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            if row and row[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_a_hold_first_stops_the_erasure(
    committed_db: Databases, committed_cast: Cast, servers: Servers, call_id: UUID, threads: Threads
) -> None:
    """The erasure comes while the hold is being placed: it waits for the hold's commit, and then sees it."""
    with _stopped_before_commit(threads, lambda: _hold(committed_cast, call_id)):
        erasure = threads.start(lambda: _dispose(committed_cast, call_id))
        _until_it_waits(committed_db, servers)
    with pytest.raises(Held):
        erasure.result(timeout=30)
    with tenancy.scope(committed_cast.organisation_id):
        call = register.call_of(committed_cast.organisation_id, call_id)
        recording = register.recording_of(committed_cast.organisation_id, call_id)
        assert call.state == "active"
        assert recording is not None
        assert recording.object is not None
        assert store.open_bytes(recording.object)
        assert not disposal.disposals_for(committed_cast.organisation_id, call_ids=[call_id])


def test_an_erasure_first_tells_the_hold_that_it_comes_too_late(
    committed_db: Databases, committed_cast: Cast, servers: Servers, call_id: UUID, threads: Threads
) -> None:
    with _stopped_before_commit(threads, lambda: _dispose(committed_cast, call_id)):
        late = threads.start(lambda: _hold(committed_cast, call_id))
        _until_it_waits(committed_db, servers)
    hold = late.result(timeout=30)
    with tenancy.scope(committed_cast.organisation_id):
        assert operations.calls_under(hold) == []
        assert holds.holds_on(committed_cast.organisation_id, call_id) == []
        assert register.call_of(committed_cast.organisation_id, call_id).state == "erasing"
    publish_log()
    with tenancy.scope(committed_cast.organisation_id):
        (view,) = publish.list_entries(committed_cast.organisation_id, act="retention.hold.placed")
        assert dict(view.leaf.what) == {"held": 0, "too_late": 1, "gone": 0}


# --- a webhook against an erasure -----------------------------------------------------------------


@pytest.mark.parametrize("when", ["while it is being erased", "afterwards"])
def test_a_late_webhook_brings_nothing_back(
    when: str, committed_db: Databases, committed_cast: Cast, jobs: Any, media: Media
) -> None:
    platform = connect(committed_cast)
    call_id = arrive(platform, jobs, media, "01")["01"]
    _dispose(committed_cast, call_id)
    if when == "afterwards":
        jobs.drain()
    before, asked = _register(committed_cast, call_id), list(media.asked)
    answer = platform.deliver(_late(media))
    assert answer.status_code == 202
    assert queue.run("intake.process_delivery", UUID(answer.json()["delivery"]))
    assert _register(committed_cast, call_id) == before
    publish_log()
    with tenancy.scope(committed_cast.organisation_id):
        refused = publish.list_entries(committed_cast.organisation_id, act="recordings.call.refused")
        assert [view.leaf.object_id for view in refused] == [call_id]
        (delivery,) = publish.list_entries(committed_cast.organisation_id, act="intake.delivery.refused")
        assert (str(delivery.leaf.object_id), delivery.leaf.out) == (answer.json()["delivery"], "refused")
    jobs.drain()
    assert [name for name in media.asked[len(asked) :] if name == "late.mp3"] == []
    with tenancy.scope(committed_cast.organisation_id):
        rows = deliveries.deliveries(committed_cast.organisation_id)
        assert rows.get(id=answer.json()["delivery"]).object_id is None


def _late(media: Media) -> dict[str, Any]:
    """More words, another summary, one more recording."""
    sample = next(samples.samples(media.url))
    media.files["late.mp3"] = sample.audio.read_bytes()
    call = dict(sample.body["callData"])
    call["transcription"] = [
        *call["transcription"],
        {"role": "user", "content": "And one more thing.", "timestamp": 50},
    ]
    return sample.body | {"callData": call | {"summary": "told late", "recordingUrl": f"{media.url}/late.mp3"}}


def _register(cast: Cast, call_id: UUID) -> tuple[Any, ...]:
    with tenancy.scope(cast.organisation_id):
        calls = sorted(register.calls(cast.organisation_id).values_list("id", "state", "external_id"))
        artifacts = sorted(register.artifacts(cast.organisation_id).values_list("id", "kind", "state", "sha256"))
        return calls, artifacts, [party.subject_id for party in register.parties_of(cast.organisation_id, call_id)]


# --- a schedule against an approved request -------------------------------------------------------


def test_what_went_by_its_schedule_meanwhile_does_not_stop_the_answer(cast: Cast, jobs: Any, media: Media) -> None:
    """Between approval and fulfilment one of two recordings ends by its schedule: the person still gets the rest."""
    calls = arrive(connect(cast), jobs, media, "01", "05")
    request = wishes.receive(cast, law.Right.ACCESS)
    wishes.approve(cast, jobs, request)
    with tenancy.scope(cast.organisation_id):
        recording = register.recording_of(cast.organisation_id, calls["01"])
        assert recording is not None
    actor = Actor.scheduler(cast.organisation_id)
    ground = disposal.Ground.RETENTION_EXPIRED
    (disposal_id,) = disposal.begin_artifact_disposal(actor=actor, artifact_ids=[recording.id], ground=ground).disposals
    disposal.carry_out(actor=actor, disposal_id=disposal_id)
    jobs.drain()
    done = wishes.read(cast, request.id)
    assert done.state == "fulfilled"
    with tenancy.scope(cast.organisation_id):
        assert len(requests.packages_of(done)) == 1
        results = {item.artifact_id: item.result for item in requests.plan_of(done)}
    assert results.pop(recording.id) == "gone"
    assert set(results.values()) == {"delivered"}


def test_a_hold_after_the_approval_keeps_parts_of_a_call_too(cast: Cast, jobs: Any, media: Media) -> None:
    """One artifact is kept on a ground of its own, so the others go one by one; the hold is found there as well."""
    arrive(connect(cast), jobs, media, "01")
    request = wishes.receive(cast, law.Right.ERASURE)
    wishes.verify(cast, request)
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        kept = next(item for item in requests.plan_of(request) if item.artifact.kind == "delivery")
    planning.set_decision(actor=cast.officer.actor, item_id=kept.id, decision=Decision.KEEP, ground=Ground.LEGAL_CLAIMS)
    deciding.propose_plan(actor=cast.officer.actor, request_id=request.id)
    digest = wishes.read(cast, request.id).plan_digest
    deciding.approve_request(actor=cast.colleague.actor, request_id=request.id, plan_digest=digest)
    hold = _hold(cast, kept.call_id)
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        decided = {item.artifact.kind: (item.decision, item.ground, item.result) for item in requests.plan_of(request)}
        assert register.recording_of(cast.organisation_id, kept.call_id) is not None
    assert decided == {
        "recording": ("keep", "legal_hold", "kept"),
        "transcript": ("keep", "legal_hold", "kept"),
        "delivery": ("keep", "gdpr_17_3_e", ""),
    }
    operations.propose_release(actor=cast.officer.actor, hold_id=hold.id)
    operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id)
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        states = {one.kind: one.state for one in register.artifacts_of(cast.organisation_id, kept.call_id)}
    assert states == {"recording": "deleting", "transcript": "deleting", "delivery": "stored"}
