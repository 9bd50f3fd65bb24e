"""The documents of an outside check's archive: which objects, which keys, what is missing and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

FORMAT = "callwarden-outside-check/v1"
SEALED_AS = "c2sp.org/chunked-encryption@v1 AEAD_AES_256_GCM"

_HERE = Path(__file__).parent
_TEXTS = ("README.txt", "open.html")


@dataclass(frozen=True, slots=True)
class Exported:
    """One sealed object of the archive. Sizes in bytes, digests SHA-256 in hex."""

    artifact_id: UUID
    call_id: UUID
    object_id: UUID
    kind: str
    version: int
    media_type: str
    size: int
    sha256: str
    ciphertext_size: int
    ciphertext_sha256: str

    @property
    def file(self) -> str:
        """Its place in the archive."""
        return f"objects/{self.artifact_id}.c2sp"


@dataclass(frozen=True, slots=True)
class Missing:
    """An artifact whose key does not leave: `erased`, `not_stored` or `unreadable`."""

    artifact_id: UUID
    code: str


def keys_document(objects: Iterable[tuple[Exported, bytes, bytes]]) -> bytes:
    """`keys.json`: each object with its data key and its context."""
    listed = [
        {
            "artifact": str(one.artifact_id),
            "call": str(one.call_id),
            "object": str(one.object_id),
            "kind": one.kind,
            "version": one.version,
            "file": one.file,
            "ciphertext_sha256": one.ciphertext_sha256,
            "ciphertext_size": one.ciphertext_size,
            "sha256": one.sha256,
            "size": one.size,
            "media_type": one.media_type,
            "dek": key.hex(),
            "context": context.hex(),
        }
        for one, key, context in objects
    ]
    return _json({"format": FORMAT, "sealed_as": SEALED_AS, "objects": listed})


def manifest(
    facts: Mapping[str, Any], objects: Sequence[Exported], missing: Sequence[Missing], others: Mapping[str, bytes]
) -> bytes:
    """`manifest.json`: every file with its digest, and what was approved and is not here, with the reason."""
    files = [{"file": one.file, "size": one.ciphertext_size, "sha256": one.ciphertext_sha256} for one in objects]
    files += [
        {"file": name, "size": len(data), "sha256": sha256(data).hexdigest()} for name, data in sorted(others.items())
    ]
    left_out = [{"artifact": str(one.artifact_id), "why": one.code} for one in missing]
    return _json({"format": FORMAT, **facts, "files": files, "left_out": left_out})


def texts() -> dict[str, bytes]:
    """The page that opens the objects, and a few words about it, by name."""
    return {name: (_HERE / name).read_bytes() for name in _TEXTS}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False).encode()
