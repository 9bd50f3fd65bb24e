"""The process that sequences: killed at any statement, restarted, outlived by another, cut off from its database."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections

from accounts import tenancy
from audit import arrays, publish, signing, tasks
from audit.ids import uuid7
from audit.models import Checkpoint, Leaf
from audit.sequencer import Sequencer
from audit.tlog import checkpoint, merkle
from tests.audit.conftest import sequence_all
from tests.audit.sealer import MemorySealer
from tests.database import Databases

pytestmark = pytest.mark.pg15

Write = Callable[..., UUID]
SOAK = 50 if os.environ.get("SOAK") else 1


def die_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed at its nth statement; False where it came to its end before that."""
    for connection in connections.all():
        connection.close()
    child = os.fork()
    if child == 0:
        counted = iter(range(1, 1_000_000))

        def before(run: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **options: Any) -> Any:
                if next(counted) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return run(*args, **options)

            return wrapped

        psycopg.Cursor.execute = before(psycopg.Cursor.execute)  # type: ignore[method-assign]
        psycopg.Connection.commit = before(psycopg.Connection.commit)  # type: ignore[method-assign]
        arrays.insert = before(arrays.insert)
        signing.Memory.remember = before(signing.Memory.remember)  # type: ignore[method-assign]
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def leaf_places(organisation_id: UUID) -> dict[UUID, int]:
    with tenancy.scope(organisation_id):
        return dict(Leaf.objects.filter(organisation_id=organisation_id).values_list("entry_id", "index"))


def work() -> None:
    while publish.sequence_once(300):
        pass
    publish.publish_checkpoints()


@pytest.mark.soak
def test_killed_at_every_statement_it_neither_loses_nor_doubles(
    log_db: Databases, write: Write, organisation_id: UUID
) -> None:
    written: list[UUID] = []
    kills = 0
    for round_ in range(SOAK):
        for step in range(1, 60):
            with tenancy.scope(organisation_id):
                written += [write(identifying={"caller": "+49"}) for _ in range(17 + round_)]
            if die_at(step, work):
                kills += 1
    work()
    assert kills >= 20 * SOAK
    places = leaf_places(organisation_id)
    assert sorted(places, key=lambda entry_id: places[entry_id]) == written
    assert sorted(places.values()) == list(range(len(written)))
    with tenancy.scope(organisation_id):
        hashes = [
            bytes(h)
            for h in Leaf.objects.order_by("index")
            .filter(organisation_id=organisation_id)
            .values_list("leaf_hash", flat=True)
        ]
        heads = list(
            Checkpoint.objects.filter(organisation_id=organisation_id).order_by("size").values_list("size", "note")
        )
    assert heads[-1][0] == len(written)
    keys = publish.verifier_keys(organisation_id)
    for size, note in heads:
        assert checkpoint.open_checkpoint(note, keys).checkpoint.root == merkle.root_from_hashes(hashes[:size])


class Running:
    """The service in a thread, as the command runs it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            tasks.Service(self.stop.is_set, self._pause).run()
        finally:
            for connection in connections.all():
                connection.close()

    def _pause(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for what another thread does; fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def published(organisation_id: UUID, size: int) -> Callable[[], bool]:
    def check() -> bool:
        with tenancy.scope(organisation_id):
            head = publish.latest_checkpoint(organisation_id)
        return head is not None and head.size >= size

    return check


@pytest.fixture
def running(log_db: Databases, sealer: MemorySealer) -> Iterator[Running]:
    with Running() as service:
        yield service


def test_from_commit_to_signed_head(running: Running, write_committed: Write, organisation_id: UUID) -> None:
    entry_id = write_committed()
    until(published(organisation_id, 1))
    with tenancy.scope(organisation_id):
        assert publish.wait_until_published(organisation_id=organisation_id, entry_ids=[entry_id]).size == 1
    until(lambda: tasks.freshness().seconds_since_beat is not None)
    freshness = tasks.freshness()
    assert freshness.seconds_since_beat is not None
    assert freshness.seconds_since_beat < 10
    assert freshness.seconds_since_checkpoint is not None


def test_a_cut_connection_is_made_again(
    running: Running, write_committed: Write, organisation_id: UUID, servers: Any, log_db: Databases
) -> None:
    connections["sequencer"].close()
    write_committed()
    until(published(organisation_id, 1))
    with psycopg.connect(servers.server.url("postgres"), autocommit=True) as admin:
        cut = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'callwarden_sequencer'",
            [log_db.main],
        ).fetchone()
    assert cut == (1,)
    write_committed()
    until(published(organisation_id, 2))


def test_a_key_store_that_comes_back(
    running: Running, sealer: MemorySealer, write: Write, organisation_id: UUID
) -> None:
    sealer.is_available = True
    with tenancy.scope(organisation_id):
        write()
        sealer.is_available = False
    assert leaf_places(organisation_id) == {}
    sealer.is_available = True
    until(published(organisation_id, 1))


def test_one_leads_and_another_takes_over(
    log_db: Databases, sealer: MemorySealer, write_committed: Write, organisation_id: UUID
) -> None:
    with Running() as first:
        write_committed()
        until(published(organisation_id, 1))
        standby = tasks.Service(lambda: True)
        assert not standby.lead()
        first.stop.set()
        until(lambda: not first.thread.is_alive())
        assert standby.lead()
        assert standby.lead()
        write_committed()
        standby.round()
        assert len(leaf_places(organisation_id)) == 2


def test_keys_of_days_that_are_done_are_destroyed(
    log_db: Databases, sealer: MemorySealer, write: Write, organisation_id: UUID
) -> None:
    service = tasks.Service(lambda: False)
    service.keep_house()
    destroyed = len(sealer.destroyed)
    assert destroyed == 30
    with tenancy.scope(organisation_id):
        write()
    sequence_all()
    service.keep_house()
    assert len(sealer.destroyed) == destroyed


def test_while_an_old_row_waits_no_key_is_destroyed(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID
) -> None:
    with psycopg.connect(log_db.owner_url, autocommit=True) as raw:
        raw.execute(
            "INSERT INTO audit_inbox (id, organisation_id, clear, at) VALUES (%s, %s, '', now() - interval '3 days')",
            [uuid7(), organisation_id],
        )
    tasks.Service(lambda: False).keep_house()
    assert not sealer.destroyed
    sequence_all()
    tasks.Service(lambda: False).keep_house()
    assert sealer.destroyed
    assert Sequencer().prune() == 0


def test_a_signer_that_refuses_is_heard_once_a_minute_and_stops_nothing_else(
    log_db: Databases,
    write_committed: Write,
    organisation_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(**_: object) -> int:
        raise signing.Equivocation

    monkeypatch.setattr(publish, "publish_checkpoints", refuse)
    service = tasks.Service(lambda: False)
    for expected in range(3):
        write_committed()
        service.round()
        assert len(leaf_places(organisation_id)) == expected + 1
    assert [record.message for record in caplog.records if "signer refuses" in record.message] == [
        "the signer refuses: the database contradicts what was signed before"
    ]


def test_the_command_once(log_db: Databases, write_committed: Write, organisation_id: UUID) -> None:
    write_committed()
    call_command("run_sequencer", once=True)
    assert published(organisation_id, 1)()


def test_the_command_ends_on_sigterm(committed_db: Databases) -> None:
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "manage.py", "run_sequencer"], stderr=subprocess.PIPE)
    try:
        until(lambda: tasks.freshness().seconds_since_beat is not None or process.poll() is not None, 40)
        process.terminate()
        assert process.wait(20) == 0, process.stderr and process.stderr.read()
    finally:
        process.kill()
        process.communicate()
