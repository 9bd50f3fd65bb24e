"""Workers killed by SIGKILL between any two steps of indexing and of looking through, with an erasure in between: in
the end the index is whole, every call is looked through, and nothing is held of the erased one.

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
from tests.faults.steps import Cut, Death, in_child
from tests.faults.words import Words, assert_found_exactly, sealed_words
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
KILLS_A_WORLD = 4


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world in which the words are sealed and not indexed; only copies of it are ever touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_the_index_is_whole_in_the_end(
    origin: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path
) -> None:
    words, report = sealed_words(jobs, media), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: words.finish(world, steps), report)
        assert_found_exactly(words)
    wanted, died_at = max(KILLS_A_WORLD, len(undisturbed.trail) // A_FIFTIETH), set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(words, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            assert_found_exactly(words)
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    words: Words, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    """Workers die one after the other until one is left alone; where they died."""
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: words.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
