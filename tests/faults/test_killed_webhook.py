"""Servers killed by SIGKILL between any two steps of taking in a webhook call: all of it stands, or nothing does, and
the platform, which had no answer, sends it again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.models import DueWork
from audit import publish
from compliance.intake import access
from compliance.vault.models import SealedObject
from tests import cast as people
from tests.calls import Platform, connect
from tests.compliance.calls import body_of
from tests.faults.steps import Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
KILLS = 8
"""By `make test`; by `make soak` every step is met."""


@pytest.fixture
def world(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "world") as found:
        yield found


def _sending(platform: Platform, name: str) -> Callable[[Steps], None]:
    return lambda _: _deliver(platform, name)


def test_a_delivery_stands_or_falls_as_a_whole(world: World, jobs: Any, tmp_path: Path) -> None:
    platform = connect(people.assemble())
    _deliver(platform, "the first of the day")  # makes its key
    undisturbed = in_child(_sending(platform, "undisturbed"), tmp_path / "report")
    steps = range(len(undisturbed.trail))
    assert len(steps) > KILLS
    print(f"SEED={SEED}: {len(steps)} steps")
    for step in steps if IS_SOAK else sorted(random.Random(SEED).sample(steps, KILLS)):
        before, name = _taken(platform), f"killed before step {step}"
        life = in_child(_sending(platform, name), tmp_path / "report", Death(step, frozenset()))
        assert life.killed_at is not None, name
        assert len(_taken(platform)) - len(before) in (0, 1)
        _deliver(platform, name)
        assert len(_taken(platform)) - len(before) == 1, life.killed_at
    _assert_noted_once(platform, _taken(platform))


def _deliver(platform: Platform, name: str) -> None:
    answer = platform.deliver(body_of(id=name.replace(" ", "_")))
    assert answer.status_code == 202, answer.content
    leave()  # as another process


def _taken(platform: Platform) -> set[UUID]:
    """The deliveries, each of which has its sealed body and its job; there is no body and no job beside."""
    organisation_id = platform.organisation_id
    with tenancy.scope(organisation_id):
        found = {one.id: one.object_id for one in access.deliveries(organisation_id)}
        bodies = set(SealedObject.objects.for_organisation(organisation_id).values_list("id", flat=True))
        work = list(DueWork.objects.filter(job="intake.process_delivery").values_list("object_id", flat=True))
    leave()
    assert (set(found.values()), sorted(found)) == (bodies, sorted(work))
    return set(found)


def _assert_noted_once(platform: Platform, taken: set[UUID]) -> None:
    publish_log()
    with tenancy.scope(platform.organisation_id):
        entries = publish.list_entries(platform.organisation_id, act="intake.delivery.accepted", limit=100)
    assert sorted(str(entry.leaf.object_id) for entry in entries) == sorted(map(str, taken))
