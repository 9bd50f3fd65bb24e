"""A process killed by SIGKILL between any two steps of an outside check's delivery: the count says how often it was
begun, and whatever key has left stands in the log.

By `make test` a few places are met by a kill, by `make soak` every one.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from audit import publish
from compliance.recordings.models import OutsideCheck
from compliance.recordings.operations import outside_checks, outside_delivery
from tests import cast as people
from tests.calls import Media, arrive, connect
from tests.cast import Cast
from tests.compliance.recordings.outside import approved, second_owner
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.worlds import World, leave, new_world
from tests.log import publish_log
from tests.servers import Servers

pytestmark = pytest.mark.soak

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
DEATHS = 4


@dataclass(frozen=True)
class Check:
    """An approved check of one call, and what its receiver has got so far."""

    cast: Cast
    check_id: UUID
    received: Path

    def deliver(self, steps: Steps) -> None:
        """As a server does: each piece is handed over before the next one is made."""
        with self.received.open("wb", buffering=0) as file:
            for piece in outside_delivery.deliver_outside_check(actor=self.cast.owner.actor, check_id=self.check_id):
                file.write(piece)

    def row(self) -> OutsideCheck:
        with tenancy.scope(self.cast.organisation_id):
            return outside_checks.outside_checks(self.cast.owner.actor).get(id=self.check_id)

    def logged(self, what: str) -> int:
        act = f"recordings.outside_check.{what}"
        with tenancy.scope(self.cast.organisation_id):
            return len(publish.list_entries(self.cast.organisation_id, act=act, limit=1000, with_disclosures=False))

    def has_keys(self) -> bool:
        return self.received.exists() and b'"dek"' in self.received.read_bytes()

    def assert_right(self, begun: int) -> None:
        """So many archives were begun, and nobody has a key that the log does not name."""
        publish_log()
        row = self.row()
        is_delivered = row.state == OutsideCheck.State.DELIVERED
        assert row.deliveries == self.logged("delivery_begun")
        assert begun - 1 <= row.deliveries <= begun  # the last one may have died before it was counted
        assert self.logged("delivered") == int(is_delivered)
        assert row.keys_given == self.logged("key_given") == (len(row.artifact_ids) if is_delivered else 0)
        assert is_delivered or not self.has_keys()
        assert row.deliveries or not self.received.exists() or not self.received.read_bytes()


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world in which the check is approved; only copies of it are ever touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def test_the_count_is_right_and_every_key_that_left_is_named(
    origin: World, servers: Servers, jobs: Any, media: Media, tmp_path: Path
) -> None:
    cast = people.assemble()
    calls = arrive(connect(cast), jobs, media, "01")
    row = approved(cast, second_owner(cast), *calls.values())
    check, report = Check(cast, row.id, tmp_path / "received.zip"), tmp_path / "report"
    leave()
    with new_world(servers, tmp_path / "measured", origin):
        undisturbed = in_child(check.deliver, report)
        check.assert_right(begun=1)
        assert check.has_keys()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance, died_at = random.Random(SEED), set[Cut]()
    while IS_SOAK or len(died_at) < DEATHS:
        check.received.unlink(missing_ok=True)
        with new_world(servers, tmp_path / "disturbed", origin):
            wait = 0 if IS_SOAK else chance.randrange(len(undisturbed.trail))
            cut = _die_once_and_go_on(check, report, Death(wait, frozenset(died_at)))
        if cut is None:
            break
        died_at.add(cut)
    assert len(died_at) >= min(DEATHS, len(set(undisturbed.trail)))
    print(f"{len(died_at)} processes died, each at another place")


def _die_once_and_go_on(check: Check, report: Path, death: Death) -> Cut | None:
    """A delivery that dies; then, unless its keys were given, one that comes to its end."""
    cut = in_child(check.deliver, report, death).killed_at
    check.assert_right(begun=1)
    begun = check.row().deliveries
    if check.row().state == OutsideCheck.State.APPROVED:
        leave()
        in_child(check.deliver, report)
        check.assert_right(begun=begun + 1)
        assert check.has_keys()
    return cut
