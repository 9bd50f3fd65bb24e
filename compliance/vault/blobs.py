"""Ciphertext in the configured storage: files or S3. Written once under a random name, read in ranges, deleted with
proof.

What can go wrong: a write that was answered but is not there, half an object under its final name, a version that
survives its deletion. So a file gets its name only when it is on the disk, lengths are asked for again, and deletion
takes every version and asks once more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import FileSystemStorage, storages

from compliance.errors import Unavailable
from compliance.vault import listings
from compliance.vault.items import Item, Unfinished

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")

_KEYS_A_REQUEST = 1000
_REQUESTS_AT_ONCE = 8
_WRITE_BACK = 4 * 1024 * 1024
PART = 5 * 1024 * 1024
"""Bytes of a multipart upload's part: the smallest that S3 takes."""


class Missing(Exception):
    """The store says that there is no such object."""


@dataclass(frozen=True)
class Range:
    """One range of a stored object, being read. `total` is the object's length in the store, where it said so."""

    read_into: Callable[[memoryview], int]
    total: int
    close: Callable[[], None]


class FileBlobs:
    """Blobs as files. Durable when `write` returns."""

    def __init__(self, storage: FileSystemStorage) -> None:
        self._storage = storage
        self.place = "file"

    def write(self, key: str, pieces: Iterable[memoryview]) -> None:
        """Write an object whole; a failure leaves nothing under its name."""
        with _new_file(self._path(key)) as descriptor:
            written = begun = 0
            for piece in pieces:
                with _answering():
                    _write_all(descriptor, piece)
                    written += len(piece)
                    if written - begun >= _WRITE_BACK:
                        _begin_to_keep(descriptor, begun, written)
                        begun = written

    def length(self, key: str) -> int | None:
        """Bytes stored; None where nothing is."""
        with _answering():
            try:
                return self._path(key).stat().st_size
            except FileNotFoundError:
                return None

    def open(self, key: str, start: int, stop: int) -> Range:
        """Read bytes start to stop. Raises Missing."""
        with _answering():
            try:
                descriptor = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise Missing from None
        at = start

        def read_into(buffer: memoryview) -> int:
            nonlocal at
            with _answering():
                count = os.preadv(descriptor, [buffer[: stop - at]], at)
            at += count
            return count

        return Range(read_into, os.fstat(descriptor).st_size, lambda: os.close(descriptor))

    def delete(self, key: str) -> None:
        """Remove an object. Idempotent."""
        path = self._path(key)
        with _answering(), suppress(FileNotFoundError):
            path.unlink()
            _sync_directory(path.parent)

    def delete_many(self, keys: Sequence[str]) -> dict[str, str]:
        """Remove objects. Idempotent. What could not be removed, with the reason as a code: nothing, here."""
        folders = set()
        with _answering():
            for key in keys:
                path = self._path(key)
                with suppress(FileNotFoundError):
                    path.unlink()
                    folders.add(path.parent)
            for folder in folders:
                _sync_directory(folder)
        return {}

    def lengths(self, keys: Sequence[str]) -> dict[str, int | None]:
        """`length` of each."""
        return {key: self.length(key) for key in keys}

    def inventory(self, prefix: str, after: str = "") -> Iterator[Item]:
        """What lies under `prefix` behind the key `after`, in key order. Raises Unavailable while iterating."""
        return listings.list_files(Path(self._storage.location), prefix, after)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Part files that a stopped process left."""
        return listings.list_part_files(Path(self._storage.location), prefix)

    def versions(self, key: str) -> list[Item]:
        """All that lies under one key."""
        return [item for item in self.inventory(key) if item.key == key]

    def delete_version(self, key: str, version_id: str) -> None:
        """Remove one version: files have but one."""
        self.delete(key)

    def end_unfinished(self, found: Unfinished) -> None:
        """Remove a part file."""
        self.delete(found.key)

    def is_there(self) -> bool:
        """Whether the store itself is: where it is not, nothing can be said about its objects."""
        return os.access(self._storage.location, os.R_OK | os.W_OK | os.X_OK)

    def _path(self, key: str) -> Path:
        return Path(self._storage.path(key))


class S3Blobs:
    """Blobs in an S3 bucket. The client signs, retries and times out as the storage's settings say."""

    def __init__(self, storage: Any) -> None:
        self._client: S3Client = storage.connection.meta.client
        self._bucket: str = storage.bucket_name
        self._prefix: str = f"{storage.location}/" if storage.location else ""
        self.place = f"s3://{self._bucket}"

    def write(self, key: str, pieces: Iterable[memoryview]) -> None:
        """Write an object whole: one request where it is short, else in parts, which are withdrawn on failure."""
        parts = _parts(pieces)
        first = next(parts)
        with _answering():
            if len(first) < PART:
                self._client.put_object(**self._at(key), Body=bytes(first))
                return
            upload = self._client.create_multipart_upload(**self._at(key))["UploadId"]
        try:
            self._write_parts(key, upload, first, parts)
        except BaseException:
            with _answering():
                self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
            raise

    def _write_parts(self, key: str, upload: str, first: bytearray, rest: Iterator[bytearray]) -> None:
        done: list[Any] = []
        part: bytearray | None = first
        while part is not None:
            number = len(done) + 1
            with _answering():
                answer = self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=bytes(part))
            done.append({"ETag": answer["ETag"], "PartNumber": number})
            part = next(rest, None)
        with _answering():
            self._client.complete_multipart_upload(**self._at(key), UploadId=upload, MultipartUpload={"Parts": done})

    def length(self, key: str) -> int | None:
        """Bytes stored, by HEAD; None where nothing is."""
        with _answering():
            try:
                return self._client.head_object(**self._at(key))["ContentLength"]
            except ClientError as error:
                if _is_missing(error):
                    return None
                raise

    def open(self, key: str, start: int, stop: int) -> Range:
        """Read bytes start to stop by one GET. Raises Missing, also where the object ends before start."""
        with _answering():
            try:
                answer = self._client.get_object(**self._at(key), Range=f"bytes={start}-{stop - 1}")
            except ClientError as error:
                if _is_missing(error) or _code(error) in {"InvalidRange", "416"}:
                    raise Missing from None
                raise
        body = answer["Body"]

        def read_into(buffer: memoryview) -> int:
            with _answering():
                data = body.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

        return Range(read_into, _total(answer), body.close)

    def delete(self, key: str) -> None:
        """Remove an object with all its versions. Idempotent."""
        with _answering():
            self._client.delete_object(**self._at(key))
            versions = self._client.get_paginator("list_object_versions")
            for page in versions.paginate(Bucket=self._bucket, Prefix=self._prefix + key):
                for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    if version["Key"] == self._prefix + key:
                        self._client.delete_object(**self._at(key), VersionId=version["VersionId"])

    def delete_many(self, keys: Sequence[str]) -> dict[str, str]:
        """Remove objects with all their versions, up to 1,000 a request. Idempotent.

        What the store refused (an object lock, a right that is missing), with its code. Per-key answers of
        DeleteObjects: Amazon S3 API reference, November 2026 (from memory, to be checked).
        """
        refused: dict[str, str] = {}
        with _answering():
            wanted = [{"Key": self._prefix + key} for key in keys]
            if self._keeps_versions():
                wanted = [one for found in self._at_once(self._versions_of, keys) for one in found]
            for start in range(0, len(wanted), _KEYS_A_REQUEST):
                delete: Any = {"Objects": wanted[start : start + _KEYS_A_REQUEST], "Quiet": True}
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=delete)
                for error in answer.get("Errors", []):
                    if error.get("Code") != "NoSuchKey":
                        refused[error["Key"].removeprefix(self._prefix)] = str(error.get("Code", "unknown")).lower()
        return refused

    def lengths(self, keys: Sequence[str]) -> dict[str, int | None]:
        """`length` of each, by a HEAD each, several at a time."""
        return dict(zip(keys, self._at_once(self.length, keys), strict=True))

    def _at_once(self, ask: Callable[[str], _T], keys: Sequence[str]) -> list[_T]:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            return list(pool.map(ask, keys))

    def _keeps_versions(self) -> bool:
        """Whether a deletion may leave versions behind. A store that does not say so is believed to."""
        try:
            return "Status" in self._client.get_bucket_versioning(Bucket=self._bucket)
        except ClientError:
            return True

    def _versions_of(self, key: str) -> list[dict[str, str]]:
        """Every version and delete marker of one key, as DeleteObjects takes them."""
        pages = self._client.get_paginator("list_object_versions")
        return [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + key)
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if version["Key"] == self._prefix + key
        ]

    def inventory(self, prefix: str, after: str = "") -> Iterator[Item]:
        """Every version that lies under `prefix` behind the key `after`, in key order. Raises Unavailable while
        iterating.
        """
        return listings.list_bucket(self._client, self._bucket, self._prefix, prefix, after)

    def unfinished(self, prefix: str) -> Iterator[Unfinished]:
        """Multipart uploads that a stopped process left."""
        return listings.list_uploads(self._client, self._bucket, self._prefix, prefix)

    def versions(self, key: str) -> list[Item]:
        """All that lies under one key: versions and delete markers."""
        return listings.list_versions(self._client, self._bucket, self._prefix, key)

    def delete_version(self, key: str, version_id: str) -> None:
        """Remove one version or delete marker for good. Raises Unavailable, `store_refused` under an object lock."""
        with listings.reaching():
            self._client.delete_object(**self._at(key) | ({"VersionId": version_id} if version_id else {}))

    def end_unfinished(self, found: Unfinished) -> None:
        """Withdraw a multipart upload with its parts."""
        with listings.reaching(), suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(**self._at(found.key), UploadId=found.handle)

    def is_there(self) -> bool:
        """Whether the bucket itself is: HEAD of an object in no bucket is a 404 too."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (OSError, BotoCoreError, ClientError):
            return False
        return True

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}


Blobs = FileBlobs | S3Blobs


def store() -> Blobs:
    """The configured store of ciphertext."""
    return _store(storages["vault"])


@lru_cache(maxsize=4)
def _store(storage: Any) -> Blobs:
    return FileBlobs(storage) if isinstance(storage, FileSystemStorage) else S3Blobs(storage)


def _parts(pieces: Iterable[memoryview]) -> Iterator[bytearray]:
    """Gather pieces to parts; the last one may be shorter, and there is always one."""
    part, count = bytearray(), 0
    for piece in pieces:
        part += piece
        while len(part) >= PART:
            yield part[:PART]
            del part[:PART]
            count += 1
    if part or not count:
        yield part


def _total(answer: Any) -> int:
    """The object's whole length: the part after the slash of Content-Range, where the answer is a range."""
    stated = answer.get("ContentRange", "").rpartition("/")[2]
    return int(stated) if stated.isdecimal() else int(answer["ContentLength"])


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _is_missing(error: ClientError) -> bool:
    return _code(error) in {"404", "NoSuchKey", "NotFound"}


@contextmanager
def _answering() -> Iterator[None]:
    """A store that does not answer, or answers with a fault of its own, is Unavailable: worth another try."""
    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise Unavailable("The store of recordings does not answer", code="store_unavailable") from error


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """A file that gets its name once it is on the disk, and leaves nothing where the block fails."""
    temporary = path.with_name(f".{uuid4().hex}.part")
    with _answering():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
        with _answering():
            os.fsync(descriptor)
            os.replace(temporary, path)
            _sync_directory(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _begin_to_keep(descriptor: int, start: int, stop: int) -> None:
    """Have the kernel write these bytes to the disk while more are sealed, so that little is left for the fsync."""
    if hasattr(os, "posix_fadvise"):  # Linux begins the writing at once, and keeps what is not written yet
        os.posix_fadvise(descriptor, start, stop - start, os.POSIX_FADV_DONTNEED)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
