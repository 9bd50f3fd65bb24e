"""The second place of a tombstone: a small object beside the ciphertext, so that a restored database learns what was
destroyed after its backup.
"""

from __future__ import annotations

import json

from compliance.vault import blobs
from compliance.vault.models import Tombstone
from compliance.vault.scopes import ScopeKind


def object_name(tombstone: Tombstone) -> str:
    """Where it lies: `tombstones/{organisation}/{key id}`."""
    return f"tombstones/{tombstone.organisation_id}/{tombstone.key_id}"


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
