"""Keyed digests by which the register finds calls and people without opening anything."""

from __future__ import annotations

from uuid import UUID

from compliance.recordings.identifiers import IdentifierKind
from compliance.vault import store

_LOCAL = frozenset({IdentifierKind.CONTACT_ID, IdentifierKind.ACCOUNT})
"""Ids that mean something at one connection only: two platforms may give the same one to two people."""


def of_call(organisation_id: UUID, connection_id: UUID, external_id: str) -> bytes:
    """The digest of a platform's call id.

    It outlives the call, so that late events about an erased call are recognised.
    """
    return store.fingerprint(organisation_id, f"call:{connection_id}", external_id)


def of_identifier(organisation_id: UUID, kind: IdentifierKind, normalised: str, connection_id: UUID | None) -> bytes:
    """The digest of a normalised identifier; of a local one at its connection."""
    name = f"identifier:{kind.value}:{connection_id}" if is_local(kind) else f"identifier:{kind.value}"
    return store.fingerprint(organisation_id, name, normalised)


def is_local(kind: IdentifierKind) -> bool:
    """Whether an identifier is known at one connection only."""
    return kind in _LOCAL
