"""A rotation of an organisation's key, killed between any two of its steps: nothing is lost, and the next run ends it.

By `make test` it dies at some places, by `make soak` at every one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts import tenancy
from accounts.actors import Actor
from compliance.vault import rotating, scopes, store
from compliance.vault.hierarchy import KeyKind
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Key
from compliance.vault.store import ObjectKind, SealedObject
from tests.compliance.vault.conftest import make_organisation
from tests.faults.steps import Death, in_child
from tests.faults.worlds import World, leave, new_world
from tests.servers import Servers

pytestmark = pytest.mark.soak

KILLS = 10_000 if os.environ.get("SOAK") else 4


@pytest.fixture
def origin(servers: Servers, django_test_environment: None, django_db_blocker: Any, tmp_path: Path) -> Iterator[World]:
    """The world before the rotation; only copies of it are touched."""
    with django_db_blocker.unblock(), new_world(servers, tmp_path / "origin") as world:
        yield world


def seal(organisation_id: UUID) -> SealedObject:
    with tenancy.scope(organisation_id):
        return store.put(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), [uuid4()]),
            kind=ObjectKind.RECORDING,
            source=b"words",
            media_type="audio/wav",
        )


def test_nothing_is_lost_and_the_next_run_ends_it(
    origin: World, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "BATCH", 2)  # so that it has batches between which it dies
    organisation_id, report = make_organisation(), tmp_path / "report"
    sealed = [seal(organisation_id) for _ in range(3)]
    actor = Actor.system(organisation_id)

    def rotate(_: object) -> None:
        rotating.rotate_root(actor=actor)

    leave()
    with new_world(servers, tmp_path / "measured", origin):
        trail = in_child(rotate, report).trail
    deaths = range(0, len(trail), max(1, len(trail) // KILLS))
    for steps in deaths:
        with new_world(servers, tmp_path / "disturbed", origin):
            assert in_child(rotate, report, Death(steps, frozenset())).killed_at is not None
            there = [*sealed, seal(organisation_id)]  # the service goes on, under either key
            assert [store.open_bytes(one) for one in there] == [b"words"] * len(there)
            rotating.rotate_root(actor=actor)
            custody.forget()
            assert [store.open_bytes(one) for one in there] == [b"words"] * len(there)
            assert_one_root(organisation_id)
    print(f"{len(trail)} steps, killed at {len(deaths)} of them")


def assert_one_root(organisation_id: UUID) -> None:
    """And every key lies under it."""
    with tenancy.scope(organisation_id, using="keys"):
        rows = list(Key.objects.for_organisation(organisation_id))
    (root,) = [row for row in rows if row.kind == KeyKind.ROOT]
    assert {row.root_id for row in rows if row.kind != KeyKind.ROOT} == {root.id}
