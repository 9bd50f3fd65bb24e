"""Stores that can be looked into and tampered with: a folder, and buckets of a real S3 server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from tests.compliance.reconciliation.worlds import Bucket, Folder, World, populated
from tests.object_store import ObjectStore


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Folder:
    """The vault in files."""
    path = tmp_path / "store"
    path.mkdir()
    vault = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(path)}}
    settings.STORAGES = settings.STORAGES | {"vault": vault}
    return Folder(path)


@pytest.fixture
def make_bucket(object_store: ObjectStore, settings: Settings) -> Callable[..., Bucket]:
    """`make_bucket(is_versioned=True)`: the vault in a bucket of its own."""

    def make(*, is_versioned: bool) -> Bucket:
        bucket = f"reconciled-{uuid4().hex[:12]}"
        options: dict[str, Any] = {
            "bucket_name": bucket,
            "endpoint_url": object_store.endpoint,
            "region_name": "us-east-1",
            "access_key": object_store.access_key,
            "secret_key": object_store.secret_key,
            "signature_version": "s3v4",
            "addressing_style": "path",
            "location": "vault",
            "querystring_auth": False,
            "file_overwrite": False,
        }
        backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"vault": backend}
        made = Bucket()
        made.client.create_bucket(Bucket=bucket)
        if is_versioned:
            made.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return made

    return make


@pytest.fixture
def versioned(make_bucket: Callable[..., Bucket]) -> Bucket:
    """A bucket that keeps versions."""
    return make_bucket(is_versioned=True)


@pytest.fixture
def world(cast: Any, jobs: Any, folder: Folder, settings: Settings) -> World:
    """Twelve stored recordings in a folder, none of them new any more."""
    return populated(cast, jobs, 12)


@pytest.fixture
def committed_world(committed_cast: Any, jobs: Any, folder: Folder) -> World:
    """The same, really committed: the log can be published."""
    return populated(committed_cast, jobs, 4)
