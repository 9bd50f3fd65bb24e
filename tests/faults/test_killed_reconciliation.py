"""Workers killed by SIGKILL between any two steps of a reconciliation with a repair and its report: everything is found
once, counted once, repaired once.

By `make test` a fiftieth of the steps is met by a kill; by `make soak` every place.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import due_work, tenancy
from compliance import jobs as queue
from compliance.reconciliation import operations
from compliance.reconciliation.models import Finding, Run
from compliance.reconciliation.operations import stages
from compliance.recordings import access as register
from tests import cast as people
from tests.compliance.reconciliation.worlds import Folder, populated
from tests.compliance.reconciliation.worlds import World as Spoiled
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH, KILLS_A_WORLD, ROUNDS = 50, 10, 60


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world in which the run is begun; only copies of it are ever touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


class Work:
    """A begun run over a spoiled store, and an approved repair."""

    def __init__(self, jobs: Any, origin: World) -> None:
        self.spoiled = populated(people.assemble(), jobs, 9)
        self.folder = Folder(origin.store)
        keys = [self.spoiled.stray() for _ in range(3)]
        for key in keys:
            self.folder.put(key, b"nobody knows me")
        self.folder.age()
        self.spoiled.run()
        self.repaired = next(row for row in self.spoiled.findings() if row.thing == keys[0])
        operations.propose_repair(actor=self.spoiled.cast.officer.actor, finding_id=self.repaired.id)
        operations.approve_repair(actor=self.spoiled.cast.colleague.actor, finding_id=self.repaired.id)
        lost, cut = self.spoiled.key(0), self.spoiled.key(1)
        self.folder.delete(lost)
        self.folder.put(cut, self.folder.get(cut)[:-1] + b"?")
        self.folder.age()
        with tenancy.scope(self.spoiled.organisation_id):
            register.artifacts(self.spoiled.organisation_id).update(stored_at=timezone.now() - timedelta(days=40))
        self.wanted = {("orphan", key) for key in keys[1:]} | {("missing", lost), ("hash", cut)}
        self.run = operations.start_run(actor=self.spoiled.cast.officer.actor)

    def finish(self, world: World, steps: Steps) -> None:
        """Work until nothing of it is due; the log's own process is another one."""
        for _ in range(ROUNDS):
            for name, _, object_id in due_work.overdue(100):
                queue.run(name, object_id)
            with steps.paused():
                publish_log()
                world.databases.let_time_pass()
                if self._is_done():
                    return
        raise AssertionError(f"not finished: {due_work.overdue(100)}")

    def _is_done(self) -> bool:
        run = self.spoiled.reread(self.run)
        (repaired,) = [row for row in self.spoiled.findings(is_open=False) if row.id == self.repaired.id]
        return run.report is not None and repaired.state == Finding.State.REPAIRED

    def check(self, world: World) -> None:
        """Exactly once, whoever died over it. The repaired orphan may have been seen before it went."""
        run, spoiled = self.spoiled.reread(self.run), self.spoiled
        assert (run.state, run.rows_seen) == (Run.State.FINISHED, 9)
        assert run.objects_seen in {10, 11}
        assert spoiled.found() == self.wanted
        seen = Counter(kind for kind, _ in self.wanted)
        assert Counter(run.counts) - Counter({"orphan": run.objects_seen - 10}) == seen
        assert run.objects_read == 8
        everything = Counter((row.kind, row.thing) for row in spoiled.findings(is_open=False))
        assert set(everything.values()) == {1}
        assert not (world.store / self.repaired.thing).exists()
        assert (
            _events(spoiled).items()
            >= {
                "reconciliation.run.finished": 2,
                "reconciliation.report.issued": 2,
                "reconciliation.repair.carried_out": 1,
            }.items()
        )


def _events(spoiled: Spoiled) -> Counter[str]:
    """What the published log says."""
    from audit import publish

    with tenancy.scope(spoiled.organisation_id):
        return Counter(entry.leaf.act for entry in publish.list_entries(spoiled.organisation_id, limit=1000))


def test_it_finishes_exactly_once(
    origin: World, servers: Servers, jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "PAGE", 4)
    monkeypatch.setattr(settings, "RECONCILE_READ_EVERY_DAYS", 1)
    work, report = Work(jobs, origin), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: work.finish(world, steps), report)
        work.check(world)
    wanted, died_at, chance = len(undisturbed.trail) // A_FIFTIETH, set[Cut](), random.Random(SEED)
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(work, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            work.check(world)
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    work: Work, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    died_at: set[Cut] = set()
    while True:
        life = in_child(
            lambda steps: work.finish(world, steps), report, Death(chance.randint(0, pause), known | died_at)
        )
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
