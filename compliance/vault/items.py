"""What an inventory is made of: the store's objects and the register's rows, as plain facts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one object, or a delete marker, as the store lists it.

    `size` is in bytes. `modified` is the store's clock; None where it does not say. Without versions `version_id` is
    empty and the one version is the latest.
    """

    key: str
    version_id: str
    is_latest: bool
    is_delete_marker: bool
    size: int
    etag: str
    modified: datetime | None
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Bytes that were staged and never got their name: a part file, or a multipart upload. `handle` ends it."""

    key: str
    handle: str
    begun_at: datetime | None


@dataclass(frozen=True, slots=True)
class Registered:
    """A row that says what lies, or lay, under a key. `length` is of the ciphertext, in bytes."""

    key: str
    id: UUID
    length: int
    created_at: datetime
    deleted_at: datetime | None
