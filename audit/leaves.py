"""From an inbox row to a leaf and its disclosures: salts, digests, sealing. Nothing here touches the database.

A row that is not what it should be must neither stop the log nor vanish from it. Clear fields that break the grammar
become an entry of their own kind with the digest of what was refused; a sealed part that cannot be opened is named as
lost.
"""

import binascii
import json
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from audit import clear, events, sealing
from audit.tlog import canonical, leaf, merkle, text
from audit.tlog.errors import FormatError

WHO = "who"
DETAILS = "details"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_RESERVED = frozenset({"_sd", "..."})


class Row(NamedTuple):
    """What the sequencer reads of an inbox row."""

    id: UUID
    at: datetime
    organisation_id: UUID
    clear: str
    key_id: UUID | None
    sealed: bytes | None


class SealedPart(NamedTuple):
    """Disclosures of one part of an entry under one key; `digests` are 32 bytes each."""

    name: str
    subject_id: UUID | None
    key_id: UUID
    digests: bytes
    data: bytes


class Built(NamedTuple):
    """One entry, ready for its place in the tree."""

    id: UUID
    organisation_id: UUID
    at: datetime
    fields: leaf.Scan
    data: bytes
    hash: bytes
    parts: list[SealedPart]
    erased: bytes
    """Digests (32 bytes each) of disclosures whose key was gone before they could be sealed."""


def salts() -> Iterator[str]:
    """Salts of 144 random bits in base64url, each given once. One read of the system's randomness makes many of them.

    RFC 9901 §9.3 wants 128 bits; 18 bytes are 24 characters without padding. Not to be kept across a fork.
    """
    while True:
        drawn = _base64url(secrets.token_bytes(18 * 1024)).decode()
        for start in range(0, 24 * 1024, 24):
            yield drawn[start : start + 24]


def build(row: Row, sealer: sealing.Sealer, fresh: Iterator[str]) -> Built:
    """The leaf of a row, with everything that identifies sealed beside it; `fresh` gives salts. Raises only
    `sealing.SealerUnavailable`.
    """
    disclosed = _disclosed(row, sealer, fresh)
    parts: list[SealedPart] = []
    raw: list[bytes] = []
    erased = b""
    for name, subject_id, disclosures in disclosed or ():
        own = [sha256(disclosure).digest() for disclosure in disclosures]
        raw += own
        sealed = _seal(row, name, subject_id, b"~".join(disclosures), sealer)
        if sealed is None:
            erased += b"".join(own)
        else:
            parts.append(SealedPart(name, subject_id, sealed.key_id, b"".join(own), sealed.data))
    data, fields = _leaf(row, in_base64url(raw), is_lost=disclosed is None)
    return Built(row.id, row.organisation_id, row.at, fields, data, merkle.leaf_hash(data), parts, erased)


def is_unattended(built: Built) -> bool:
    """Did a row change outside every operation? Then somebody used raw SQL, which raises an alarm."""
    return b'"unattended":true' in built.fields.what and built.fields.act.startswith(b"database.row.")


def _disclosed(
    row: Row, sealer: sealing.Sealer, fresh: Iterator[str]
) -> list[tuple[str, UUID | None, list[bytes]]] | None:
    """The disclosures of a row by part and owner; empty where it never had any, None where they are lost."""
    if row.key_id is None or row.sealed is None:
        return []
    try:
        blob = json.loads(sealer.open_inbox(key_id=row.key_id, entry_id=row.id, data=row.sealed))
        disclosed: list[tuple[str, UUID | None, list[bytes]]] = []
        if blob[WHO]:
            disclosed.append((WHO, None, disclose(blob[WHO], fresh)))
        if blob[DETAILS]:
            subject_id = UUID(blob["subject"]) if blob["subject"] else None
            disclosed.append((DETAILS, subject_id, disclose(blob[DETAILS], fresh)))
        return disclosed
    except (sealing.Destroyed, sealing.Unreadable, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # Only a key holder can write something that opens and is not a blob of ours; even then the rest of the entry
        # stands.
        return None


def disclose(values: Mapping[str, text.JSON], fresh: Iterator[str]) -> list[bytes]:
    """What `canonical.disclose` makes of each pair, at half its price: this is a third of all that the sequencer
    does.
    """
    disclosures = [
        _base64url(f'["{next(fresh)}",{_name(name)},{_value(value)}]'.encode()) for name, value in values.items()
    ]
    if max(map(len, disclosures)) > canonical.MAX_DISCLOSURE:
        raise FormatError("a disclosure is too long")
    return disclosures


def in_base64url(digests: list[bytes]) -> list[str]:
    """Digests of 32 bytes as they stand in a leaf, by one encoding: a zero byte after each makes its characters end
    on a border.
    """
    if not digests:
        return []
    encoded = _base64url(b"\0".join(digests) + b"\0").decode()
    return [encoded[start : start + 43] for start in range(0, len(encoded), 44)]


def _base64url(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


@lru_cache(maxsize=1024)
def _name(name: str) -> str:
    if name in _RESERVED:
        raise FormatError("RFC 9901 keeps this name for itself")
    return json.encoder.encode_basestring(name)


def _value(value: text.JSON) -> str:
    if isinstance(value, str):
        return json.encoder.encode_basestring(value)
    text.check_json(value)
    return _ENCODER.encode(value)


def _seal(
    row: Row, name: str, subject_id: UUID | None, disclosures: bytes, sealer: sealing.Sealer
) -> sealing.Sealed | None:
    try:
        return sealer.seal_disclosure(
            organisation_id=row.organisation_id,
            subject_id=subject_id,
            entry_id=row.id,
            name=name,
            plaintext=disclosures,
        )
    except sealing.Destroyed:
        return None


def _leaf(row: Row, digests: list[str], *, is_lost: bool) -> tuple[bytes, leaf.Scan]:
    try:
        data = clear.complete(
            row.clear,
            entry_id=row.id,
            organisation_id=row.organisation_id,
            at=row.at,
            digests=digests,
            extra={"sealed": "lost"} if is_lost else None,
        )
        return data, leaf.scan(data)
    except FormatError:
        data = _refused(row, digests)
        return data, leaf.scan(data)


def _refused(row: Row, digests: list[str]) -> bytes:
    """The leaf in place of one that may not stand: nothing of the row's text but its digest, in a lane of its own."""
    return leaf.Leaf(
        id=row.id,
        organisation_id=row.organisation_id,
        at=row.at,
        act=events.ENTRY_REFUSED,
        cls="system",
        out="refused",
        object_type="inbox_row",
        object_id=row.id,
        writer=secrets.token_hex(8),
        number=1,
        what={"clear_sha256": sha256(row.clear.encode()).hexdigest()},
        digests=tuple(digests),
    ).encode()
