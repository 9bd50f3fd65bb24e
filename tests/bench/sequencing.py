"""Rows: how fast the inbox becomes a tree, and how long after its commit an entry is under a signed checkpoint."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connections

from accounts import tenancy
from accounts.actors import Actor
from audit import log, publish
from audit.ids import uuid7
from audit.models import Leaf
from audit.sequencer import ALIAS, Sequencer
from compliance.embedded.places import PROJECT
from tests.bench import clocks, people
from tests.bench.figures import Figure, at_least, at_most
from tests.bench.ground import Ground

_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 30.0
_READ = "SELECT id, at, organisation_id, clear, key_id, sealed FROM audit_inbox ORDER BY xid, seq"


def measure(ground: Ground) -> Iterator[Figure]:
    """A full inbox worked off, then a steady stream."""
    actor = people.officer()
    yield _throughput(actor, ground.scale.inbox_entries)
    yield _delay(actor, ground.scale.steady_rate, ground.scale.steady_seconds)


def _throughput(actor: Actor, count: int) -> Figure:
    sequencer = Sequencer()
    while sequencer.run_batch():
        pass
    _fill(actor, count)
    backend = people.backend_pid(ALIAS)
    done, start, wall = 0, _spent(backend), time.perf_counter()
    best = float("inf")
    while True:
        before = _spent(backend)
        batch = sequencer.run_batch()
        if not batch:
            break
        done += batch
        best = min(best, (_spent(backend) - before) / batch)
    spent, wall = _spent(backend) - start, time.perf_counter() - wall
    if done < count:
        raise AssertionError(f"{done} of {count} entries were sequenced")
    before = _spent(backend)
    _read_inbox()
    reading = (_spent(backend) - before) / count
    return Figure(
        what="sequencer: opening, salts, sealing, leaf, tree",
        measured=1 / best,
        unit="entries/s",
        baseline=1 / reading,
        baseline_is="only reading the same rows",
        ratio=reading / best,
        target=at_least(10_000),
        note=f"of one core, client and backend; all batches {done / spent:,.0f}, by the clock {done / wall:,.0f}",
    )


def _spent(backend: int) -> float:
    return time.thread_time() + clocks.on_processor(backend)


def _read_inbox() -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(_READ)
        cursor.fetchall()


def _fill(actor: Actor, count: int) -> None:
    left = count
    while left > 0:
        with tenancy.operation(actor):
            for _ in range(min(left, 200)):
                _append(actor)
        left -= 200


def _append(actor: Actor) -> UUID:
    """An ordinary entry: four disclosures in two parts."""
    return log.append(
        actor=actor,
        event="recordings.artifact.opened",
        organisation_id=actor.organisation_id,
        obj=("artifact", uuid7()),
        cls=log.EntryClass.ACCESS,
        why={"purpose": "quality_assurance"},
        what={"bytes": 65_536, "from": 0},
        identifying={"purpose": "quality assurance"},
    )


def _delay(actor: Actor, rate: int, seconds: float) -> Figure:
    with _running_service(), _watched_checkpoints(actor.organisation_id) as seen:
        _wait_for_places(actor.organisation_id, [_write(actor)], seen)  # the service has started
        committed = _write_steadily(actor, rate, seconds)
        places = _wait_for_places(actor.organisation_id, [entry_id for entry_id, _ in committed], seen)
    delays = [_first(seen, places[entry_id]) - at for entry_id, at in committed]
    reached = len(committed) / (committed[-1][1] - committed[0][1])
    return Figure(
        what="from commit to signed checkpoint, 99th percentile",
        measured=clocks.percentile(delays, 0.99),
        unit="s",
        baseline=publish.INTERVAL.total_seconds(),
        baseline_is="the interval between checkpoints",
        target=at_most(5),
        note=f"median {clocks.percentile(delays, 0.5):.1f} s; {reached:,.0f} of {rate:,} commits/s for {seconds:g} s",
    )


def _write_steadily(actor: Actor, rate: int, seconds: float) -> list[tuple[UUID, float]]:
    """One entry a transaction, on a timetable; the time after each commit."""
    committed, start = [], time.monotonic()
    for number in range(int(rate * seconds)):
        ahead = start + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        if -ahead > seconds:
            break  # this machine does not sustain the rate: the figure says what it did
        committed.append((_write(actor), time.time()))
    return committed


def _write(actor: Actor) -> UUID:
    with tenancy.operation(actor):
        return _append(actor)


@contextmanager
def _running_service() -> Iterator[None]:
    service = subprocess.Popen([sys.executable, "manage.py", "run_sequencer"], cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        service.terminate()
        service.wait()


@contextmanager
def _watched_checkpoints(organisation_id: UUID) -> Iterator[list[tuple[int, float]]]:
    """Size of each checkpoint and when it was first seen, by a reader that looks every 50 ms."""
    seen: list[tuple[int, float]] = []
    stop = threading.Event()

    def watch() -> None:
        try:
            while not stop.wait(_POLL_SECONDS):
                with tenancy.scope(organisation_id):
                    head = publish.latest_checkpoint(organisation_id)
                if head and (not seen or head.size > seen[-1][0]):
                    seen.append((head.size, time.time()))
        finally:
            connections.close_all()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _wait_for_places(organisation_id: UUID, ids: list[UUID], seen: list[tuple[int, float]]) -> dict[UUID, int]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    places: dict[UUID, int] = {}
    while time.monotonic() < deadline:
        with tenancy.scope(organisation_id):
            rows = Leaf.objects.filter(organisation_id=organisation_id, entry_id__in=ids)
            places = dict(rows.values_list("entry_id", "index"))
        if len(places) == len(ids) and seen and seen[-1][0] > max(places.values()):
            return places
        time.sleep(0.2)
    raise AssertionError(f"{len(ids) - len(places)} entries of {len(ids)} are under no checkpoint")


def _first(seen: list[tuple[int, float]], index: int) -> float:
    return next(at for size, at in seen if size > index)
