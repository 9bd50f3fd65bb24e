"""What the log's tests share: a sealer in memory, an organisation, an actor, short ways to write and to sequence."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from accounts import tenancy
from accounts.actors import Actor, ActorKind, Origin
from audit import log, publish, sealing, signing
from audit.ids import uuid7
from tests import database
from tests.audit.sealer import MemorySealer
from tests.servers import Servers

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def log_db(
    servers: Servers, django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[database.Databases]:
    """Databases that the tests of a module share and commit in. Each test has an organisation, so a log, of its own."""
    key = signing.ensure_signing_key(tmp_path_factory.mktemp("log") / "log-signing-key.pem")
    with (
        pytest.MonkeyPatch.context() as patch,
        django_db_blocker.unblock(),
        database.clones(servers) as databases,
        database.pointed_at(databases),
    ):
        patch.setattr(settings, "LOG_SIGNING_KEY_FILE", key)
        patch.setenv("LOG_SIGNING_KEY_FILE", str(key))
        yield databases


@pytest.fixture
def sealer() -> Iterator[MemorySealer]:
    """The process's sealer for one test."""
    before = sealing.current()
    fake = MemorySealer()
    sealing.register(fake)
    yield fake
    sealing.register(before)


@pytest.fixture
def organisation_id() -> UUID:
    return uuid7()


@pytest.fixture
def actor(organisation_id: UUID) -> Actor:
    """A person with everything that identifies."""
    return Actor(
        kind=ActorKind.PERSON,
        organisation_id=organisation_id,
        id=uuid7(),
        origin=Origin(ip="203.0.113.7", user_agent=USER_AGENT, request_id=TRACE),
    )


@pytest.fixture
def write(sealer: MemorySealer, actor: Actor) -> Callable[..., UUID]:
    """Append one entry in the current transaction; keyword arguments as for `log.append`."""

    def append(**changes: Any) -> UUID:
        values: dict[str, Any] = {
            "actor": actor,
            "event": "recordings.call.opened",
            "organisation_id": actor.organisation_id,
            "obj": ("call", uuid7()),
            "cls": log.EntryClass.ACCESS,
        }
        return log.append(**(values | changes))

    return append


@pytest.fixture
def write_committed(write: Callable[..., UUID], actor: Actor) -> Callable[..., UUID]:
    """Append one entry in a transaction of its own, in its organisation's scope."""

    def append(**changes: Any) -> UUID:
        with tenancy.scope(changes.get("organisation_id", actor.organisation_id)):
            return write(**changes)

    return append


class _BrokenOff(Exception):
    pass


@contextmanager
def rolled_back(transaction: AbstractContextManager[Any]) -> Iterator[None]:
    """Everything inside happens, and is taken back."""
    with suppress(_BrokenOff), transaction:
        yield
        raise _BrokenOff


def sequence_all() -> int:
    """Sequence until nothing is left; how many entries."""
    total = 0
    while count := publish.sequence_once():
        total += count
    return total
