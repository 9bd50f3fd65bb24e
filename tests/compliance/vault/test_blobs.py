"""Ciphertext in files and in a real S3 server: the same promises, and stores that are slow, short, or fail once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from django.core.files.storage import FileSystemStorage
from pytest_django.fixtures import Settings
from storages.backends.s3 import S3Storage

from accounts import tenancy
from compliance.errors import Unavailable
from compliance.vault import blobs, scopes, store
from compliance.vault.blobs import PART, Blobs, FileBlobs, Missing, S3Blobs
from compliance.vault.store import ObjectKind, SealedObject, Unreadable
from tests.object_store import ObjectStore

DATA = os.urandom(300_000)
BIG = os.urandom(1024) * (11 * 1024)  # two parts and a bit


@pytest.fixture
def files(tmp_path: Path) -> FileBlobs:
    """Blobs in a folder."""
    return FileBlobs(FileSystemStorage(location=tmp_path))


def _s3_options(server: ObjectStore) -> dict[str, Any]:
    return {
        "bucket_name": server.bucket,
        "endpoint_url": server.endpoint,
        "region_name": "us-east-1",
        "access_key": server.access_key,
        "secret_key": server.secret_key,
        "signature_version": "s3v4",
        "addressing_style": "path",
        "location": "vault",
        "querystring_auth": False,
        "file_overwrite": False,
    }


@pytest.fixture
def s3(object_store: ObjectStore) -> S3Blobs:
    """Blobs in a bucket of a running server."""
    return S3Blobs(S3Storage(**_s3_options(object_store)))


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.s3)])
def either(request: pytest.FixtureRequest) -> Blobs:
    """Both kinds of store in turn."""
    blobs_: Blobs = request.getfixturevalue(request.param)
    return blobs_


def _pieces(data: bytes, step: int = 100_000) -> Iterator[memoryview]:
    for at in range(0, len(data), step):
        yield memoryview(data)[at : at + step]


def _read(either: Blobs, key: str, start: int, stop: int) -> bytes:
    found = either.open(key, start, stop)
    buffer = bytearray(stop - start)
    at = 0
    while at < len(buffer) and (count := found.read_into(memoryview(buffer)[at:])):
        at += count
    found.close()
    return bytes(buffer[:at])


def _key() -> str:
    return f"{uuid4()}/{uuid4()}"


@pytest.mark.parametrize("data", [b"", DATA[:1], DATA, BIG, BIG[: 2 * PART]], ids=["0", "1", "300k", "11M", "2 parts"])
def test_what_is_written_is_there(either: Blobs, data: bytes) -> None:
    key = _key()
    either.write(key, _pieces(data))
    assert either.length(key) == len(data)
    assert _read(either, key, 0, len(data)) == data if data else True


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (5, 200_000), (len(DATA) - 1, len(DATA))])
def test_ranges(either: Blobs, start: int, stop: int) -> None:
    key = _key()
    either.write(key, _pieces(DATA))
    assert _read(either, key, start, stop) == DATA[start:stop]
    found = either.open(key, start, stop)
    assert found.total == len(DATA)
    found.close()


def test_what_is_not_there(either: Blobs) -> None:
    assert either.length(_key()) is None
    with pytest.raises(Missing):
        either.open(_key(), 0, 1)


def test_deletion_is_complete_and_may_be_repeated(either: Blobs) -> None:
    key, neighbour = _key(), _key()
    for name in (key, key + "0", neighbour):
        either.write(name, _pieces(DATA))
    either.delete(key)
    either.delete(key)
    assert either.length(key) is None
    assert either.length(key + "0") == either.length(neighbour) == len(DATA)


def test_many_are_deleted_at_once_and_each_is_asked_for(either: Blobs) -> None:
    keys, neighbour = [_key() for _ in range(5)], _key()
    for name in (*keys[:4], neighbour):
        either.write(name, _pieces(DATA[:100]))
    assert either.lengths(keys) == dict.fromkeys(keys[:4], 100) | {keys[4]: None}
    assert either.delete_many(keys) == {}
    assert either.delete_many(keys) == {}
    assert either.lengths([*keys, neighbour]) == dict.fromkeys(keys) | {neighbour: 100}


def test_a_failing_source_leaves_nothing(either: Blobs) -> None:
    def broken() -> Iterator[memoryview]:
        yield from _pieces(BIG)
        raise ValueError("the source broke")

    key = _key()
    with pytest.raises(ValueError, match="broke"):
        either.write(key, broken())
    assert either.length(key) is None


def test_writing_again_replaces(either: Blobs) -> None:
    key = _key()
    either.write(key, _pieces(DATA))
    either.write(key, _pieces(DATA[:10]))
    assert _read(either, key, 0, 10) == DATA[:10]
    assert either.length(key) == 10


def test_the_store_itself_is_there(either: Blobs) -> None:
    assert either.is_there()


# --- files ----------------------------------------------------------------------------------------------


def test_a_file_is_its_owners_alone_and_no_half_one_stays(files: FileBlobs, tmp_path: Path) -> None:
    files.write("a/b", _pieces(DATA))
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def test_a_name_cannot_leave_the_folder(files: FileBlobs) -> None:
    from django.core.exceptions import SuspiciousFileOperation

    with pytest.raises(SuspiciousFileOperation):
        files.write("../outside", _pieces(DATA))


def test_a_full_disk_is_unavailable(files: FileBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(Unavailable) as refusal:
        files.write("a/b", _pieces(DATA))
    assert (refusal.value.status, refusal.value.code) == (503, "store_unavailable")
    monkeypatch.undo()
    assert not list((tmp_path / "a").iterdir())


# --- S3 -------------------------------------------------------------------------------------------------


def _failing(blobs_: S3Blobs, operation: str, times: int, status: int = 500) -> Callable[[], int]:
    """Let the server answer this operation with a fault, so many times; afterwards for real."""
    failures = 0

    def answer(request: Any, **_: Any) -> AWSResponse | None:
        nonlocal failures
        if failures >= times:
            return None
        failures += 1
        raw = type("Raw", (), {"stream": lambda *_a, **_k: iter([b""]), "read": lambda *_a, **_k: b"", "headers": {}})()
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    blobs_._client.meta.events.register_first(f"before-send.s3.{operation}", answer)  # type: ignore[arg-type]
    return lambda: failures


@pytest.mark.s3
@pytest.mark.parametrize("operation", ["PutObject", "HeadObject", "GetObject"])
def test_one_fault_of_the_server_is_tried_again(s3: S3Blobs, operation: str) -> None:
    failures = _failing(s3, operation, 1)
    key = _key()
    s3.write(key, _pieces(DATA))
    assert s3.length(key) == len(DATA)
    assert _read(s3, key, 10, 20) == DATA[10:20]
    assert failures() == 1


@pytest.mark.s3
def test_a_refused_part_withdraws_the_upload(s3: S3Blobs) -> None:
    _failing(s3, "UploadPart", 1, status=403)
    key = _key()
    with pytest.raises(Unavailable):
        s3.write(key, _pieces(BIG))
    assert s3.length(key) is None
    uploads = s3._client.list_multipart_uploads(Bucket=s3._bucket, Prefix=f"vault/{key}").get("Uploads", [])
    assert not uploads


@pytest.mark.s3
def test_all_versions_go(s3: S3Blobs) -> None:
    enabled = {"Status": "Enabled"}
    s3._client.put_bucket_versioning(Bucket=s3._bucket, VersioningConfiguration=enabled)  # type: ignore[arg-type]
    key = _key()
    try:
        for data in (DATA, DATA[:5]):
            s3.write(key, _pieces(data))
        before = s3._client.list_object_versions(Bucket=s3._bucket, Prefix=f"vault/{key}")
        s3.delete(key)
        after = s3._client.list_object_versions(Bucket=s3._bucket, Prefix=f"vault/{key}")
    finally:
        suspended = {"Status": "Suspended"}
        s3._client.put_bucket_versioning(Bucket=s3._bucket, VersioningConfiguration=suspended)  # type: ignore[arg-type]
    assert len(before["Versions"]) == 2
    assert not after.get("Versions")
    assert not after.get("DeleteMarkers")


@pytest.mark.s3
def test_all_versions_of_many_go(s3: S3Blobs) -> None:
    enabled = {"Status": "Enabled"}
    s3._client.put_bucket_versioning(Bucket=s3._bucket, VersioningConfiguration=enabled)  # type: ignore[arg-type]
    keys = [_key() for _ in range(3)]
    try:
        for key in keys:
            s3.write(key, _pieces(DATA[:100]))
            s3.write(key, _pieces(DATA[:50]))
        s3._client.delete_object(Bucket=s3._bucket, Key=f"vault/{keys[2]}")  # only a marker
        assert s3.delete_many(keys) == {}
        left = [s3.versions(key) for key in keys]
    finally:
        suspended = {"Status": "Suspended"}
        s3._client.put_bucket_versioning(Bucket=s3._bucket, VersioningConfiguration=suspended)  # type: ignore[arg-type]
    assert left == [[], [], []]


@pytest.mark.s3
def test_what_the_store_refuses_to_delete_is_named(s3: S3Blobs) -> None:
    keys = [_key(), _key()]
    for key in keys:
        s3.write(key, _pieces(DATA[:100]))
    refusal = f"<Error><Key>vault/{keys[0]}</Key><Code>AccessDenied</Code><Message>locked</Message></Error>"
    body = f"<DeleteResult>{refusal}</DeleteResult>".encode()

    def answer(request: Any, **_: Any) -> AWSResponse:
        raw = type("Raw", (), {"stream": lambda *_a, **_k: iter([body]), "read": lambda *_a, **_k: body, "headers": {}})
        return AWSResponse(request.url, 200, HTTPHeaders(), raw())

    s3._client.meta.events.register_first("before-send.s3.DeleteObjects", answer)  # type: ignore[arg-type]
    assert s3.delete_many(keys) == {keys[0]: "accessdenied"}


@pytest.mark.s3
def test_a_fault_while_many_go_is_unavailable(s3: S3Blobs) -> None:
    _failing(s3, "DeleteObjects", 50, status=503)
    key = _key()
    s3.write(key, _pieces(DATA[:100]))
    with pytest.raises(Unavailable):
        s3.delete_many([key])


@pytest.mark.s3
def test_a_missing_bucket_is_not_an_empty_one(s3: S3Blobs) -> None:
    s3._bucket = "no-such-bucket"
    assert s3.length(_key()) is None  # a HEAD cannot tell the two apart
    assert not s3.is_there()


@pytest.mark.s3
def test_a_server_that_is_not_there_is_unavailable(object_store: ObjectStore) -> None:
    options = _s3_options(object_store) | {"endpoint_url": "http://127.0.0.1:9"}
    nowhere = S3Blobs(S3Storage(**options))
    with pytest.raises(Unavailable):
        nowhere.length(_key())
    assert not nowhere.is_there()


# --- the whole vault over a store -----------------------------------------------------------------------


@pytest.fixture
def s3_vault(object_store: ObjectStore, settings: Settings) -> Blobs:
    """The vault configured to use the server."""
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": _s3_options(object_store)}
    settings.STORAGES = settings.STORAGES | {"vault": backend}
    return blobs.store()


def _put(organisation_id: UUID, data: bytes = BIG) -> SealedObject:
    with tenancy.scope(organisation_id):
        return store.put(
            organisation_id=organisation_id,
            scope=scopes.call(uuid4(), [uuid4()]),
            kind=ObjectKind.RECORDING,
            source=data,
            media_type="audio/wav",
        )


@pytest.mark.s3
def test_a_recording_lives_and_ends_in_s3(s3_vault: S3Blobs, organisation_id: UUID) -> None:
    sealed = _put(organisation_id)
    assert store.check_stored(sealed)
    assert store.open_bytes(sealed) == BIG
    assert b"".join(store.open_range(sealed, 6_000_000, 6_065_536)) == BIG[6_000_000:6_065_536]
    head = s3_vault._client.head_object(Bucket=s3_vault._bucket, Key=f"vault/{sealed.store_key}")
    assert head["Metadata"] == {}
    proof = store.delete_bytes(sealed)
    assert proof.absent
    assert proof.place == f"s3://{s3_vault._bucket}"


@pytest.mark.s3
def test_a_range_is_one_get(s3_vault: S3Blobs, organisation_id: UUID) -> None:
    sealed = _put(organisation_id)
    calls: list[str] = []
    s3_vault._client.meta.events.register("before-send.s3", lambda request, **_: calls.append(request.method))
    assert b"".join(store.open_range(sealed, 1_000_000, 1_065_536)) == BIG[1_000_000:1_065_536]
    assert calls == ["GET"]


@pytest.mark.s3
def test_a_spoiled_object_in_s3(s3_vault: S3Blobs, organisation_id: UUID) -> None:
    sealed = _put(organisation_id, DATA)
    at = {"Bucket": s3_vault._bucket, "Key": f"vault/{sealed.store_key}"}
    content = s3_vault._client.get_object(**at)["Body"].read()  # type: ignore[arg-type]
    for spoiled in (content[:-1], content + b"\0", content[:100] + b"\0" + content[101:], content[:60]):
        s3_vault._client.put_object(**at, Body=spoiled)  # type: ignore[arg-type]
        with pytest.raises(Unreadable):
            b"".join(store.open_stream(sealed))
        with pytest.raises(Unreadable):
            b"".join(store.open_range(sealed, 0, len(DATA)))


def _with_reads(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], step: int) -> None:
    """Let the store give at most `step` bytes a read, and change each."""
    real = FileBlobs.open

    def opened(self: FileBlobs, key: str, start: int, stop: int) -> blobs.Range:
        found = real(self, key, start, stop)

        def read_into(buffer: memoryview) -> int:
            count = found.read_into(buffer[:step])
            data = change(bytes(buffer[:count]))
            buffer[: len(data)] = data
            return len(data)

        return blobs.Range(read_into, found.total, found.close)

    monkeypatch.setattr(FileBlobs, "open", opened)


@pytest.mark.usefixtures("store_folder")
def test_a_slow_store_gives_the_same_bytes(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = _put(organisation_id, DATA)
    _with_reads(monkeypatch, lambda data: data, step=777)
    assert store.open_bytes(sealed) == DATA


@pytest.mark.usefixtures("store_folder")
def test_a_store_that_stops_short_is_noticed(organisation_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = _put(organisation_id, DATA)
    given = 0

    def short(data: bytes) -> bytes:
        nonlocal given
        given += len(data)
        return data if given < 100_000 else b""

    _with_reads(monkeypatch, short, step=10_000)
    with pytest.raises(Unreadable):
        store.open_bytes(sealed)


@pytest.mark.parametrize("answer", [None, 17], ids=["nothing", "another length"])
def test_a_store_that_kept_something_else_is_not_believed(
    organisation_id: UUID, store_folder: Path, monkeypatch: pytest.MonkeyPatch, answer: int | None
) -> None:
    monkeypatch.setattr(FileBlobs, "length", lambda *_: answer)
    with pytest.raises(Unavailable):
        _put(organisation_id, DATA)
    assert not [path for path in store_folder.rglob("*") if path.is_file()]
    assert not SealedObject.objects.for_organisation(organisation_id).exists()


def test_a_long_file_goes_to_the_disk_while_it_is_written(files: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, begun = blobs._begin_to_keep, list[tuple[int, int]]()

    def noted(descriptor: int, start: int, stop: int) -> None:
        begun.append((start, stop))
        begin(descriptor, start, stop)

    monkeypatch.setattr(blobs, "_begin_to_keep", noted)
    pieces = [memoryview(BIG)[start : start + 300_000] for start in range(0, len(BIG), 300_000)]
    files.write("long", pieces)
    assert files._path("long").read_bytes() == BIG
    assert [start for start, _ in begun] == [0, *(stop for _, stop in begun)][: len(begun)]
    assert len(begun) == len(BIG) // (blobs._WRITE_BACK + 300_000)
