"""Workers killed by SIGKILL between any two steps of a fetch, which is then finished by the next one, exactly once.

As with erasures: by `make test` a fiftieth of the steps is met by a kill, by `make soak` every place.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.calls import Media
from tests.faults.fetch import Fetch, announced_recordings, assert_fetched_once
from tests.faults.steps import Cut, Death, in_child
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
KILLS_A_WORLD = 4


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world in which the recordings are announced; only copies of it are ever touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_it_is_fetched_exactly_once(origin: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path) -> None:
    fetch, report = announced_recordings(jobs, media, "01", "02"), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: fetch.finish(world, steps), report)
        assert_fetched_once(fetch, world, kills=0)
    wanted, died_at = max(KILLS_A_WORLD, len(undisturbed.trail) // A_FIFTIETH), set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(fetch, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            assert_fetched_once(fetch, world, kills=len(new))
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    fetch: Fetch, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    """Workers die one after the other until one is left alone; where they died."""
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: fetch.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
