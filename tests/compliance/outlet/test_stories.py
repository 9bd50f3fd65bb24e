"""Stories made by chance: people turn every knob while a receiver has moods, and nothing is lost or made up.

The seed is printed; `SEED=… pytest` tells the same stories again.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from accounts import tenancy
from compliance.errors import Conflict
from compliance.outlet import access, signatures, tasks
from tests.cast import Cast
from tests.compliance.outlet.conftest import Line, announce, make_due
from tests.compliance.outlet.receiver import Received, Receiver

SEED = int(os.environ.get("SEED", random.SystemRandom().randrange(10**9)))
_STEPS = 40
_MOODS = (204, 200, 500, 503, 429, 301, 404, 0, 410)


class Story:
    """One endpoint, and what happens to it."""

    def __init__(self, line: Line, receiver: Receiver, jobs: Any, chance: random.Random) -> None:
        self.line, self.receiver, self.jobs, self.chance = line, receiver, jobs, chance
        self.secrets = [line.secret]
        self.announced = 0

    def tell(self) -> None:
        announce(self.line.cast, self.chance.choice(["open", "denied"]))
        self.announced += 1

    def work(self) -> None:
        if self.chance.random() < 0.5:
            make_due()
        self.jobs.drain()

    def moody(self) -> None:
        self.receiver.fail(*self.chance.choices(_MOODS, k=3))

    def rotate(self) -> None:
        self.secrets.append(self.line.act("rotate_secret").secret)

    def pause(self) -> None:
        self.line.act("pause_endpoint")

    def resume(self) -> None:
        self.line.act("resume_endpoint")

    def redeliver(self) -> None:
        self.line.act("redeliver_failed", since=timezone.now() - timedelta(hours=1))

    def redeliver_one(self) -> None:
        if rows := self.line.dispatches:
            self.line.act("redeliver_message", message_id=self.chance.choice(rows).message_id)

    def sweep(self) -> None:
        tasks.sweep()

    def step(self) -> None:
        knobs: list[Callable[[], None]] = [
            self.tell, self.work, self.moody, self.rotate, self.pause, self.resume, self.redeliver, self.redeliver_one,
            self.sweep,
        ]  # fmt: skip
        try:
            self.chance.choices(knobs, weights=[6, 8, 4, 1, 1, 3, 1, 2, 1])[0]()
        except Conflict as refusal:
            if refusal.code not in {"not_active", "already_active"}:
                raise

    def end_well(self) -> None:
        """The receiver recovers, and people ask again for what was given up."""
        self.receiver.answers.clear()
        if self.line.row.state != "active":
            self.resume()
        self.redeliver()
        with tenancy.scope(self.line.cast.organisation_id):
            access.endpoints(self.line.cast.organisation_id).update(rests_until=None)
        self.sweep()
        for _ in range(3):
            make_due()
            self.jobs.drain()

    def is_ours(self, got: Received) -> bool:
        """Whether one of the secrets that were ever told verifies it."""
        for secret in self.secrets:
            try:
                Webhook(secret).verify(got.body, got.headers)
            except WebhookVerificationError:
                continue
            return True
        return False


@pytest.mark.parametrize("number", range(4))
def test_whatever_happens_everything_arrives_and_adds_up(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, number: int
) -> None:
    print(f"SEED={SEED}")
    story = Story(line, receiver, jobs, random.Random(f"{SEED}/{number}"))
    for _ in range(_STEPS):
        story.step()
        assert {one.state for one in line.dispatches} <= {"waiting", "delivered", "failed"}
    story.end_well()
    rows = line.dispatches
    assert [one.state for one in rows] == ["delivered"] * story.announced
    sent = {signatures.message_name(one.message_id): one.message.body.encode() for one in rows}
    assert {(one.id, one.body) for one in receiver.got} == set(sent.items())
    assert all(story.is_ours(one) for one in receiver.got)
    assert len(line.tries) == len(receiver.got)  # the log knows of each that went out
    for row in rows:
        tries = [one for one in line.tries if one.dispatch_id == row.id]
        assert [one.number for one in tries] == list(range(1, len(tries) + 1))
        assert tries[-1].code == row.last_code == "accepted"
    assert (line.row.failures, line.row.missed) == (0, 0)
