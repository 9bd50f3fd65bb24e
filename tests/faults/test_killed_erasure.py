"""Workers killed by SIGKILL between any two steps of an erasure, which then finishes exactly once.

First an erasure nobody disturbs, to learn its steps. Then erasures whose every worker is killed: each dies at a place
where none died before, the next goes on from what was committed. By `make test` a fiftieth of the steps is met by a
kill; by `make soak` kills go on until an erasure passes no place any more at which nobody has died.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls import Media
from tests.faults.erasure import Erasure, approved_erasure
from tests.faults.proofs import assert_finished_once, strays
from tests.faults.steps import Cut, Death, in_child
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
KILLS_A_WORLD = 10
"""How many workers die over one erasure in a short run: then their deaths are spread over its whole length."""


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world in which the request is approved; only copies of it are ever touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_it_finishes_exactly_once(origin: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path) -> None:
    erasure, report = approved_erasure(jobs, media), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: erasure.finish(world, steps), report)
        assert_finished_once(erasure, world)
        assert strays(erasure, world) == []
    wanted, died_at = len(undisturbed.trail) // A_FIFTIETH, set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(erasure, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            assert_finished_once(erasure, world)
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    erasure: Erasure, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    """One erasure, whose workers die one after the other until one is left alone; where they died."""
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: erasure.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
