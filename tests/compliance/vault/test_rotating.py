"""Keys are replaced under a running service: everything still opens, no object is rewritten, the log tells it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connections
from pytest_django.fixtures import Settings

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.vault import destruction, keyring, rotating, scopes, store
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody, roots
from compliance.vault.keystore.models import Key
from compliance.vault.store import KeyDestroyed, ObjectKind, SealedObject
from tests.cast import Cast
from tests.compliance.calls import Entries
from tests.compliance.calls import entries as entries
from tests.compliance.vault.conftest import make_organisation
from tests.database import Databases

pytestmark = pytest.mark.usefixtures("store_folder")


@pytest.fixture(autouse=True)
def own_keyring(tmp_path: Path, settings: Settings) -> Path:
    """A keyring that the test may add to."""
    settings.KEYRING_FILE = tmp_path / "keyring.json"
    keyring.create_keyring(settings.KEYRING_FILE)
    return Path(settings.KEYRING_FILE)


def system(organisation_id: UUID) -> Actor:
    return Actor.system(organisation_id)


def put(organisation_id: UUID, scope: scopes.Scope) -> SealedObject:
    with tenancy.scope(organisation_id):
        return store.put(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.RECORDING,
            source=b"words",
            media_type="audio/wav",
        )


def keys(organisation_id: UUID) -> list[Key]:
    with tenancy.scope(organisation_id, using="keys"):
        return list(Key.objects.for_organisation(organisation_id).order_by("id"))


def root_rows(organisation_id: UUID) -> list[Key]:
    return [row for row in keys(organisation_id) if row.kind == KeyKind.ROOT]


def opens(*objects: SealedObject) -> bool:
    """In a process that has no key at hand."""
    custody.forget()
    return all(store.open_bytes(sealed) == b"words" for sealed in objects)


@pytest.fixture
def sealed(organisation_id: UUID) -> list[SealedObject]:
    """Three recordings of one person."""
    person = uuid4()
    return [put(organisation_id, scopes.call(uuid4(), [person])) for _ in range(3)]


# --- the key service's key ----------------------------------------------------------------------------


def test_a_new_key_of_the_service_wraps_the_organisation_key_anew(
    organisation_id: UUID, sealed: list[SealedObject], own_keyring: Path, entries: Entries
) -> None:
    before = keys(organisation_id)
    kid = keyring.add_key(own_keyring)
    assert rotating.rotate_wraps(actor=system(organisation_id)) == 1
    after = keys(organisation_id)
    assert [row.id for row in after] == [row.id for row in before]
    changed = {row.id for row, old in zip(after, before, strict=True) if bytes(row.wrapped) != bytes(old.wrapped)}
    (root,) = root_rows(organisation_id)
    assert changed == {root.id}
    assert kid.encode() in bytes(root.wrapped)
    assert opens(*sealed)
    (entry,) = entries.of("vault.key.rotated")
    assert entry.obj == ("key", root.id)
    assert entry.what == {"key": "root", "service": "local", "level": "key_service"}


def test_what_is_current_is_left(organisation_id: UUID, sealed: list[SealedObject], entries: Entries) -> None:
    before = [bytes(row.wrapped) for row in keys(organisation_id)]
    assert rotating.rotate_wraps(actor=system(organisation_id)) == 0
    assert [bytes(row.wrapped) for row in keys(organisation_id)] == before
    assert entries.of("vault.key.rotated") == []


def test_a_renewal_that_was_not_told_is_told_by_the_next_run(
    organisation_id: UUID, sealed: list[SealedObject], own_keyring: Path, entries: Entries
) -> None:
    keyring.add_key(own_keyring)
    roots.renew_wraps(organisation_id)  # and then the process stops
    assert rotating.rotate_wraps(actor=system(organisation_id)) == 1
    assert rotating.rotate_wraps(actor=system(organisation_id)) == 0
    assert len(entries.of("vault.key.rotated")) == 1


def test_the_command_looks_at_everybody_and_at_the_deployment(
    cast: Cast, own_keyring: Path, entries: Entries, capsys: pytest.CaptureFixture[str]
) -> None:
    put(cast.organisation_id, scopes.call(uuid4(), []))
    keyring.add_key(own_keyring)
    call_command("rotate_keys", "--kms")
    assert ("key", root_rows(tenancy.DEPLOYMENT_ID)[0].id) in [one.obj for one in entries.of("vault.key.rotated")]
    for organisation_id in (cast.organisation_id, tenancy.DEPLOYMENT_ID):
        (root,) = root_rows(organisation_id)
        assert root.is_told
    assert not capsys.readouterr().out.startswith("0 ")
    call_command("rotate_keys", "--kms")
    assert capsys.readouterr().out.startswith("0 ")


# --- an organisation's key ----------------------------------------------------------------------------


def test_a_new_organisation_key_takes_every_key_and_the_old_one_goes(
    organisation_id: UUID, other_organisation_id: UUID, sealed: list[SealedObject], entries: Entries
) -> None:
    strange = put(other_organisation_id, scopes.call(uuid4(), []))
    strangers = [bytes(row.wrapped) for row in keys(other_organisation_id)]
    (old,) = root_rows(organisation_id)
    stored = {row.id: bytes(row.wrapped) for row in keys(organisation_id) if row.kind != KeyKind.ROOT}
    steps: list[rotating.Step] = []
    assert rotating.rotate_root(actor=system(organisation_id), tell=steps.append) == len(stored)
    (new,) = root_rows(organisation_id)
    assert new.id != old.id
    moved = [row for row in keys(organisation_id) if row.kind != KeyKind.ROOT]
    assert {row.id for row in moved} == set(stored)
    assert {row.root_id for row in moved} == {new.id}
    assert all(bytes(row.wrapped) != stored[row.id] for row in moved)
    assert [bytes(row.wrapped) for row in keys(other_organisation_id)] == strangers
    assert opens(*sealed, strange)
    assert steps == [rotating.Step(0, len(stored)), rotating.Step(len(stored), 0)]
    (entry,) = entries.of("vault.key.rotated")
    assert entry.what == {"key": "root", "replaced": str(old.id), "keys": len(stored), "level": "organisation"}


def test_no_object_is_rewritten(organisation_id: UUID, sealed: list[SealedObject], store_folder: Path) -> None:
    def objects() -> list[tuple[bytes, str]]:
        with tenancy.scope(organisation_id):
            rows = SealedObject.objects.for_organisation(organisation_id).order_by("id")
            return [(bytes(row.wrapped_dek), row.store_key) for row in rows]

    def files() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in store_folder.rglob("*") if path.is_file()}

    before = objects(), files()
    rotating.rotate_root(actor=system(organisation_id))
    assert (objects(), files()) == before


def test_a_change_that_was_begun_is_gone_on_with(organisation_id: UUID, sealed: list[SealedObject]) -> None:
    change = roots.begin_change(organisation_id)
    assert change is not None
    assert roots.move_keys(change, 1) == 1  # and then the process stops
    fresh = put(organisation_id, scopes.call(uuid4(), []))  # both keys live
    assert opens(*sealed, fresh)
    left = len([row for row in keys(organisation_id) if row.root_id == change.old_id])
    assert rotating.rotate_root(actor=system(organisation_id)) == left
    (root,) = root_rows(organisation_id)
    assert root.id == change.new_id
    assert opens(*sealed, fresh)


def test_the_old_key_cannot_go_while_something_lies_under_it(organisation_id: UUID, sealed: list[SealedObject]) -> None:
    change = roots.begin_change(organisation_id)
    assert change is not None
    assert not roots.end_change(change)
    assert len(root_rows(organisation_id)) == 2
    assert opens(*sealed)


def test_a_process_that_still_has_the_old_key_at_hand_makes_no_lost_key(
    organisation_id: UUID, sealed: list[SealedObject]
) -> None:
    """Its first key after the change is refused by the database, and made under the new one."""
    old = custody.root(organisation_id)
    rotating.rotate_root(actor=system(organisation_id))
    custody._cache.put(organisation_id, custody.current_root(organisation_id), old)
    fresh = put(organisation_id, scopes.call(uuid4(), []))
    assert opens(*sealed, fresh)


def test_a_row_that_was_read_before_it_moved_is_read_again(
    organisation_id: UUID, sealed: list[SealedObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, is_first = custody._rows, True

    def rows(*arguments: Any) -> list[Key]:
        nonlocal is_first
        found = real(*arguments)
        if is_first:
            is_first = False
            rotating.rotate_root(actor=system(organisation_id))
            custody.forget()
        return found

    custody.forget()
    monkeypatch.setattr(custody, "_rows", rows)
    assert store.open_bytes(sealed[0]) == b"words"


def test_a_destroyed_key_stays_destroyed(organisation_id: UUID, sealed: list[SealedObject]) -> None:
    scope = sealed[0].scope
    with tenancy.scope(organisation_id):
        store.begin_destruction(organisation_id, [scope], ground="erasure_request", cause=uuid4())
    store.carry_out_destruction(organisation_id, scope)
    rotating.rotate_root(actor=system(organisation_id))
    with pytest.raises(KeyDestroyed):
        store.open_bytes(sealed[0])
    assert opens(*sealed[1:])
    assert destruction.resume(organisation_id) == 0


def test_an_organisation_without_keys_has_nothing_to_rotate(organisation_id: UUID) -> None:
    assert rotating.rotate_root(actor=system(organisation_id)) == 0
    assert keys(organisation_id) == []


def test_only_the_operator_rotates(cast: Cast) -> None:
    for actor in (cast.owner.actor, cast.officer.actor, cast.robot):
        for rotate in (rotating.rotate_wraps, rotating.rotate_root):
            with pytest.raises(NotAllowed):
                rotate(actor=actor)
    rotating.rotate_root(actor=system(cast.organisation_id))


def test_the_command_refuses_a_stranger(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError):
        call_command("rotate_keys", "--organisation", str(uuid4()))
    put(cast.organisation_id, scopes.call(uuid4(), []))
    call_command("rotate_keys", "--organisation", str(cast.organisation_id))
    assert "the old one is deleted" in capsys.readouterr().out


def test_the_database_refuses_to_lose_an_organisation_key(organisation_id: UUID, sealed: list[SealedObject]) -> None:
    with pytest.raises(IntegrityError), tenancy.scope(organisation_id, using="keys"):
        Key.objects.for_organisation(organisation_id).filter(kind=KeyKind.ROOT).delete()


# --- while others work --------------------------------------------------------------------------------


@pytest.fixture
def committed_organisation(committed_db: Databases) -> Iterator[UUID]:
    """An organisation in databases of the test's own."""
    custody.forget()
    yield make_organisation()
    connections.close_all()


def test_two_rotate_while_two_seal_and_open(committed_organisation: UUID) -> None:
    organisation_id = committed_organisation
    first = [put(organisation_id, scopes.call(uuid4(), [])) for _ in range(4)]

    def rotate(_: int) -> list[SealedObject]:
        try:
            rotating.rotate_root(actor=system(organisation_id))
            rotating.rotate_root(actor=system(organisation_id))
            return []
        finally:
            connections.close_all()

    def work(_: int) -> list[SealedObject]:
        try:
            made = []
            for _ in range(6):
                made.append(put(organisation_id, scopes.call(uuid4(), [])))
                custody.evict(organisation_id, KeyName.of_scope(made[-1].scope.kind, made[-1].scope.id))
                assert store.open_bytes(made[-1]) == b"words"
            return made
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(job, number) for number, job in enumerate((rotate, work, rotate, work))]
        made = [sealed for future in running for sealed in future.result(timeout=120)]
    (root,) = root_rows(organisation_id)
    assert {row.root_id for row in keys(organisation_id) if row.id != root.id} <= {root.id}
    assert opens(*first, *made)
