"""Workers killed by SIGKILL between any two steps of a retention run, which then takes each artifact exactly once.

As with erasures: first a run nobody disturbs, to learn its steps; then runs whose every worker is killed, each at a
place where none died before. By `make test` a fiftieth of the steps is met by a kill; by `make soak` all are.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts import due_work, tenancy
from audit import publish
from compliance import jobs as queue
from compliance.recordings import access as register
from compliance.recordings.states import LocationState
from compliance.retention import operations, rules, tasks
from compliance.retention.models import Disposal, RetentionRun
from compliance.retention.operations import running
from compliance.retention.rules import ClockStart, Rule, Schedule
from tests import cast as people
from tests.calls import Media, arrive, connect
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
_OURS = ("retention.apply_schedules", "retention.carry_out_batches", "retention.carry_out")
_ROUNDS = 30


@dataclass(frozen=True)
class Run:
    """Everything of two calls is due, one of a third is held; nothing has begun."""

    organisation_id: UUID
    held_call: UUID

    def finish(self, world: World, steps: Steps) -> None:
        """What the clock and the workers do, until nothing of a run is left to do."""
        for _ in range(_ROUNDS):
            tasks.sweep()
            for name, _, object_id in due_work.overdue(1000):
                if name in _OURS:
                    queue.run(name, object_id)
            with steps.paused():
                world.databases.let_time_pass()
                if self.is_over():
                    return
        raise AssertionError(f"not finished after {_ROUNDS} rounds; still due: {due_work.overdue(100)}")

    def is_over(self) -> bool:
        with tenancy.scope(self.organisation_id):
            run = running.runs(self.organisation_id).order_by("-on").first()
            rows = Disposal.objects.for_organisation(self.organisation_id)
            ours = rows.filter(step__in=[Disposal.Step.BEGUN, Disposal.Step.KEYS_DESTROYED]).exists()
        return run is not None and run.state == RetentionRun.State.FINISHED and not ours


def begin(jobs: Any, media: Media) -> Run:
    """The register, the rules and the hold."""
    cast = people.assemble()
    calls = arrive(connect(cast), jobs, media, "01", "02", "05")
    operations.place_hold(actor=cast.officer.actor, matter="case", reason="litigation", call_ids=[calls["05"]])
    schedule = Schedule((Rule("short", 1, ClockStart.CALL_END, "short"),))
    operations.set_schedule(actor=cast.officer.actor, document=rules.to_document(schedule))
    jobs.drain()
    return Run(cast.organisation_id, calls["05"])


def assert_taken_once(run: Run, world: World) -> None:
    """Each artifact has one disposal, one entry of each kind, no bytes; what is held is untouched."""
    publish_log()
    with tenancy.scope(run.organisation_id):
        artifacts = list(register.artifacts(run.organisation_id))
        going = [one for one in artifacts if one.call_id != run.held_call]
        rows = list(Disposal.objects.for_organisation(run.organisation_id))
        places = list(register.locations(run.organisation_id).filter(place="store").select_related("artifact"))
        row = running.runs(run.organisation_id).get()
    assert sorted(one.artifact_id for one in rows) == sorted(one.id for one in going)
    assert (row.begun, row.held) == (len(going), len(artifacts) - len(going))
    for event in ("retention.disposal.begun", "retention.bytes.proven_absent"):
        assert Counter(_objects(run, event)) == Counter(one.id for one in going), event
    assert Counter(_objects(run, "retention.disposal.refused")) == Counter(
        one.id for one in artifacts if one.call_id == run.held_call
    )
    for place in places:
        is_held = place.artifact.call_id == run.held_call
        assert (place.state == LocationState.PRESENT) is is_held
    for one in artifacts:
        if one.object and one.object.store_key:
            assert (world.store / one.object.store_key).exists() is (one.call_id == run.held_call)


def _objects(run: Run, event: str) -> list[UUID | None]:
    with tenancy.scope(run.organisation_id):
        views = publish.list_entries(run.organisation_id, act=event, limit=1000, with_disclosures=False)
    return [view.leaf.object_id for view in views]


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_it_takes_each_exactly_once(origin: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path) -> None:
    run, report = begin(jobs, media), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: run.finish(world, steps), report)
        assert_taken_once(run, world)
    wanted, died_at = max(1, len(undisturbed.trail) // A_FIFTIETH), set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail)
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(run, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            assert_taken_once(run, world)
        if IS_SOAK and not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    run: Run, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    """One run, whose workers die one after the other until one is left alone; where they died."""
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: run.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
