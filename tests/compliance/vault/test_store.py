"""The vault's door: what goes in comes out, from files and rows, and what must not come out does not."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog
from django.db import connections, transaction

from accounts import tenancy
from compliance.errors import Invalid, NotFound
from compliance.vault import blobs, scopes, store
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.keystore.models import Key
from compliance.vault.models import KeyUse, SealedObject
from compliance.vault.store import KeyDestroyed, ObjectKind, Scope, ScopeKind, Unreadable
from compliance.vault.store import SealedObject as Sealed

pytestmark = pytest.mark.usefixtures("store_folder")
DATA = bytes(range(256)) * 1200  # over one block of 256 KiB
WAV = "audio/wav"


def put(organisation_id: UUID, scope: Scope | None = None, data: bytes = DATA) -> Sealed:
    """Store one recording."""
    scope = scope or scopes.call(uuid4(), [uuid4()])
    with tenancy.scope(organisation_id):
        return store.put(
            organisation_id=organisation_id, scope=scope, kind=ObjectKind.RECORDING, source=data, media_type=WAV
        )


def put_inline(organisation_id: UUID, scope: Scope, data: bytes = b"words") -> Sealed:
    """Store one transcript in its row."""
    with tenancy.scope(organisation_id):
        return store.put_inline(
            organisation_id=organisation_id,
            scope=scope,
            kind=ObjectKind.TRANSCRIPT,
            plaintext=data,
            media_type="application/json",
        )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_comes_back(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id)
    assert store.open_bytes(sealed) == DATA
    assert b"".join(store.open_stream(sealed)) == DATA
    assert sealed.size == len(DATA)
    assert sealed.sha256 == hashlib.sha256(DATA).hexdigest()
    assert sealed.sha512 == ""  # nobody asked for it
    (file,) = _files(store_folder)
    assert sealed.ciphertext_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sealed.ciphertext_length == file.stat().st_size
    assert file.read_bytes()[:56] == bytes(sealed.header)
    assert DATA[:64] not in file.read_bytes()


def test_sha512_is_taken_where_it_is_asked_for(organisation_id: UUID) -> None:
    with tenancy.scope(organisation_id):
        staged = store.stage(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), []),
            kind=ObjectKind.RECORDING,
            source=iter([DATA]),
            media_type="audio/mpeg",
            with_sha512=True,
        )
        assert store.record(staged).sha512 == hashlib.sha512(DATA).hexdigest()


def test_the_name_in_the_store_tells_the_organisation_and_nothing_else(
    organisation_id: UUID, store_folder: Path
) -> None:
    sealed = put(organisation_id)
    folder, name = sealed.store_key.split("/")
    assert folder == str(organisation_id)
    assert UUID(name) not in {sealed.id, sealed.scope_id, *sealed.principals}
    assert (store_folder / sealed.store_key).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "source",
    [
        DATA,
        io.BytesIO(DATA),
        (DATA[at : at + 1000] for at in range(0, len(DATA), 1000)),
        [b"", DATA[:7], b"", DATA[7:]],
    ],
    ids=["bytes", "file", "generator", "list"],
)
def test_every_kind_of_source(organisation_id: UUID, source: store.Source) -> None:
    with tenancy.scope(organisation_id):
        sealed = store.put(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), []),
            kind=ObjectKind.RECORDING,
            source=source,
            media_type=WAV,
        )
    assert store.open_bytes(sealed) == DATA


@pytest.mark.parametrize("size", [0, 1, 16384, 262144])
def test_sizes_around_the_edges(organisation_id: UUID, size: int) -> None:
    assert store.open_bytes(put(organisation_id, data=DATA[:size])) == DATA[:size]
    assert store.open_bytes(put_inline(organisation_id, scopes.call(uuid4(), []), DATA[:size])) == DATA[:size]


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (0, len(DATA)), (16383, 16385), (100_000, 165_536), (len(DATA) - 1, len(DATA)), (9, 9)]
)
def test_a_range_is_the_slice(organisation_id: UUID, start: int, stop: int) -> None:
    assert b"".join(store.open_range(put(organisation_id), start, stop)) == DATA[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 2), (0, len(DATA) + 1)])
def test_a_range_outside_the_object(organisation_id: UUID, start: int, stop: int) -> None:
    sealed = put(organisation_id)
    with pytest.raises(ValueError, match="range"):
        store.open_range(sealed, start, stop)


def test_one_range_is_one_read_of_the_store(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = put(organisation_id)
    reads: list[tuple[int, int]] = []
    real = blobs.FileBlobs.open

    def counted(self: blobs.FileBlobs, key: str, start: int, stop: int) -> blobs.Range:
        reads.append((start, stop))
        return real(self, key, start, stop)

    monkeypatch.setattr(blobs.FileBlobs, "open", counted)
    assert b"".join(store.open_range(sealed, 100_000, 165_536)) == DATA[100_000:165_536]
    first, after = 100_000 // 16384, 165_535 // 16384 + 1
    assert reads == [(56 + first * 16400, 56 + after * 16400)]


def test_an_object_can_be_looked_up_in_its_organisation_only(
    organisation_id: UUID, other_organisation_id: UUID
) -> None:
    sealed = put(organisation_id)
    assert store.open_bytes(store.sealed_object(organisation_id, sealed.id)) == DATA
    with pytest.raises(NotFound):
        store.sealed_object(other_organisation_id, sealed.id)


def test_row_security_hides_the_vaults_rows(organisation_id: UUID, other_organisation_id: UUID) -> None:
    put(organisation_id)
    for table, alias in (("vault_sealedobject", "default"), ("vault_keyuse", "default"), ("keystore_key", "keys")):
        with tenancy.scope(other_organisation_id, using=alias):
            with connections[alias].cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table} WHERE organisation_id = %s", [organisation_id])
                assert cursor.fetchone() == (0,), table


def test_the_version_is_part_of_the_seal(organisation_id: UUID) -> None:
    sealed = put(organisation_id)
    sealed.version = 2
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


def test_recording_needs_a_transaction(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = store.stage(
        organisation_id=organisation_id,
        scope=scopes.call(uuid4(), []),
        kind=ObjectKind.RECORDING,
        source=b"x",
        media_type=WAV,
    )
    monkeypatch.setattr(connections["default"], "in_atomic_block", False)
    with pytest.raises(transaction.TransactionManagementError):
        store.record(staged)


def test_staged_bytes_can_be_taken_back(organisation_id: UUID, store_folder: Path) -> None:
    staged = store.stage(
        organisation_id=organisation_id,
        scope=scopes.call(uuid4(), []),
        kind=ObjectKind.RECORDING,
        source=b"x",
        media_type=WAV,
    )
    assert _files(store_folder)
    store.abandon(staged)
    assert not _files(store_folder)


def test_a_source_that_fails_leaves_nothing(organisation_id: UUID, store_folder: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA
        raise ConnectionResetError("the platform hung up")

    with pytest.raises(ConnectionResetError), tenancy.scope(organisation_id):
        store.put(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), []),
            kind=ObjectKind.RECORDING,
            source=broken(),
            media_type=WAV,
        )
    assert not _files(store_folder)


def test_inline_objects_have_a_limit(organisation_id: UUID) -> None:
    with pytest.raises(Invalid) as refusal:
        put_inline(organisation_id, scopes.call(uuid4(), []), bytes(4 * 1024 * 1024 + 1))
    assert refusal.value.code == "too_large"


def test_only_calls_have_principals() -> None:
    with pytest.raises(ValueError, match="principals"):
        Scope(ScopeKind.PROMPT, uuid4(), (uuid4(),))


# --- keys -----------------------------------------------------------------------------------------------


def test_a_call_uses_its_key_and_its_principals_keys(organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [uuid4(), uuid4()])
    put(organisation_id, scope)
    with tenancy.scope(organisation_id, using="keys"):
        kinds = sorted(Key.objects.for_organisation(organisation_id).values_list("kind", flat=True))
    assert kinds == [KeyKind.ROOT, KeyKind.SUBJECT, KeyKind.SUBJECT, KeyKind.CALL]
    with tenancy.scope(organisation_id):
        uses = KeyUse.objects.for_organisation(organisation_id)
        assert {use.scope_id for use in uses} == {scope.id, *scope.principals}


@pytest.mark.parametrize("lost", ["call", "first principal", "second principal"])
def test_any_one_missing_key_makes_it_unreadable(organisation_id: UUID, lost: str) -> None:
    scope = scopes.call(uuid4(), [uuid4(), uuid4()])
    sealed = put(organisation_id, scope)
    name = {
        "call": KeyName(KeyKind.CALL, scope.id),
        "first principal": KeyName(KeyKind.SUBJECT, scope.principals[0]),
        "second principal": KeyName(KeyKind.SUBJECT, scope.principals[1]),
    }[lost]
    assert custody.destroy(organisation_id, [name]) == 1
    with pytest.raises(KeyDestroyed) as refusal:
        store.open_bytes(sealed)
    assert (refusal.value.status, refusal.value.code) == (410, "gone")


def test_the_stored_keys_open_nothing_in_another_row(organisation_id: UUID) -> None:
    first, second = scopes.call(uuid4(), []), scopes.call(uuid4(), [])
    sealed = put(organisation_id, first)
    put(organisation_id, second)
    with tenancy.scope(organisation_id, using="keys"):
        keys = Key.objects.for_organisation(organisation_id)
        keys.filter(scope_id=first.id).update(wrapped=bytes(keys.get(scope_id=second.id).wrapped))
    custody.forget()
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


def test_an_organisation_cannot_open_anothers_object(organisation_id: UUID, other_organisation_id: UUID) -> None:
    scope = scopes.call(uuid4(), [])
    sealed = put(organisation_id, scope)
    put(other_organisation_id, scope)
    sealed.organisation_id = other_organisation_id
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


# --- spoiled objects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 30, 60, 20_000, -1])
def test_a_flipped_bit_in_the_store(organisation_id: UUID, store_folder: Path, at: int) -> None:
    sealed = put(organisation_id)
    path = store_folder / sealed.store_key
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    if 0 <= at < 56:  # the header is kept in the row too, and that copy is the one that counts
        assert store.open_bytes(sealed) == DATA
        return
    with structlog.testing.capture_logs() as logs, pytest.raises(Unreadable):
        store.open_bytes(sealed)
    (alarm,) = logs
    assert alarm["event"] == "vault.unreadable"
    assert alarm["object_id"] == str(sealed.id)
    assert alarm["log_level"] == "error"


@pytest.mark.parametrize("change", ["cut", "cut at an edge", "longer", "gone", "swapped"])
def test_a_spoiled_file(organisation_id: UUID, store_folder: Path, change: str) -> None:
    sealed, other = put(organisation_id), put(organisation_id, data=DATA[::-1])
    path = store_folder / sealed.store_key
    content = path.read_bytes()
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {
                "cut": content[:-1],
                "cut at an edge": content[: 56 + 3 * 16400],
                "longer": content + b"\0",
                "swapped": (store_folder / other.store_key).read_bytes(),
            }[change]
        )
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)
    with pytest.raises(Unreadable):
        store.open_range(sealed, 0, 10)


@pytest.mark.parametrize("column", ["size", "ciphertext_length", "header", "wrapped_dek", "kind", "scope_id", "id"])
def test_a_changed_row(organisation_id: UUID, column: str) -> None:
    scope = scopes.call(uuid4(), [])
    sealed = put(organisation_id, scope)
    other = put(organisation_id, data=DATA[::-1])
    setattr(sealed, column, sealed.size - 1 if column == "size" else getattr(other, column))
    if column == "ciphertext_length":
        sealed.ciphertext_length -= 1
    if column == "kind":
        sealed.kind = ObjectKind.TRANSCRIPT
    if column == "scope_id":
        sealed.principals = other.principals
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


def test_an_unknown_format_is_unreadable(organisation_id: UUID) -> None:
    sealed = put(organisation_id)
    sealed.format = 2
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


def test_a_refusal_comes_before_the_first_byte(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id)
    path = store_folder / sealed.store_key
    content = bytearray(path.read_bytes())
    content[70] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        store.open_stream(sealed)


def test_a_later_fault_ends_the_stream_with_an_alarm(organisation_id: UUID, store_folder: Path) -> None:
    sealed = put(organisation_id)
    path = store_folder / sealed.store_key
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    stream = store.open_stream(sealed)
    seen = next(stream)
    with structlog.testing.capture_logs() as logs, pytest.raises(Unreadable):
        next(stream)
    assert seen == DATA[: len(seen)]
    assert [line["event"] for line in logs] == ["vault.unreadable"]


# --- small values ---------------------------------------------------------------------------------------


def test_a_value_comes_back(organisation_id: UUID) -> None:
    scope = scopes.subject(uuid4())
    sealed = store.seal_value(organisation_id, scope, "identifier.value/1", b"+4915112345678")
    assert store.open_value(organisation_id, scope, "identifier.value/1", sealed) == b"+4915112345678"
    with pytest.raises(Unreadable):
        store.open_value(organisation_id, scope, "identifier.value/2", sealed)


def test_a_value_opens_only_in_its_scope(organisation_id: UUID, other_organisation_id: UUID) -> None:
    scope, other = scopes.subject(uuid4()), scopes.subject(uuid4())
    sealed = store.seal_value(organisation_id, scope, "label", b"words")
    store.ensure_scope(organisation_id, other)
    store.ensure_scope(other_organisation_id, scope)
    with pytest.raises(Unreadable):
        store.open_value(organisation_id, other, "label", sealed)
    with pytest.raises(Unreadable):
        store.open_value(other_organisation_id, scope, "label", sealed)


def test_opening_a_value_makes_no_key(organisation_id: UUID) -> None:
    with pytest.raises(KeyDestroyed):
        store.open_value(organisation_id, scopes.subject(uuid4()), "label", bytes(60))
    with tenancy.scope(organisation_id, using="keys"):
        assert not Key.objects.for_organisation(organisation_id).exists()


def test_many_values_need_one_check(organisation_id: UUID, django_assert_num_queries: object) -> None:
    scope = scopes.subject(uuid4())
    values = store.values(organisation_id, scope)
    with django_assert_num_queries(0):  # type: ignore[operator]
        sealed = [values.seal(f"label/{number}", b"words") for number in range(50)]
        assert {values.open(f"label/{number}", one) for number, one in enumerate(sealed)} == {b"words"}


def test_fingerprints_find_equal_values_of_one_organisation(organisation_id: UUID, other_organisation_id: UUID) -> None:
    one = store.fingerprint(organisation_id, "phone", "+4915112345678")
    custody.forget()
    assert store.fingerprint(organisation_id, "phone", "+4915112345678") == one
    assert store.fingerprint(organisation_id, "email", "+4915112345678") != one
    assert store.fingerprint(other_organisation_id, "phone", "+4915112345678") != one
    assert len(one) == 32


# --- readiness ------------------------------------------------------------------------------------------


def test_the_vault_says_what_is_missing(db: None, store_folder: Path, settings: object, tmp_path: Path) -> None:
    assert store.is_ready() == {"keyring": True, "store": True}
    settings.KEYRING_FILE = tmp_path / "none.json"  # type: ignore[attr-defined]
    store_folder.rmdir()
    assert store.is_ready() == {"keyring": False, "store": False}


def test_the_register_can_be_checked_against_the_store(organisation_id: UUID, store_folder: Path) -> None:
    sealed, inline = put(organisation_id), put_inline(organisation_id, scopes.call(uuid4(), []))
    assert store.check_stored(sealed)
    assert store.check_stored(inline)
    (store_folder / sealed.store_key).write_bytes(b"short")
    assert not store.check_stored(sealed)
    assert SealedObject.objects is not None
