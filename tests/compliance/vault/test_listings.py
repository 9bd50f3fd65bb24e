"""What stores list: in key order, from any key on, whatever lies there; and what they say when they cannot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from django.core.files.storage import FileSystemStorage
from storages.backends.s3 import S3Storage

from compliance.errors import Unavailable
from compliance.vault import listings
from compliance.vault.blobs import Blobs, FileBlobs, S3Blobs
from tests.object_store import ObjectStore

NAMES = ["o/b", "o/a", "o/a-b", "o/a/b", "o/a0", "o/a/a/z", "o/\u00e9", "o/z", "o/.b", "p/a", "o-/x", "n"]
IN_ORDER = sorted((name for name in NAMES if name.startswith("o/")), key=str.encode)


@pytest.fixture
def files(tmp_path: Path) -> FileBlobs:
    return FileBlobs(FileSystemStorage(location=tmp_path))


@pytest.fixture
def make_s3(object_store: ObjectStore) -> Callable[[bool], S3Blobs]:
    def make(is_versioned: bool) -> S3Blobs:
        storage = S3Storage(
            bucket_name=f"listed-{uuid4().hex[:12]}",
            endpoint_url=object_store.endpoint,
            region_name="us-east-1",
            access_key=object_store.access_key,
            secret_key=object_store.secret_key,
            signature_version="s3v4",
            addressing_style="path",
            location="vault",
        )
        made = S3Blobs(storage)
        made._client.create_bucket(Bucket=made._bucket)
        if is_versioned:
            made._client.put_bucket_versioning(Bucket=made._bucket, VersioningConfiguration={"Status": "Enabled"})
        return made

    return make


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.s3), pytest.param("s3 v", marks=pytest.mark.s3)])
def either(request: pytest.FixtureRequest) -> Blobs:
    if request.param == "files":
        found: Blobs = request.getfixturevalue("files")
        return found
    made: S3Blobs = request.getfixturevalue("make_s3")(request.param == "s3 v")
    return made


def write(either: Blobs, *names: str) -> None:
    for name in names:
        either.write(name, [memoryview(name.encode())])


def test_in_key_order_and_from_any_key_on(either: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "CHUNK", 2)
    # A file cannot have the name of a folder, and SeaweedFS lists folders' contents in an order of its own.
    left_out = {"o/a"} if isinstance(either, FileBlobs) else {"o/a/b", "o/a/a/z"}
    write(either, *(name for name in NAMES if name not in left_out))
    listed = list(either.inventory("o/"))
    wanted = [name for name in IN_ORDER if name not in left_out]
    assert [one.key for one in listed] == wanted
    assert all(one.is_latest and not one.is_delete_marker for one in listed)
    assert [one.size for one in listed] == [len(name.encode()) for name in wanted]
    now = datetime.now(UTC)
    assert all(one.modified and abs(one.modified - now) < timedelta(minutes=2) for one in listed)
    for after in [*wanted, "o/a.", "o/zz", "o/"]:
        rest = [one.key for one in either.inventory("o/", after)]
        assert rest == [name for name in wanted if name.encode() > after.encode()], after


def test_an_empty_prefix_is_empty(either: Blobs) -> None:
    write(either, "p/a")
    assert list(either.inventory("o/")) == []
    assert list(either.unfinished("o/")) == []
    assert either.versions("o/a") == []


@pytest.mark.s3
def test_every_version_and_marker(make_s3: Callable[[bool], S3Blobs]) -> None:
    store = make_s3(True)
    write(store, "o/a", "o/a", "o/b", "o/c", "o/a")
    store._client.delete_object(Bucket=store._bucket, Key="vault/o/b")
    listed = list(store.inventory("o/"))
    assert [(one.key, one.is_latest, one.is_delete_marker) for one in listed if one.key != "o/b"] == [
        ("o/a", True, False), ("o/a", False, False), ("o/a", False, False), ("o/c", True, False),
    ]  # fmt: skip
    assert {(one.is_latest, one.is_delete_marker) for one in listed if one.key == "o/b"} == {
        (True, True),
        (False, False),
    }
    assert len({one.version_id for one in listed}) == len(listed)
    assert store.versions("o/a") == [one for one in listed if one.key == "o/a"]
    assert [one.key for one in store.inventory("o/", "o/a")] == ["o/b", "o/b", "o/c"]
    for one in listed:
        store.delete_version(one.key, one.version_id)
    assert list(store.inventory("o/")) == []


@pytest.mark.s3
@pytest.mark.parametrize("is_versioned", [True, False])
def test_pages_are_joined(make_s3: Callable[[bool], S3Blobs], is_versioned: bool) -> None:
    store = make_s3(is_versioned)
    names = [f"o/{number:03}" for number in range(25)]
    write(store, *names)
    kept: list[str] = []

    def small_pages(params: dict[str, Any], **_: Any) -> None:
        params["MaxKeys"] = 7
        kept.append("asked")

    for operation in ("ListObjectVersions", "ListObjectsV2"):
        store._client.meta.events.register(f"provide-client-params.s3.{operation}", small_pages)
    assert [one.key for one in store.inventory("o/")] == names
    assert len(kept) >= 4
    assert [one.key for one in store.inventory("o/", "o/010")] == names[11:]


@pytest.mark.s3
def test_one_version_without_versions(make_s3: Callable[[bool], S3Blobs]) -> None:
    store = make_s3(False)
    write(store, "o/a", "o/a")
    (one,) = store.versions("o/a")
    store.delete_version(one.key, one.version_id)
    assert store.length("o/a") is None
    assert store.versions("o/a") == []


@pytest.mark.s3
def test_uploads_that_nobody_finished(make_s3: Callable[[bool], S3Blobs]) -> None:
    store = make_s3(False)
    at: Any = {"Bucket": store._bucket, "Key": "vault/o/half"}
    upload = store._client.create_multipart_upload(**at)["UploadId"]
    store._client.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"half")
    (found,) = store.unfinished("o/")
    assert (found.key, found.handle) == ("o/half", upload)
    assert list(store.unfinished("p/")) == []
    store.end_unfinished(found)
    store.end_unfinished(found)
    assert list(store.unfinished("o/")) == []


def test_part_files_are_unfinished_and_no_objects(files: FileBlobs, tmp_path: Path) -> None:
    write(files, "o/a")
    (tmp_path / "o" / ".0123.part").write_bytes(b"half")
    assert [one.key for one in files.inventory("o/")] == ["o/a"]
    (found,) = files.unfinished("o/")
    files.end_unfinished(found)
    assert list(files.unfinished("o/")) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    nowhere = FileBlobs(FileSystemStorage(location=tmp_path / "unmounted"))
    with pytest.raises(Unavailable) as refusal:
        list(nowhere.inventory("o/"))
    assert refusal.value.code == "store_missing"


@pytest.mark.s3
def test_a_bucket_that_is_not_there(make_s3: Callable[[bool], S3Blobs]) -> None:
    store = make_s3(True)
    store._client.delete_bucket(Bucket=store._bucket)
    for ask in (lambda: list(store.inventory("o/")), lambda: list(store.unfinished("o/")), lambda: store.versions("a")):
        with pytest.raises(Unavailable) as refusal:
            ask()
        assert refusal.value.code == "store_missing"


@pytest.mark.s3
@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (503, "SlowDown", "store_unavailable"),
        (403, "AccessDenied", "store_refused"),
        (403, "RequestTimeTooSkewed", "store_clock_skewed"),
        (500, "InternalError", "store_unavailable"),
    ],
)
def test_what_the_server_says(make_s3: Callable[[bool], S3Blobs], status: int, said: str, code: str) -> None:
    store = make_s3(True)
    write(store, "o/a")

    def answer(request: Any, **_: Any) -> AWSResponse:
        body = f"<?xml version='1.0'?><Error><Code>{said}</Code><Message>no</Message></Error>".encode()
        raw = type(
            "Raw", (), {"stream": lambda *_a, **_k: iter([body]), "read": lambda *_a, **_k: body, "headers": {}}
        )()
        return AWSResponse(request.url, status, HTTPHeaders(), raw)

    store._client.meta.events.register_first("before-send.s3.ListObjectVersions", answer)  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as refusal:
        list(store.inventory("o/"))
    assert refusal.value.code == code
