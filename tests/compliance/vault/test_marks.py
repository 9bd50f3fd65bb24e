"""Whoever brings an old database back is noticed before anything is opened, whichever of the three places it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from audit.ids import uuid7
from compliance.errors import Unavailable
from compliance.vault import blobs, destruction, marks, scopes, store
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Epoch
from compliance.vault.models import DestructionMark
from compliance.vault.store import KeyDestroyed, ObjectKind, RestoredDatabase, Scope

pytestmark = pytest.mark.usefixtures("store_folder")
FOLDER = "tombstones/marks"


def seal(organisation_id: UUID, scope: Scope) -> store.SealedObject:
    with tenancy.scope(organisation_id):
        return store.put_inline(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.TRANSCRIPT,
            plaintext=b"words",
            media_type="application/json",
        )


def destroy(organisation_id: UUID, *doomed: Scope) -> None:
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, doomed, ground="erasure_request", cause=uuid7())
    store.resume_destructions(organisation_id)


def numbers(folder: Path) -> tuple[int, int, int, int]:
    """In the store, drawn and confirmed in the main database, kept in the key database."""
    stored = [int(path.name) for path in (folder / FOLDER).glob("*")]
    row = DestructionMark.objects.get()
    return max(stored, default=0), row.number, row.confirmed, custody.last_mark()


def old_main() -> None:
    DestructionMark.objects.update(number=0, confirmed=0)


def old_keys() -> None:
    Epoch._base_manager.using("keys").update(mark=0)


def old_both() -> None:
    old_main()
    old_keys()


# --- in step ------------------------------------------------------------------------------------------


def test_each_destruction_leaves_its_number_in_all_three_places(organisation_id: UUID, store_folder: Path) -> None:
    assert numbers(store_folder) == (0, 0, 0, 0)
    for number in (1, 2):
        scope = scopes.call(uuid4(), [])
        seal(organisation_id, scope)
        destroy(organisation_id, scope)
        assert numbers(store_folder) == (number, number, number, number)
        marks.check()


def test_a_batch_is_one_destruction(organisation_id: UUID, store_folder: Path) -> None:
    doomed = [scopes.call(uuid4(), []) for _ in range(3)]
    for scope in doomed:
        seal(organisation_id, scope)
    destroy(organisation_id, *doomed)
    assert numbers(store_folder) == (1, 1, 1, 1)


def test_older_numbers_are_removed_now_and_then(organisation_id: UUID, store_folder: Path) -> None:
    for _ in range(65):
        marks.draw()
    assert sorted(int(path.name) for path in (store_folder / FOLDER).glob("*")) == [64, 65]


@pytest.mark.parametrize("stopped_after", ["draw", "destroy"])
def test_a_destruction_that_stopped_halfway_locks_nothing(organisation_id: UUID, stopped_after: str) -> None:
    number = marks.draw()
    if stopped_after == "destroy":
        custody.destroy(organisation_id, [], mark=number)
    marks.check()


# --- an older database --------------------------------------------------------------------------------


@pytest.fixture
def after_an_erasure(organisation_id: UUID) -> Scope:
    """One call was erased, another one is there, and the process has just begun."""
    erased, kept = scopes.call(uuid4(), []), scopes.call(uuid4(), [])
    for scope in (erased, kept):
        seal(organisation_id, scope)
    destroy(organisation_id, erased)
    marks.forget()
    return kept


@pytest.mark.parametrize("restore", [old_main, old_keys, old_both])
def test_nothing_is_opened_or_sealed(
    organisation_id: UUID, after_an_erasure: Scope, restore: Callable[[], None]
) -> None:
    kept = after_an_erasure
    sealed, value = seal(organisation_id, kept), store.seal_value(organisation_id, kept, "label", b"words")
    restore()
    marks.forget()
    for attempt in (
        lambda: store.open_bytes(sealed),
        lambda: store.open_range(sealed, 0, 1),
        lambda: list(store.open_each(organisation_id, [sealed])),
        lambda: store.open_value(organisation_id, kept, "label", value),
        lambda: store.seal_value(organisation_id, kept, "label", b"more"),
        lambda: store.ensure_scope(organisation_id, scopes.call(uuid4(), [])),
        lambda: seal(organisation_id, kept),
        store.is_ready,
    ):
        with pytest.raises(RestoredDatabase) as refusal:
            attempt()
        assert (refusal.value.code, refusal.value.status) == ("restored_database", 503)
    assert Client().get("/readyz").json()["checks"]["vault"] == "restored_database"


def test_the_store_alone_need_not_remember(organisation_id: UUID, after_an_erasure: Scope, store_folder: Path) -> None:
    """Restored together with the store: the other database still knows."""
    shutil.rmtree(store_folder / "tombstones")
    old_keys()
    with pytest.raises(RestoredDatabase):
        marks.check()
    old_main()
    Epoch._base_manager.using("keys").update(mark=1)
    with pytest.raises(RestoredDatabase):
        marks.check()


def test_nothing_is_destroyed_meanwhile_for_its_number_would_open_the_vault(
    organisation_id: UUID, after_an_erasure: Scope
) -> None:
    old_main()
    marks.forget()
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [after_an_erasure], ground="erasure_request", cause=uuid7())
    with pytest.raises(RestoredDatabase):
        store.resume_destructions(organisation_id)
    with pytest.raises(RestoredDatabase):
        store.carry_out_destruction(organisation_id, after_an_erasure)
    assert DestructionMark.objects.get().number == 0


def test_other_destructions_of_keys_do_not_hide_it(organisation_id: UUID, after_an_erasure: Scope) -> None:
    old_keys()
    name = KeyName(KeyKind.INBOX, uuid4())
    custody.create_missing(organisation_id, [name])
    custody.destroy(organisation_id, [name])  # as the log ends its days
    destruction.sweep_orphans(organisation_id)
    with pytest.raises(RestoredDatabase):
        marks.check()


def test_the_log_is_still_written(organisation_id: UUID, after_an_erasure: Scope) -> None:
    """The replay has to tell what it does: `append` raises where it cannot."""
    old_both()
    marks.forget()
    with tenancy.operation(Actor.system(organisation_id)):
        log.append(
            actor=Actor.system(organisation_id),
            event="vault.key.destroyed",
            organisation_id=organisation_id,
            obj=("key", uuid4()),
            cls=log.EntryClass.SYSTEM,
        )
    with pytest.raises(RestoredDatabase):
        store.ensure_scope(organisation_id, after_an_erasure)  # locked all the while


# --- how often it is looked at ------------------------------------------------------------------------


def test_a_process_looks_once_and_then_now_and_then(
    organisation_id: UUID, after_an_erasure: Scope, settings: Settings
) -> None:
    sealed = seal(organisation_id, after_an_erasure)
    old_main()
    assert store.open_bytes(sealed) == b"words"  # it looked a moment ago
    settings.RESTORE_CHECK_SECONDS = 0
    with pytest.raises(RestoredDatabase):
        store.open_bytes(sealed)
    settings.RESTORE_CHECK_SECONDS = 3600
    with pytest.raises(RestoredDatabase):
        store.open_bytes(sealed)  # and it does not forget that


def test_a_store_that_does_not_answer_proves_nothing(
    organisation_id: UUID, after_an_erasure: Scope, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RESTORE_CHECK_SECONDS = 0
    sealed = seal(organisation_id, after_an_erasure)

    def inventory(*_: object) -> None:
        raise Unavailable()

    monkeypatch.setattr(blobs.FileBlobs, "inventory", inventory)
    assert store.open_bytes(sealed) == b"words"  # seen before: goes on
    marks.forget()
    with pytest.raises(Unavailable) as refusal:
        store.open_bytes(sealed)  # never seen: does not begin
    assert not isinstance(refusal.value, RestoredDatabase)


def test_settled_it_opens_again(organisation_id: UUID, after_an_erasure: Scope) -> None:
    sealed = seal(organisation_id, after_an_erasure)
    old_both()
    marks.forget()
    assert marks.settle() == 1
    assert store.open_bytes(sealed) == b"words"
    with pytest.raises(KeyDestroyed):
        store.open_value(organisation_id, scopes.call(uuid4(), []), "label", b"")
