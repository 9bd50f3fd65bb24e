"""After a restore everything that was destroyed is destroyed again, from whichever place still knows of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from accounts import tenancy
from audit.ids import uuid7
from compliance.errors import Unreadable
from compliance.vault import scopes, store
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import Tombstone
from compliance.vault.store import KeyDestroyed, ObjectKind, Replayed, Scope
from tests.cast import Cast

pytestmark = pytest.mark.usefixtures("store_folder")


@pytest.fixture
def organisation_id(cast: Cast) -> UUID:
    """One with members, as the replay finds them."""
    return cast.organisation_id


def seal(organisation_id: UUID, scope: Scope) -> store.SealedObject:
    with tenancy.scope(organisation_id):
        return store.put_inline(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.TRANSCRIPT,
            plaintext=b"words",
            media_type="application/json",
        )


def destroyed(organisation_id: UUID) -> Scope:
    """A call that was there and is ended."""
    scope = scopes.call(uuid4(), [])
    seal(organisation_id, scope)
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [scope], ground="erasure_request", cause=uuid7())
    store.carry_out_destruction(organisation_id, scope)
    return scope


def replay(organisation_id: UUID) -> Replayed:
    """All batches as one."""
    steps = list(store.replay_tombstones(organisation_id, store.stored_tombstones().get(organisation_id, set())))
    return Replayed(
        [scope for step in steps for scope in step.scopes],
        sum(step.learned for step in steps),
        sum(step.keys for step in steps),
    )


def test_the_key_that_came_back_goes_again(organisation_id: UUID) -> None:
    scope, kept = destroyed(organisation_id), scopes.call(uuid4(), [])
    other = seal(organisation_id, kept)
    name = KeyName.of_scope(scope.kind, scope.id)
    custody.create_missing(organisation_id, [name])  # as an old key database has it
    assert replay(organisation_id) == Replayed([scope], 0, 1)
    assert custody.surviving(organisation_id, [name]) == []
    assert replay(organisation_id) == Replayed([scope], 0, 0)
    assert store.open_bytes(other) == b"words"


def test_copies_that_the_store_has_lost_are_written_again(organisation_id: UUID, store_folder: Path) -> None:
    destroyed(organisation_id)
    before = {path: path.read_bytes() for path in (store_folder / "tombstones" / str(organisation_id)).iterdir()}
    shutil.rmtree(store_folder / "tombstones")
    replay(organisation_id)
    assert {path: path.read_bytes() for path in before} == before


def test_what_the_main_database_forgot_is_learned_from_the_store(
    organisation_id: UUID, store_folder: Path, cast: Cast
) -> None:
    """Another call's copy, moved under the id of one that this database has never ended."""
    scope, living = destroyed(organisation_id), scopes.call(uuid4(), [])
    sealed = seal(organisation_id, living)
    (copy,) = (store_folder / "tombstones" / str(organisation_id)).iterdir()
    forgotten = copy.with_name(str(uuid4()))
    forgotten.write_text(copy.read_text().replace(str(scope.id), str(living.id)))
    found = replay(organisation_id)
    assert (found.learned, found.keys) == (1, 1)
    assert {one.id for one in found.scopes} == {scope.id, living.id}
    with pytest.raises(KeyDestroyed):
        store.open_bytes(sealed)
    with tenancy.scope(organisation_id):
        row = Tombstone.objects.for_organisation(organisation_id).get(scope_id=living.id)
    assert (str(row.key_id), row.ground) == (forgotten.name, "erasure_request")
    assert row.destroyed_at is not None
    assert row.proof_entry is not None
    assert replay(organisation_id).learned == 0


def test_an_organisation_that_the_main_database_does_not_know_loses_its_keys_all_the_same(
    organisation_id: UUID, store_folder: Path
) -> None:
    """Restored to a time before it was created."""
    scope, stranger = destroyed(organisation_id), uuid7()
    shutil.copytree(store_folder / "tombstones" / str(organisation_id), store_folder / "tombstones" / str(stranger))
    name = KeyName.of_scope(scope.kind, scope.id)
    custody.create_missing(stranger, [name])
    assert replay(stranger) == Replayed([], 0, 1)
    assert custody.surviving(stranger, [name]) == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"scope": {"kind": "none", "id": 1}}', b"\xff"])
def test_a_copy_that_is_none_stops_the_replay(organisation_id: UUID, store_folder: Path, content: bytes) -> None:
    destroyed(organisation_id)
    (store_folder / "tombstones" / str(organisation_id) / str(uuid4())).write_bytes(content)
    with pytest.raises(Unreadable):
        replay(organisation_id)
