"""The end of a key: nothing opens from the deciding commit on, and a step that was missed is made up exactly once."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction
from django.utils import timezone

from accounts import tenancy
from accounts.models import DueWork
from audit import log
from audit.ids import uuid7
from compliance.errors import NotFound, Unavailable
from compliance.vault import admission, blobs, destruction, scopes, store, tasks
from compliance.vault.errors import KmsUnavailable
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Epoch, Key
from compliance.vault.models import KeyUse, Tombstone
from compliance.vault.store import KeyDestroyed, ObjectKind, Scope, SealedObject
from tests.compliance.vault.conftest import make_organisation, rolled_back
from tests.database import Databases

pytestmark = pytest.mark.usefixtures("store_folder")
GROUND = "erasure_request"


class Entries(list[dict[str, Any]]):
    """What was written to the log, as the caller said it."""


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    """Every log entry still goes to the log; the test reads along."""
    seen, real = Entries(), log.append

    def append(**entry: Any) -> UUID:
        seen.append(entry)
        return real(**entry)

    monkeypatch.setattr(log, "append", append)
    return seen


def put(organisation_id: UUID, scope: Scope) -> SealedObject:
    """Store one recording."""
    with tenancy.scope(organisation_id):
        return store.put(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.RECORDING,
            source=b"words",
            media_type="audio/wav",
        )


def begin(organisation_id: UUID, *doomed: Scope, cause: UUID | None = None) -> list[Tombstone]:
    """Decide to end these scopes, and commit."""
    with tenancy.scope(organisation_id):
        return store.begin_destruction(organisation_id, doomed, ground=GROUND, cause=cause or uuid7())


def tombstone_of(organisation_id: UUID, scope: Scope) -> Tombstone:
    """Its row as it stands now."""
    with tenancy.scope(organisation_id):
        found: Tombstone = Tombstone.objects.for_organisation(organisation_id).get(scope_id=scope.id)
    return found


def key_exists(organisation_id: UUID, scope: Scope) -> bool:
    """Whether the key database still holds the scope's key."""
    return bool(custody.surviving(organisation_id, [KeyName.of_scope(scope.kind, scope.id)]))


# --- from the deciding commit on ------------------------------------------------------------------------


def test_nothing_opens_though_key_and_cache_are_still_there(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [uuid4()])
    sealed = put(organisation_id, scope)
    value = store.seal_value(organisation_id, scope, "label", b"words")
    begin(organisation_id, scope)
    custody.load(organisation_id, admission.names_of(scope))  # at hand again, as in another process
    assert key_exists(organisation_id, scope)
    for attempt in (
        lambda: store.open_bytes(sealed),
        lambda: store.open_range(sealed, 0, 1),
        lambda: store.open_stream(sealed),
        lambda: store.open_value(organisation_id, scope, "label", value),
        lambda: store.seal_value(organisation_id, scope, "label", b"more"),
        lambda: store.ensure_scope(organisation_id, scope),
        lambda: put(organisation_id, scope),
    ):
        with pytest.raises(KeyDestroyed):
            attempt()
    assert store.is_tombstoned(organisation_id, scope)


def test_a_principals_end_is_the_end_of_all_their_calls(organisation_id: UUID) -> None:
    person, other = uuid4(), uuid4()
    theirs, shared, others = (scopes.call(uuid4(), ids) for ids in ([person], [person, other], [other]))
    sealed = {scope: put(organisation_id, scope) for scope in (theirs, shared, others)}
    begin(organisation_id, scopes.subject(person))
    for scope in (theirs, shared):
        assert store.is_tombstoned(organisation_id, scope)
        with pytest.raises(KeyDestroyed):
            store.open_bytes(sealed[scope])
    assert store.open_bytes(sealed[others]) == b"words"
    with pytest.raises(KeyDestroyed):
        store.ensure_subject(organisation_id, person)


def test_the_end_of_a_call_leaves_its_principals(organisation_id: UUID) -> None:
    person = uuid4()
    doomed, kept = scopes.call(uuid4(), [person]), scopes.call(uuid4(), [person])
    put(organisation_id, doomed)
    sealed = put(organisation_id, kept)
    begin(organisation_id, doomed)
    store.carry_out_destruction(organisation_id, doomed)
    assert store.open_bytes(sealed) == b"words"


def test_another_organisation_is_not_touched(organisation_id: UUID, other_organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    put(organisation_id, scope)
    sealed = put(other_organisation_id, scope)
    begin(organisation_id, scope)
    store.carry_out_destruction(organisation_id, scope)
    assert store.open_bytes(sealed) == b"words"


def test_a_decision_that_is_rolled_back_ends_nothing(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    sealed = put(organisation_id, scope)
    with rolled_back(organisation_id):
        store.begin_destruction(organisation_id, [scope], ground=GROUND, cause=uuid7())
    assert store.open_bytes(sealed) == b"words"
    with pytest.raises(NotFound):
        store.carry_out_destruction(organisation_id, scope)


def test_it_begins_only_inside_a_transaction(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["default"], "in_atomic_block", False)
    with pytest.raises(transaction.TransactionManagementError):
        store.begin_destruction(organisation_id, [], ground=GROUND, cause=uuid7())


def test_what_arrives_late_is_refused_and_its_bytes_taken_back(organisation_id: UUID, store_folder: Path) -> None:
    scope = scopes.call(uuid4(), [uuid4()])
    staged = store.stage(
        organisation_id=organisation_id, scope=scope, kind=ObjectKind.RECORDING, source=b"late", media_type="audio/wav"
    )
    begin(organisation_id, scopes.subject(scope.principals[0]))
    with pytest.raises(KeyDestroyed), tenancy.scope(organisation_id):
        store.record(staged)
    assert not [path for path in store_folder.rglob("*") if path.is_file()]


def test_the_first_ground_and_cause_stay(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    put(organisation_id, scope)
    first = uuid7()
    (one,) = begin(organisation_id, scope, cause=first)
    (again,) = begin(organisation_id, scope)
    assert (one.id, one.cause) == (again.id, first)
    assert tombstone_of(organisation_id, scope).cause == first


def test_a_scope_without_a_key_can_end_too(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    (tombstone,) = begin(organisation_id, scope)
    assert tombstone.key_id == tombstone.id
    store.carry_out_destruction(organisation_id, scope)
    with pytest.raises(KeyDestroyed):
        put(organisation_id, scope)


# --- the steps ------------------------------------------------------------------------------------------


def test_the_steps_leave_tombstone_proof_and_entry(organisation_id: UUID, store_folder: Path, entries: Entries) -> None:
    scope = scopes.call(uuid4(), [uuid4()])
    put(organisation_id, scope)
    with tenancy.scope(organisation_id):
        key_id = KeyUse.objects.for_organisation(organisation_id).get(scope_id=scope.id).key_id
    cause = uuid7()
    begin(organisation_id, scope, cause=cause)
    destroyed = store.carry_out_destruction(organisation_id, scope)
    tombstone = tombstone_of(organisation_id, scope)
    assert not key_exists(organisation_id, scope)
    assert (destroyed.key_id, destroyed.destroyed_at) == (key_id, tombstone.destroyed_at)
    assert tombstone.stored_at is not None
    assert tombstone.requested_at <= tombstone.stored_at <= destroyed.destroyed_at
    copy = json.loads((store_folder / "tombstones" / str(organisation_id) / str(key_id)).read_bytes())
    assert copy == {
        "v": 1,
        "organisation": str(organisation_id),
        "scope": {"kind": "call", "id": str(scope.id)},
        "key": str(key_id),
        "ground": GROUND,
        "cause": str(cause),
        "requested_at": tombstone.requested_at.isoformat(),
    }
    (entry,) = entries
    assert (entry["event"], entry["obj"], entry["cls"]) == (
        "vault.key.destroyed",
        ("key", key_id),
        log.EntryClass.DELETE,
    )
    assert entry["why"] == {"ground": GROUND, "decided_by": str(cause)}


def test_carrying_out_twice_is_once(organisation_id: UUID, entries: Entries) -> None:
    scope = scopes.call(uuid4(), [])
    put(organisation_id, scope)
    begin(organisation_id, scope)
    first = store.carry_out_destruction(organisation_id, scope)
    assert store.carry_out_destruction(organisation_id, scope) == first
    assert store.resume_destructions(organisation_id) == 0
    assert len(entries) == 1


def test_destructions_are_counted_for_the_restore(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    put(organisation_id, scope)

    def number() -> int:
        return sum(Epoch._base_manager.using("keys").values_list("number", flat=True))

    before = number()
    begin(organisation_id, scope)
    store.carry_out_destruction(organisation_id, scope)
    store.carry_out_destruction(organisation_id, scope)
    assert number() == before + 1


Failure = Callable[[pytest.MonkeyPatch], None]


def _store_fails(patch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise Unavailable()

    patch.setattr(blobs.FileBlobs, "write", write)


def _keys_fail(patch: pytest.MonkeyPatch) -> None:
    def destroy(*_: object, **__: object) -> int:
        raise KmsUnavailable()

    patch.setattr(custody, "destroy", destroy)


def _log_fails(patch: pytest.MonkeyPatch) -> None:
    def append(**_: object) -> UUID:
        raise Unavailable()

    patch.setattr(log, "append", append)


@pytest.mark.parametrize(
    ("failure", "stored", "key_left"),
    [(_store_fails, False, True), (_keys_fail, True, True), (_log_fails, True, False)],
    ids=["tombstone copy", "key", "proof"],
)
def test_a_step_that_fails_is_made_up_later(
    organisation_id: UUID, failure: Failure, stored: bool, key_left: bool, entries: Entries
) -> None:
    scope = scopes.call(uuid4(), [])
    sealed = put(organisation_id, scope)
    begin(organisation_id, scope)
    with pytest.MonkeyPatch.context() as patch:
        failure(patch)
        with pytest.raises((Unavailable, KmsUnavailable)):
            store.carry_out_destruction(organisation_id, scope)
    tombstone = tombstone_of(organisation_id, scope)
    assert (tombstone.stored_at is not None, tombstone.destroyed_at) == (stored, None)
    assert key_exists(organisation_id, scope) is key_left
    with pytest.raises(KeyDestroyed):
        store.open_bytes(sealed)
    assert store.resume_destructions(organisation_id) == 1
    assert not key_exists(organisation_id, scope)
    assert tombstone_of(organisation_id, scope).destroyed_at is not None
    assert len(entries) == 1


def test_a_key_that_survives_its_deletion_is_not_called_destroyed(
    organisation_id: UUID, monkeypatch: pytest.MonkeyPatch, entries: Entries
) -> None:
    scope = scopes.call(uuid4(), [])
    put(organisation_id, scope)
    begin(organisation_id, scope)
    monkeypatch.setattr(custody, "destroy", lambda *_, **__: 1)
    with pytest.raises(Unavailable):
        store.carry_out_destruction(organisation_id, scope)
    assert tombstone_of(organisation_id, scope).destroyed_at is None
    assert not entries


def test_every_decision_has_a_safety_net(organisation_id: UUID, entries: Entries) -> None:
    doomed, other = [scopes.call(uuid4(), []) for _ in range(3)], scopes.call(uuid4(), [])
    for scope in [*doomed, other]:
        put(organisation_id, scope)
    cause = uuid7()
    begin(organisation_id, *doomed, cause=cause)
    begin(organisation_id, other)
    work = DueWork.objects.get(job=tasks.FINISH_DESTRUCTION, object_id=cause)
    assert work.organisation_id == organisation_id
    assert work.due_at > timezone.now() + timedelta(seconds=60)
    assert destruction.resume(organisation_id, cause=cause) == 3
    assert {entry["what"]["scope_id"] for entry in entries} == {str(scope.id) for scope in doomed}
    assert key_exists(organisation_id, other)


def test_the_bytes_can_go_too(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id, scopes.call(uuid4(), []))
    proof = store.delete_bytes(sealed)
    assert proof.absent
    assert (proof.place, proof.key, proof.answer) == ("file", sealed.store_key, "absent")
    assert not (store_folder / sealed.store_key).exists()
    row = store.sealed_object(organisation_id, sealed.id)
    assert row.deleted_at is not None
    assert bytes(row.wrapped_dek) == b""
    assert row.sha256 == sealed.sha256
    with pytest.raises(KeyDestroyed):
        store.open_bytes(row)
    assert store.delete_bytes(row).absent
    assert store.sealed_object(organisation_id, sealed.id).deleted_at == row.deleted_at


def test_inline_bytes_can_go_too(organisation_id: UUID) -> None:
    with tenancy.scope(organisation_id):
        sealed = store.put_inline(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), []),
            kind=ObjectKind.TRANSCRIPT,
            plaintext=b"words",
            media_type="text/plain",
        )
    assert not store.prove_absent(sealed).absent
    assert store.delete_bytes(sealed).absent
    row = store.sealed_object(organisation_id, sealed.id)
    assert (row.inline, bytes(row.wrapped_dek)) == (None, b"")


def test_a_store_that_is_not_there_proves_nothing(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id, scopes.call(uuid4(), []))
    store_folder.rename(store_folder.with_name("unmounted"))
    with pytest.raises(Unavailable):
        store.prove_absent(sealed)
    assert store.sealed_object(organisation_id, sealed.id).deleted_at is None


def test_tombstones_cannot_be_edited_or_taken_away(organisation_id: UUID) -> None:
    from django.db.utils import ProgrammingError

    begin(organisation_id, scopes.call(uuid4(), []))
    for statement in ("DELETE FROM vault_tombstone", "UPDATE vault_tombstone SET ground = 'x'"):
        with pytest.raises(ProgrammingError, match="permission denied"), tenancy.scope(organisation_id):
            with connections["default"].cursor() as cursor:
                cursor.execute(statement)


# --- keys made in vain ----------------------------------------------------------------------------------


def _make_in_vain(organisation_id: UUID, name: KeyName, *, hours: float) -> None:
    custody.create_missing(organisation_id, [name])
    with tenancy.scope(organisation_id, using="keys"):
        keys = Key.objects.for_organisation(organisation_id).filter(scope_id=name.scope_id)
        keys.update(created_at=timezone.now() - timedelta(hours=hours))


def test_keys_without_use_are_swept_after_a_day(organisation_id: UUID) -> None:
    old, young = (KeyName(KeyKind.CALL, uuid4()) for _ in range(2))
    _make_in_vain(organisation_id, old, hours=24.1)
    _make_in_vain(organisation_id, young, hours=23.9)
    assert destruction.sweep_orphans(organisation_id) == 1
    assert custody.surviving(organisation_id, [old, young]) == [young]


def test_an_orphan_behind_pages_of_used_keys_is_found(organisation_id: UUID) -> None:
    for _ in range(3):
        put(organisation_id, scopes.call(uuid4(), [uuid4()]))
    with tenancy.scope(organisation_id, using="keys"):
        Key.objects.for_organisation(organisation_id).update(created_at=timezone.now() - timedelta(days=400))
    orphan = KeyName(KeyKind.CALL, uuid4())
    _make_in_vain(organisation_id, orphan, hours=25)
    assert destruction.sweep_orphans(organisation_id, limit=2) == 1
    assert custody.surviving(organisation_id, [orphan]) == []


def test_used_keys_are_never_swept(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [uuid4()])
    sealed = put(organisation_id, scope)
    store.fingerprint(organisation_id, "phone", "+49")
    with tenancy.scope(organisation_id, using="keys"):
        Key.objects.for_organisation(organisation_id).update(created_at=timezone.now() - timedelta(days=400))
    assert destruction.sweep_orphans(organisation_id) == 0
    custody.forget()
    assert store.open_bytes(sealed) == b"words"


def test_a_rolled_back_use_is_no_use(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    with rolled_back(organisation_id):
        store.ensure_scope(organisation_id, scope)
    later = timezone.now() + timedelta(hours=25)
    assert key_exists(organisation_id, scope)
    assert destruction.sweep_orphans(organisation_id, now=later) == 1


def test_an_organisation_gets_its_daily_sweep_once(organisation_id: UUID) -> None:
    store.fingerprint(organisation_id, "phone", "+49")
    custody.forget()
    store.fingerprint(organisation_id, "phone", "+49")
    (work,) = DueWork.objects.filter(job=tasks.SWEEP_KEYS)
    assert (work.organisation_id, work.object_id) == (organisation_id, organisation_id)


# --- two at once ----------------------------------------------------------------------------------------


@pytest.fixture
def committed(committed_db: Databases) -> UUID:
    """An organisation in databases where the test really commits."""
    return make_organisation()


def run_beside(call: Callable[[], object]) -> Future[object]:
    """Run something in another thread, with database connections of its own."""

    def run() -> object:
        try:
            return call()
        finally:
            connections.close_all()

    executor = ThreadPoolExecutor(1)
    future = executor.submit(run)
    executor.shutdown(wait=False)
    return future


def _somebody_waits() -> bool:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        row = cursor.fetchone()
    return bool(row and row[0])


def _until_it_waits(worker: Future[object]) -> None:
    deadline = timezone.now() + timedelta(seconds=20)
    while not _somebody_waits():
        assert not worker.done()
        assert timezone.now() < deadline


def test_an_end_waits_for_a_key_that_is_being_made(committed: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    with tenancy.scope(committed):
        store.ensure_scope(committed, scope)
        worker = run_beside(lambda: begin(committed, scope))
        _until_it_waits(worker)
    worker.result(20)
    with tenancy.scope(committed, using="keys"):
        key_id = Key.objects.for_organisation(committed).get(scope_id=scope.id).id
    assert tombstone_of(committed, scope).key_id == key_id


def test_a_key_is_not_made_while_its_end_is_decided(committed: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    with tenancy.scope(committed):
        store.begin_destruction(committed, [scope], ground=GROUND, cause=uuid7())
        worker = run_beside(lambda: store.ensure_scope(committed, scope))
        _until_it_waits(worker)
    assert isinstance(worker.exception(20), KeyDestroyed)
    assert not key_exists(committed, scope)


def test_a_recording_under_way_is_refused_by_a_decision(committed: UUID, store_folder: Path) -> None:
    scope = scopes.call(uuid4(), [])
    staged = store.stage(
        organisation_id=committed, scope=scope, kind=ObjectKind.RECORDING, source=b"x", media_type="audio/wav"
    )

    def record() -> None:
        with tenancy.scope(committed):
            store.record(staged)

    with tenancy.scope(committed):
        store.begin_destruction(committed, [scope], ground=GROUND, cause=uuid7())
        worker = run_beside(record)
        _until_it_waits(worker)
    assert isinstance(worker.exception(20), KeyDestroyed)
    assert not (store_folder / staged.store_key).exists()


def test_two_makers_get_the_same_key(committed: UUID) -> None:
    scope = scopes.call(uuid4(), [uuid4()])
    objects: list[SealedObject] = []
    workers = [run_beside(lambda: objects.append(put(committed, scope))) for _ in range(4)]
    for worker in workers:
        worker.result(30)
    custody.forget()
    assert [store.open_bytes(sealed) for sealed in objects] == [b"words"] * 4


def test_two_sweeps_write_one_proof(committed: UUID, entries: Entries) -> None:
    doomed = [scopes.call(uuid4(), []) for _ in range(10)]
    for scope in doomed:
        put(committed, scope)
    begin(committed, *doomed)
    workers = [run_beside(lambda: store.resume_destructions(committed)) for _ in range(3)]
    for worker in workers:
        worker.result(30)
    assert [entry["event"] for entry in entries] == ["vault.key.destroyed"] * 10
