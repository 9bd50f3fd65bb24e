"""What leaves for an outside check: proven ciphertext, and keys of the living only."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from django.db import connections
from django.utils import timezone

from accounts import tenancy
from audit.ids import uuid7
from compliance.vault import scopes, store
from compliance.vault.models import SealedObject
from compliance.vault.store import KeyDestroyed, ObjectKind, Scope, Unreadable
from tests.compliance.vault.conftest import make_organisation
from tests.database import Databases

pytestmark = pytest.mark.usefixtures("store_folder")
DATA = bytes(range(256)) * 1200


def put(organisation_id: UUID, scope: Scope | None = None, data: bytes = DATA, *, inline: bool = False) -> SealedObject:
    where: dict[str, Any] = {
        "organisation_id": organisation_id,
        "scope": scope or scopes.call(uuid4(), [uuid4()]),
        "kind": ObjectKind.RECORDING,
        "media_type": "audio/wav",
    }
    with tenancy.scope(organisation_id):
        return store.put_inline(plaintext=data, **where) if inline else store.put(source=data, **where)


def keys_of(organisation_id: UUID, *objects: SealedObject) -> dict[UUID, store.DataKey]:
    with tenancy.scope(organisation_id):
        return store.hand_over_keys(organisation_id, [one.id for one in objects])


def end(organisation_id: UUID, scope: Scope) -> None:
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [scope], ground="erasure_request", cause=uuid7())


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("data", [b"", b"words", DATA])
def test_the_recipe_opens_what_is_stored_with_the_key_that_is_handed_over(
    organisation_id: UUID, store_folder: Path, data: bytes, inline: bool
) -> None:
    sealed = put(organisation_id, data=data, inline=inline)
    store.prove_intact(sealed)
    stored = b"".join(store.stored_bytes(sealed))
    assert stored == (bytes(sealed.inline or b"") if inline else (store_folder / sealed.store_key).read_bytes())
    key = keys_of(organisation_id, sealed)[sealed.id]
    recipe = Cobblestone256Decryptor(key.key, key.context)
    assert recipe.update(stored) + recipe.finalize() == data


@pytest.mark.parametrize("at", [5, 40, 90, -1])
def test_one_altered_byte_anywhere_in_the_store_is_seen(organisation_id: UUID, store_folder: Path, at: int) -> None:
    """In the first 56 bytes too, where a reader of ours uses the row's own."""
    sealed = put(organisation_id)
    path = store_folder / sealed.store_key
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unreadable):
        store.prove_intact(sealed)
    with pytest.raises(Unreadable):
        list(store.stored_bytes(sealed))


@pytest.mark.parametrize("column", ["sha256", "ciphertext_sha256"])
def test_a_digest_that_the_register_does_not_know_is_seen(organisation_id: UUID, column: str) -> None:
    sealed = put(organisation_id)
    store.prove_intact(sealed)
    setattr(sealed, column, "0" * 64)
    with pytest.raises(Unreadable):
        store.prove_intact(sealed)


def test_a_deletion_meanwhile_does_not_break_what_has_begun(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id)
    path = store_folder / sealed.store_key
    before, pieces = path.read_bytes(), store.stored_bytes(sealed)
    path.unlink()
    assert b"".join(pieces) == before
    with pytest.raises(Unreadable):
        store.stored_bytes(sealed)


def test_keys_of_the_living_only(organisation_id: UUID, other_organisation_id: UUID) -> None:
    """The call is ended, one of its people is, the bytes are deleted, it is somebody else's; and one lives."""
    person, scope = uuid4(), scopes.call(uuid4(), [])
    alive, ended, deleted = put(organisation_id), put(organisation_id, scope), put(organisation_id)
    persons, foreign = put(organisation_id, scopes.call(uuid4(), [uuid4(), person])), put(other_organisation_id)
    everything = (alive, ended, deleted, persons, foreign)
    assert set(keys_of(organisation_id, *everything)) == {alive.id, ended.id, deleted.id, persons.id}
    end(organisation_id, scope)
    end(organisation_id, scopes.subject(person))
    store.delete_bytes(deleted)
    assert set(keys_of(organisation_id, *everything)) == {alive.id}
    for sealed in (ended, persons):
        with pytest.raises(KeyDestroyed):
            store.prove_intact(sealed)


def test_memory_stays_flat(organisation_id: UUID) -> None:
    sealed = put(organisation_id, data=DATA * 40)  # 12 MB
    store.prove_intact(sealed)
    tracemalloc.start()
    store.prove_intact(sealed)
    length = sum(len(piece) for piece in store.stored_bytes(sealed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length == sealed.ciphertext_length
    assert peak < 3_000_000


def _beside(call: Callable[[], object]) -> Future[object]:
    def run() -> object:
        try:
            return call()
        finally:
            connections.close_all()

    executor = ThreadPoolExecutor(1)
    future = executor.submit(run)
    executor.shutdown(wait=False)
    return future


def test_an_end_waits_for_the_entry_of_a_key_that_leaves(committed_db: Databases) -> None:
    """Either the erasure is first, and the key stays; or the key is first, and the log says so before the erasure."""
    organisation_id, scope = make_organisation(), scopes.call(uuid4(), [])
    sealed = put(organisation_id, scope)
    with tenancy.scope(organisation_id):
        assert set(store.hand_over_keys(organisation_id, [sealed.id])) == {sealed.id}
        worker = _beside(lambda: end(organisation_id, scope))
        deadline = timezone.now() + timedelta(seconds=60)
        while not _somebody_waits():
            assert not worker.done()
            assert timezone.now() < deadline
    worker.result(60)
    assert keys_of(organisation_id, sealed) == {}


def _somebody_waits() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        (count,) = cursor.fetchone() or (0,)
    return bool(count)
