"""Workers killed by SIGKILL in the middle of a batch of waivers whose day is over: each ends exactly once.

As with erasures: first an expiry nobody disturbs, to learn its steps; then ones whose every worker is killed, each at a
place where none died before. By `make test` a fiftieth of the steps is met by a kill; by `make soak` all are.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import time_machine as clock
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from audit import publish
from compliance.disclosure import access, tasks
from compliance.disclosure.operations import auditing, ending, prompts, waiving
from tests import cast as people
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
A_FIFTIETH = 50
AGENTS = 5
"""Two batches and a half: a kill leaves one done, one undone, and one between."""


@dataclass(frozen=True)
class Expiry:
    """Some findings are waived until yesterday, one until much later."""

    organisation_id: UUID
    over: tuple[UUID, ...]
    running: UUID

    def finish(self, steps: Steps) -> None:
        """What the clock does every hour."""
        tasks.expire_waivers()


def begin(monkeypatch: pytest.MonkeyPatch) -> Expiry:
    """A finding an agent, each waived by two people."""
    monkeypatch.setattr(ending, "BATCH", 2)
    cast, found = people.assemble(), []
    with clock.travel(timezone.now() - timedelta(days=9), tick=True):
        for number in range(AGENTS + 1):
            prompt = prompts.submit_prompt(
                actor=cast.engineer.actor,
                agent=f"agent_{number}",
                text="Ask for the account number.",
                language="en",
                jurisdictions=["US-CA"],
            ).prompt
            audit = auditing.audit_prompt(actor=Actor.scheduler(cast.organisation_id), prompt_id=prompt.id)
            found.append(_waive(cast, audit, days=300 if number == AGENTS else 8))
    return Expiry(cast.organisation_id, tuple(found[:-1]), found[-1])


def _waive(cast: people.Cast, audit: Any, *, days: int) -> UUID:
    with tenancy.scope(cast.organisation_id):
        (finding,) = access.findings_of_audit(audit)
    until = timezone.now().date() + timedelta(days=days)
    waiver = waiving.propose_waiver(
        actor=cast.engineer.actor, finding_id=finding.id, until=until, ground="fix_under_way", note="Soon."
    )
    return waiving.approve_waiver(actor=cast.officer.actor, waiver_id=waiver.id).id


def assert_ended_once(expiry: Expiry) -> None:
    """Every waiver that is over has ended and has one entry; its finding is open; the other one runs."""
    publish_log()
    with tenancy.scope(expiry.organisation_id):
        rows = {one.id: one for one in access.waivers(expiry.organisation_id)}
        views = publish.list_entries(
            expiry.organisation_id, act="disclosure.waiver.expired", limit=1000, with_disclosures=False
        )
    assert {rows[id_].state for id_ in expiry.over} == {"expired"}
    assert {rows[id_].finding.state for id_ in expiry.over} == {"open"}
    assert (rows[expiry.running].state, rows[expiry.running].finding.state) == ("in_force", "waived")
    assert Counter(view.leaf.object_id for view in views) == Counter(expiry.over)


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_each_ends_exactly_once(
    origin: World, servers: Servers, jobs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    expiry, report = begin(monkeypatch), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin):
        undisturbed = in_child(expiry.finish, report)
        assert_ended_once(expiry)
    wanted, died_at = max(3, len(undisturbed.trail) // A_FIFTIETH), set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    while IS_SOAK or len(died_at) < wanted:
        with new_world(servers, tmp_path / "disturbed", origin):
            new = _kill_every_worker(expiry, report, chance, len(undisturbed.trail), frozenset(died_at))
            died_at |= new
            assert_ended_once(expiry)
        if IS_SOAK and not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def _kill_every_worker(
    expiry: Expiry, report: Path, chance: random.Random, length: int, known: frozenset[Cut]
) -> set[Cut]:
    """One expiry, whose workers die one after the other until one is left alone; where they died."""
    died_at: set[Cut] = set()
    while True:
        pause = 0 if IS_SOAK else chance.randint(0, length)
        life = in_child(expiry.finish, report, Death(pause, known | died_at))
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
