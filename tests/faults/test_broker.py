"""The broker forgets everything while work is open: it costs a moment, and no work."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from celery import current_app
from kombu import Connection
from kombu.exceptions import OperationalError

from accounts import due_work, tenancy
from compliance import jobs as queue
from compliance.config import samples
from compliance.embedded import binaries
from compliance.embedded.processes import Child
from compliance.embedded.valkey import EmbeddedValkey
from compliance.recordings import access as register
from tests.calls import Media, Platform, connect
from tests.cast import Cast

BELLS = "celery"
"""The queue's name at the broker."""


class Broker:
    """A broker of this test's own, and whoever listens to it."""

    def __init__(self, valkey: EmbeddedValkey) -> None:
        self.valkey = valkey
        self.connection = Connection(valkey.url, transport_options={"socket_timeout": 5, "socket_connect_timeout": 1})

    @property
    def _client(self) -> Any:
        channel: Any = self.connection.default_channel
        return channel.client

    def waiting(self) -> int:
        """Bells that nobody has heard yet."""
        return int(self._client.llen(BELLS))

    def forget_everything(self) -> None:
        """As after a restart without a file."""
        self._client.flushall()

    def work(self) -> list[str]:
        """What a worker does with each bell: the job of this name on this object, if it is due and free."""
        done = []
        bells = self.connection.SimpleQueue(BELLS)
        while self.waiting():
            message = bells.get(timeout=5)
            organisation_id, object_id = message.payload[0]
            UUID(organisation_id)  # a bell carries ids and nothing else
            if queue.run(message.headers["task"], UUID(object_id)):
                done.append(message.headers["task"])
            message.ack()
        bells.close()
        return done


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(
        folder=tmp_path / "valkey",
        program=binaries.valkey_program(),
        password=secrets.token_hex(16),
        log=tmp_path / "valkey.log",
        pid_file=tmp_path / "valkey.pid",
        durable=False,
    )
    child: Child = server.start()
    yield server
    child.stop()


@pytest.fixture
def broker(valkey: EmbeddedValkey, committed_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Bells are really rung, at this broker."""
    found = Broker(valkey)
    monkeypatch.undo()  # the cast's fixture keeps bells from being rung
    monkeypatch.setattr(current_app, "send_task", partial(current_app.send_task, connection=found.connection))
    yield found
    found.connection.release()


def _states(platform: Platform) -> set[str]:
    with tenancy.scope(platform.organisation_id):
        return {one.state for one in register.artifacts(platform.organisation_id)}


def test_work_outlives_what_the_broker_forgets(
    broker: Broker, committed_cast: Cast, media: Media, committed_db: Any
) -> None:
    platform = connect(committed_cast)
    sample = next(samples.samples(media.url))
    assert platform.deliver(sample.body).status_code == 202
    assert broker.waiting() >= 1
    broker.forget_everything()
    assert (broker.waiting(), broker.work()) == (0, [])
    assert "intake.process_delivery" in [name for name, _, _ in due_work.overdue(10)]

    assert queue.ring_overdue() == broker.waiting()
    assert "intake.process_delivery" in broker.work()
    broker.forget_everything()  # again, with the recording half way
    queue.ring_overdue()
    broker.work()
    while queue.ring_overdue():
        broker.work()
    assert _states(platform) == {"stored"}
    assert media.asked == [sample.audio.name]


def test_a_broker_that_is_gone_refuses_nobody(
    broker: Broker, valkey: EmbeddedValkey, committed_cast: Cast, media: Media, committed_db: Any
) -> None:
    """The webhook is answered, the row stands; when the broker is back, the sweep rings."""
    platform, port = connect(committed_cast), valkey.port
    sample = next(samples.samples(media.url))
    valkey.stop()
    with pytest.raises((OperationalError, ConnectionError)):
        broker.connection.ensure_connection(max_retries=1, timeout=1)
    assert platform.deliver(sample.body).status_code == 202
    valkey.start(port)
    assert queue.ring_overdue() >= 1
    while queue.ring_overdue():
        broker.work()
    assert _states(platform) == {"stored"}
