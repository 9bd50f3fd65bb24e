"""What really lies in a store, in key order and from any key on, in flat memory.

Key order is the order of the keys' UTF-8 bytes: S3 lists so, and files are brought into it here.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from compliance.errors import Unavailable
from compliance.vault.items import Item, Unfinished

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 20_000
"""Names of one folder that are held at once."""

PART_SUFFIX = ".part"
_CODES = {
    "NoSuchBucket": "store_missing",
    "AccessDenied": "store_refused",
    "403": "store_refused",
    "RequestTimeTooSkewed": "store_clock_skewed",
}


@contextmanager
def reaching() -> Iterator[None]:
    """A store that does not answer is Unavailable; where it says why, the code says it too: `store_missing`,
    `store_refused` (no right, or an object lock), `store_clock_skewed`, else `store_unavailable`.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise Unavailable("The store of recordings is not there", code="store_missing") from error
    except PermissionError as error:
        raise Unavailable("The store of recordings refuses this", code="store_refused") from error
    except ClientError as error:
        code = _CODES.get(str(error.response.get("Error", {}).get("Code")), "store_unavailable")
        raise Unavailable("The store of recordings does not do this", code=code) from error
    except (OSError, BotoCoreError) as error:
        raise Unavailable("The store of recordings does not answer", code="store_unavailable") from error


# --- files ----------------------------------------------------------------------------------------


def list_files(root: Path, prefix: str, after: str) -> Iterator[Item]:
    """Every file whose key begins with `prefix` and follows `after`. Part files are none. Raises Unavailable."""
    for key, status in _walk(root, "", prefix, after):
        if not _is_part(key):
            modified = datetime.fromtimestamp(status.st_mtime, UTC)
            yield Item(key, "", True, False, status.st_size, f"{status.st_mtime_ns:x}-{status.st_size:x}", modified)


def list_part_files(root: Path, prefix: str) -> Iterator[Unfinished]:
    """Every part file under `prefix`."""
    for key, status in _walk(root, "", prefix, ""):
        if _is_part(key):
            yield Unfinished(key, "", datetime.fromtimestamp(status.st_mtime, UTC))


def _is_part(key: str) -> bool:
    name = key.rpartition("/")[2]
    return name.startswith(".") and name.endswith(PART_SUFFIX)


def _walk(folder: Path, base: str, prefix: str, after: str) -> Iterator[tuple[str, os.stat_result]]:
    """Files under a folder in key order. A folder sorts by its name with a slash, so that "a-b" comes before "a/b"."""
    last = ""
    while True:
        with reaching():
            names = _next_names(folder, base, prefix, after, last)
        for name in names:
            key = base + name
            if name.endswith("/"):
                yield from _walk(folder / name, key, prefix, after)
            elif key > after:
                try:
                    yield key, (folder / name).stat()
                except FileNotFoundError:
                    continue  # deleted since it was listed
        if len(names) < CHUNK:
            return
        last = names[-1]


def _next_names(folder: Path, base: str, prefix: str, after: str, last: str) -> list[str]:
    """The next names of one folder that can hold something of `prefix` behind `after`."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        if base:  # a folder that went away, or never held anything, is empty; the store itself must be there
            return []
        raise
    with entries:
        names = (entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries)
        return heapq.nsmallest(CHUNK, (name for name in names if name > last and _leads(base + name, prefix, after)))


def _leads(key: str, prefix: str, after: str) -> bool:
    if not (key.startswith(prefix) or (key.endswith("/") and prefix.startswith(key))):
        return False
    return key > after or (key.endswith("/") and after.startswith(key))


# --- S3 -------------------------------------------------------------------------------------------


def list_bucket(client: S3Client, bucket: str, base: str, prefix: str, after: str) -> Iterator[Item]:
    """Every version of every object under `prefix` behind `after`; `base` is the storage's own prefix in the bucket.

    By ListObjectVersions where the bucket has, or had, versions; by ListObjectsV2 otherwise (Amazon S3 API reference;
    from memory, tried against SeaweedFS). Raises Unavailable.
    """
    with reaching():
        is_versioned = "Status" in client.get_bucket_versioning(Bucket=bucket)
    pages = _version_pages if is_versioned else _object_pages
    for page in pages(client, bucket, base + prefix, base + after if after else ""):
        for item in page:
            key = item["Key"].removeprefix(base)
            if key > after:
                yield _item(item, key)


def list_versions(client: S3Client, bucket: str, base: str, key: str) -> list[Item]:
    """Every version and delete marker of one key, newest first as the store gives them."""
    pages = _version_pages(client, bucket, base + key, "")
    return [_item(item, key) for page in pages for item in page if item["Key"] == base + key]


def list_uploads(client: S3Client, bucket: str, base: str, prefix: str) -> Iterator[Unfinished]:
    """Multipart uploads under `prefix` that nobody finished."""
    pages = iter(client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=base + prefix))
    while True:
        with reaching():
            page = next(pages, None)
        if page is None:
            return
        for upload in page.get("Uploads", []):
            yield Unfinished(upload["Key"].removeprefix(base), upload["UploadId"], upload.get("Initiated"))


def _object_pages(client: S3Client, bucket: str, prefix: str, after: str) -> Iterator[list[Any]]:
    options: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix} | ({"StartAfter": after} if after else {})
    while True:
        with reaching():
            page = client.list_objects_v2(**options)
        yield list(page.get("Contents", []))
        if not page.get("IsTruncated"):
            return
        options["ContinuationToken"] = page["NextContinuationToken"]


def _version_pages(client: S3Client, bucket: str, prefix: str, after: str) -> Iterator[list[Any]]:
    options: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix} | ({"KeyMarker": after} if after else {})
    while True:
        with reaching():
            page = client.list_object_versions(**options)
        markers = [{**marker, "IsMarker": True} for marker in page.get("DeleteMarkers", [])]
        yield sorted([*page.get("Versions", []), *markers], key=lambda item: item["Key"])
        if not page.get("IsTruncated"):
            return
        options |= {"KeyMarker": page["NextKeyMarker"]}
        options |= {"VersionIdMarker": page["NextVersionIdMarker"]} if page.get("NextVersionIdMarker") else {}


def _item(item: Any, key: str) -> Item:
    version_id = item.get("VersionId", "")
    return Item(
        key=key,
        version_id="" if version_id == "null" and "IsLatest" not in item else version_id,
        is_latest=item.get("IsLatest", True),
        is_delete_marker=item.get("IsMarker", False),
        size=item.get("Size", 0),
        etag=str(item.get("ETag", "")).strip('"'),
        modified=item.get("LastModified"),
        storage_class=item.get("StorageClass", ""),
    )
