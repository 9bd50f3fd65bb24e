"""A replay after a restore, killed between any two of its steps: the vault stays locked until nothing is left to do.

By `make test` it dies at some places, by `make soak` at every one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from audit.ids import uuid7
from compliance.retention.operations import replaying
from compliance.vault import marks, scopes, store
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Epoch
from compliance.vault.models import DestructionMark
from compliance.vault.store import ObjectKind, RestoredDatabase, Scope
from tests import cast as people
from tests.faults.steps import Death, in_child
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

KILLS = 10_000 if os.environ.get("SOAK") else 4


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def seal(organisation_id: UUID, scope: Scope) -> None:
    with tenancy.scope(organisation_id):
        store.put_inline(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.TRANSCRIPT,
            plaintext=b"words",
            media_type="application/json",
        )


def restored(organisation_id: UUID) -> list[KeyName]:
    """A person and two calls are ended, then the key database is as it was before; the names of what came back."""
    person = uuid7()
    doomed = [scopes.subject(person), scopes.call(uuid7(), [person]), scopes.call(uuid7(), [person])]
    for scope in doomed[1:]:
        seal(organisation_id, scope)
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, doomed, ground="erasure_request", cause=uuid7())
    store.resume_destructions(organisation_id)
    names = [KeyName.of_scope(scope.kind, scope.id) for scope in doomed]
    custody.create_missing(organisation_id, names)
    Epoch._base_manager.using("keys").update(mark=0)
    DestructionMark.objects.update(number=0, confirmed=0)
    return names


def is_locked() -> bool:
    marks.forget()
    try:
        marks.check()
    except RestoredDatabase:
        return True
    return False


def test_it_opens_only_after_the_last_step(origin: World, servers: Servers, jobs: Any, tmp_path: Path) -> None:
    organisation_id, report = people.assemble().organisation_id, tmp_path / "report"
    names = restored(organisation_id)
    assert is_locked()
    leave()

    def replay(_: object) -> None:
        replaying.replay_everything()

    with new_world(servers, tmp_path / "measured", origin):
        trail = in_child(replay, report).trail
    deaths, opened = range(0, len(trail), max(1, len(trail) // KILLS)), 0
    for steps in deaths:
        with new_world(servers, tmp_path / "disturbed", origin):
            assert in_child(replay, report, Death(steps, frozenset())).killed_at is not None
            left = custody.surviving(organisation_id, names)
            assert is_locked() or left == []
            opened += not is_locked()
            replaying.replay_everything()
            assert not is_locked()
            assert custody.surviving(organisation_id, names) == []
    assert opened < len(deaths)
    print(f"{len(trail)} steps, killed at {len(deaths)}, open after {opened} of them")
