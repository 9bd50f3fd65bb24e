"""The second place of a tombstone: a small object beside the ciphertext, so that a restored database learns what was
destroyed after its backup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.utils import timezone

from compliance.vault import blobs
from compliance.vault.errors import Unreadable
from compliance.vault.models import Tombstone
from compliance.vault.scopes import ScopeKind

_FOLDER, _MARKS = "tombstones/", "marks"
_LONGEST = 65536
"""Bytes of a copy that are read; one is some hundred bytes long."""


def object_name(tombstone: Tombstone) -> str:
    """Where it lies: `tombstones/{organisation}/{key id}`."""
    return _name(tombstone.organisation_id, tombstone.key_id)


def _name(organisation_id: UUID, key_id: UUID) -> str:
    return f"{_FOLDER}{organisation_id}/{key_id}"


def content(tombstone: Tombstone) -> bytes:
    """Canonical JSON of ids, codes and times: nothing about a person, and the same bytes whenever it is written
    again.
    """
    document = {
        "cause": str(tombstone.cause),
        "ground": tombstone.ground,
        "key": str(tombstone.key_id),
        "organisation": str(tombstone.organisation_id),
        "requested_at": tombstone.requested_at.isoformat(),
        "scope": {"id": str(tombstone.scope_id), "kind": ScopeKind(tombstone.scope_kind).name.lower()},
        "v": 1,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


def write(tombstone: Tombstone) -> None:
    """Write it, or write it again. Raises Unavailable."""
    blobs.store().write(object_name(tombstone), [memoryview(content(tombstone))])


def listed() -> Iterator[tuple[UUID, set[UUID]]]:
    """Every organisation that has copies in the store, and the ids of its destroyed keys. Raises Unavailable."""
    keys = (item.key.split("/") for item in blobs.store().inventory(_FOLDER) if item.is_latest)
    for folder, parts in groupby((part for part in keys if len(part) == 3), key=lambda part: part[1]):
        if folder != _MARKS:
            yield UUID(folder), {UUID(part[2]) for part in parts}


def read(organisation_id: UUID, key_id: UUID) -> Tombstone:
    """A copy as the row that it was written from, not saved. Raises Unavailable, and Unreadable where it is no copy."""
    try:
        document = json.loads(_content(_name(organisation_id, key_id)))
        scope = document["scope"]
        return Tombstone(
            organisation_id=organisation_id,
            scope_kind=int(ScopeKind[scope["kind"].upper()]),
            scope_id=UUID(scope["id"]),
            key_id=key_id,
            ground=str(document["ground"]),
            cause=UUID(document["cause"]),
            requested_at=datetime.fromisoformat(document["requested_at"]),
            stored_at=timezone.now(),
        )
    except (blobs.Missing, ValueError, KeyError, TypeError, AttributeError):
        raise Unreadable.because("copy of a tombstone") from None


def _content(name: str) -> bytes:
    found, buffer = bytearray(), memoryview(bytearray(_LONGEST))
    stored = blobs.store().open(name, 0, _LONGEST)
    try:
        while count := stored.read_into(buffer):
            found += buffer[:count]
    finally:
        stored.close()
    return bytes(found)
