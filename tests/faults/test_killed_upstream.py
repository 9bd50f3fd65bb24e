"""Workers killed by SIGKILL between any two steps of a deletion at the platform itself.

The platform is another process in this story: what it was told stays told. However often a worker dies, the call leaves
the platform, every place of it is proven gone once, and the disposal ends. By `make test` a fiftieth of the steps is
met by a kill; by `make soak` kills go on until no place is left at which nobody has died.
"""

from __future__ import annotations

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
from compliance.retention import disposal
from tests import cast as people
from tests.calls import Media
from tests.compliance.retention.platform import Account, FarEnd, open_account
from tests.compliance.retention.platform import far_end as far_end
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.test_killed_erasure import A_FIFTIETH, IS_SOAK, KILLS_A_WORLD, SEED
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak
_ROUNDS = 30


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


@dataclass(frozen=True)
class Deletion:
    """A call whose end was decided, and nothing carried out."""

    account: Account
    call_id: UUID

    def finish(self, world: World, steps: Steps) -> None:
        """Work until nothing is owed."""
        for _ in range(_ROUNDS):
            for name, _, object_id in due_work.overdue(1000):
                queue.run(name, object_id)
            with steps.paused():
                publish_log()
                world.databases.let_time_pass()
                if self.is_done():
                    return
        raise AssertionError(f"not finished after {_ROUNDS} rounds; still due: {due_work.overdue(100)}")

    def is_done(self) -> bool:
        with tenancy.scope(self.account.organisation_id):
            rows = disposal.disposals_for(self.account.organisation_id, call_ids=[self.call_id])
            return {row.step for row in rows} == {"done"}

    def assert_finished_once(self) -> None:
        organisation_id = self.account.organisation_id
        with tenancy.scope(organisation_id):
            assert register.call_of(organisation_id, self.call_id).state == "erased"
            places = self.account.places(self.call_id)
            assert {place.state for place in places} == {"confirmed_gone"}
            assert {place.proof["how"] for place in places} == {"api"}
            wanted = Counter(place.id for place in places)
            views = publish.list_entries(
                organisation_id, act="retention.location.checked", limit=1000, with_disclosures=False
            )
            assert Counter(view.leaf.object_id for view in views) == wanted
            rows = disposal.disposals_for(organisation_id, call_ids=[self.call_id])
            for row in rows:
                upstream = [proof for proof in row.proofs if proof.get("how") == "api"]
                assert len(upstream) == sum(place.artifact_id == row.artifact_id for place in places)


def decided(jobs: Any, media: Media, far_end: FarEnd) -> Deletion:
    account = open_account(people.assemble(), far_end, media, jobs)
    call_id = account.call()
    media.files.clear()
    disposal.begin_call_disposal(actor=account.clock, call_id=call_id, ground=disposal.Ground.ERASURE_REQUEST)
    return Deletion(account, call_id)


def test_the_call_leaves_the_platform_exactly_once(
    origin: World, servers: Servers, jobs: Any, media: Media, far_end: FarEnd, tmp_path: Path
) -> None:
    deletion, report = decided(jobs, media, far_end), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: deletion.finish(world, steps), report)
        deletion.assert_finished_once()
        assert far_end.orders == 1
        assert far_end.calls == set()
    wanted, died_at = len(undisturbed.trail) // A_FIFTIETH, set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        far_end.calls.add("call-1")
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(deletion, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            deletion.assert_finished_once()
            assert far_end.calls == set()
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    deletion: Deletion, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: deletion.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
