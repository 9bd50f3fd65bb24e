"""Workers killed by SIGKILL between any two steps of sending webhooks, between the POST and its note too.

The receiver is another process in this story: what it was sent stays sent. However often a worker dies, every message
arrives, each time with the same id and the same bytes, and the delivery log ends with its success. By `make test` a
fiftieth of the steps is met by a kill; by `make soak` kills go on until no place is left at which nobody has died.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts import due_work, tenancy
from compliance import jobs as queue
from compliance.outlet import access, operations, signatures
from compliance.outlet.posting import Poster
from tests import cast as people
from tests.compliance.outlet.conftest import announce
from tests.compliance.outlet.conftest import receiver as receiver
from tests.compliance.outlet.receiver import Receiver
from tests.faults.steps import Cut, Death, Steps, in_child
from tests.faults.test_killed_erasure import A_FIFTIETH, IS_SOAK, KILLS_A_WORLD, SEED
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak
_ROUNDS = 30
_MESSAGES = 3


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


@dataclass(frozen=True)
class Outbox:
    """Messages that wait to be sent, and the receiver that they are for."""

    organisation_id: UUID
    receiver: Receiver

    def finish(self, world: World, steps: Steps) -> None:
        """Work until everything is delivered."""
        for _ in range(_ROUNDS):
            for name, _, object_id in due_work.overdue(1000):
                if name == access.DELIVER:
                    queue.run(name, object_id)
            with steps.paused():
                world.databases.let_time_pass()
                if self.is_done():
                    return
        raise AssertionError(f"not delivered after {_ROUNDS} rounds; still due: {due_work.overdue(100)}")

    def is_done(self) -> bool:
        with tenancy.scope(self.organisation_id):
            states = set(access.dispatches(self.organisation_id).values_list("state", flat=True))
            # Nothing rests for minutes in this story.
            access.endpoints(self.organisation_id).update(rests_until=None)
        return states == {"delivered"}

    def restart(self) -> None:
        """Another world begins: its receiver has seen nothing, and takes nothing at first."""
        self.receiver.got.clear()
        self.receiver.answers.clear()
        self.receiver.fail(500, 503)

    def assert_delivered(self, *, kills: int) -> None:
        """All arrived; the same id is the same bytes; what was sent twice without a note was sent by a dead worker."""
        with tenancy.scope(self.organisation_id):
            messages = {
                signatures.message_name(row.id): row.body.encode() for row in access.messages(self.organisation_id)
            }
            tries = list(access.attempts(self.organisation_id).order_by("dispatch_id", "number"))
        assert len(messages) == _MESSAGES
        assert {(one.id, one.body) for one in self.receiver.got} == set(messages.items())
        by_dispatch: dict[UUID, list[Any]] = {}
        for one in tries:
            by_dispatch.setdefault(one.dispatch_id, []).append(one)
        for rows in by_dispatch.values():
            assert [row.number for row in rows] == list(range(1, len(rows) + 1))
            assert [row.code for row in rows].index("accepted") == len(rows) - 1
        assert 0 <= len(self.receiver.got) - len(tries) <= kills


def full_outbox(receiver: Receiver) -> Outbox:
    cast = people.assemble()
    new = operations.NewEndpoint(receiver.url, ["*"])
    operations.create_endpoint(actor=cast.owner.actor, new=new)
    for _ in range(_MESSAGES):
        announce(cast)
    return Outbox(cast.organisation_id, receiver)


def test_every_message_arrives_at_least_once(
    origin: World, servers: Servers, jobs: Any, receiver: Receiver, tmp_path: Path
) -> None:
    outbox, report = full_outbox(receiver), tmp_path / "report"
    leave()
    outbox.restart()
    with new_world(servers, tmp_path / "measured", origin) as world:
        undisturbed = in_child(lambda steps: outbox.finish(world, steps), report)
        outbox.assert_delivered(kills=0)
        assert len(outbox.receiver.got) == _MESSAGES + 2
    wanted, died_at = max(KILLS_A_WORLD, len(undisturbed.trail) // A_FIFTIETH), set[Cut]()
    print(f"SEED={SEED}: {len(undisturbed.trail)} steps, {len(set(undisturbed.trail))} places")
    chance = random.Random(SEED)
    pause = 0 if IS_SOAK else 2 * len(undisturbed.trail) // KILLS_A_WORLD
    while IS_SOAK or len(died_at) < wanted:
        outbox.restart()
        with new_world(servers, tmp_path / "disturbed", origin) as world:
            new = _kill_every_worker(outbox, world, report, chance, pause, frozenset(died_at))
            died_at |= new
            outbox.assert_delivered(kills=len(new))
        if not new:
            break
    assert len(died_at) >= wanted
    print(f"{len(died_at)} workers died, each at another place")


def test_a_worker_that_dies_between_the_post_and_the_note_sends_the_same_again(
    origin: World, servers: Servers, jobs: Any, receiver: Receiver, tmp_path: Path
) -> None:
    """The worst place of all, met on purpose: the receiver has it, and nobody knows."""
    outbox, report = full_outbox(receiver), tmp_path / "report"
    leave()

    def post_and_die(steps: Steps) -> None:
        post = Poster.post

        def last_post(*arguments: Any) -> Any:
            post(*arguments)
            steps._die(("POST", "note"))

        setattr(Poster, "post", last_post)  # noqa: B010  # in the child only
        outbox.finish(world, steps)

    with new_world(servers, tmp_path / "killed", origin) as world:
        assert in_child(post_and_die, report).killed_at == ("POST", "note")
        assert len(receiver.got) == 1
        with tenancy.scope(outbox.organisation_id):
            assert not access.attempts(outbox.organisation_id).exists()
        world.databases.let_time_pass()
        in_child(lambda steps: outbox.finish(world, steps), report)
        outbox.assert_delivered(kills=1)
    first, again = [one for one in receiver.got if one.id == receiver.got[0].id]
    assert first.body == again.body
    assert len(receiver.got) == _MESSAGES + 1


def _kill_every_worker(
    outbox: Outbox, world: World, report: Path, chance: random.Random, pause: int, known: frozenset[Cut]
) -> set[Cut]:
    died_at: set[Cut] = set()
    while True:
        death = Death(chance.randint(0, pause), known | died_at)
        life = in_child(lambda steps: outbox.finish(world, steps), report, death)
        if life.killed_at is None:
            return died_at
        died_at.add(life.killed_at)
        world.databases.let_time_pass()
