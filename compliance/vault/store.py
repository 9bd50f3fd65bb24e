"""The vault's door: the only module through which other rooms seal, open and destroy.

What can go wrong: something is readable that was promised to be gone, or unreadable that was promised to be kept. So
nothing is opened under a tombstone, whatever key a cache still holds; nothing counts as stored before the store has
been asked for it; and every failure is one of `KeyDestroyed` (410), `Unreadable` (500, alarm), `KmsUnavailable` or
`Unavailable` (503), never other bytes than were sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from compliance.errors import NotFound
from compliance.vault import (
    admission,
    blobs,
    bulk,
    destruction,
    exporting,
    hierarchy,
    key_services,
    marks,
    opening,
    removal,
    replaying,
    resealing,
    scopes,
    sealing,
    tombstones,
)
from compliance.vault.blinding import Blinder as Blinder
from compliance.vault.destruction import Destroyed as Destroyed
from compliance.vault.errors import KeyDestroyed as KeyDestroyed
from compliance.vault.errors import KmsUnavailable as KmsUnavailable
from compliance.vault.errors import RestoredDatabase as RestoredDatabase
from compliance.vault.errors import Unreadable as Unreadable
from compliance.vault.exporting import DataKey as DataKey
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject as SealedObject
from compliance.vault.models import Tombstone as Tombstone
from compliance.vault.removal import Proof as Proof
from compliance.vault.replaying import Replayed as Replayed
from compliance.vault.scopes import ObjectKind as ObjectKind
from compliance.vault.scopes import Scope as Scope
from compliance.vault.scopes import ScopeKind as ScopeKind
from compliance.vault.sealing import INLINE_LIMIT as INLINE_LIMIT
from compliance.vault.sealing import Staged as Staged
from compliance.vault.streams import Source as Source
from compliance.vault.values import ValueKey

# --- keys --------------------------------------------------------------------------------


def ensure_scope(organisation_id: UUID, scope: Scope) -> None:
    """Make the scope's and its principals' keys where they are missing, and note their use in the current
    transaction.

    Without that note (which sealing writes by itself) a key is swept after 24 hours. Raises KeyDestroyed,
    KmsUnavailable.
    """
    admission.admit(organisation_id, admission.names_of(scope))


def ensure_subject(organisation_id: UUID, subject_id: UUID) -> None:
    """`ensure_scope` for one data subject."""
    ensure_scope(organisation_id, scopes.subject(subject_id))


# --- objects --------------------------------------------------------------------------------


def put(
    *, organisation_id: UUID, scope: Scope, kind: ObjectKind, source: Source, media_type: str, version: int = 1
) -> SealedObject:
    """Seal to the store, prove it is there, and write the row in the caller's transaction.

    For what is slow to arrive use `stage` before the transaction and `record` inside it. Raises KeyDestroyed,
    KmsUnavailable, Unavailable, and whatever the source raises.
    """
    staged = stage(
        organisation_id=organisation_id, scope=scope, kind=kind, source=source, media_type=media_type, version=version
    )
    return record(staged)


def stage(
    *,
    organisation_id: UUID,
    scope: Scope,
    kind: ObjectKind,
    source: Source,
    media_type: str,
    version: int = 1,
    with_sha512: bool = False,
) -> Staged:
    """The slow half of `put`: needs no transaction. End with `record` or `abandon`.

    SHA-512 of the plaintext is taken where somebody is to compare it: it costs more than all the rest of sealing.
    """
    wanted = sealing.Wanted(organisation_id, scope, kind, media_type, version)
    return sealing.stage(wanted, source, with_sha512=with_sha512)


def record(staged: Staged) -> SealedObject:
    """The quick half of `put`, inside the caller's transaction. Raises KeyDestroyed (the bytes are then taken back)."""
    return sealing.record(staged)


def abandon(staged: Staged) -> None:
    """Take staged bytes back. Raises Unavailable."""
    sealing.abandon(staged)


def put_inline(
    *, organisation_id: UUID, scope: Scope, kind: ObjectKind, plaintext: bytes, media_type: str, version: int = 1
) -> SealedObject:
    """Seal something small (4 MiB at most, else Invalid) into the row itself, in the caller's transaction."""
    return sealing.put_inline(sealing.Wanted(organisation_id, scope, kind, media_type, version), plaintext)


def sealed_object(organisation_id: UUID, object_id: UUID) -> SealedObject:
    """One object's row. Raises NotFound, also for another organisation's."""
    with admission.within(organisation_id):
        found: SealedObject | None = SealedObject.objects.for_organisation(organisation_id).filter(id=object_id).first()
    if found is None:
        raise NotFound()
    return found


def open_bytes(sealed: SealedObject) -> bytes:
    """The whole plaintext in memory. Raises KeyDestroyed, KmsUnavailable, Unavailable, Unreadable."""
    return b"".join(opening.pieces(sealed, 0))


def open_stream(sealed: SealedObject) -> Iterator[bytes]:
    """The plaintext in pieces of at most 256 KiB.

    Refuses before it returns; later faults are Unreadable while iterating.
    """
    return opening.pieces(sealed, 0)


def open_range(sealed: SealedObject, start: int, stop: int) -> Iterator[bytes]:
    """Plaintext bytes start to stop (half-open), by one read of the store.

    ValueError outside the object; otherwise as `open_stream`.
    """
    return opening.pieces(sealed, start, stop)


def open_each(organisation_id: UUID, objects: Sequence[SealedObject]) -> Iterator[tuple[SealedObject, bytes | None]]:
    """The whole plaintext of each that lives, in the given order; None where it is unreadable (with the alarm), and
    what is destroyed is left out.

    For looking through many small ones: two queries for all their tombstones and keys. Raises KmsUnavailable, and
    while iterating Unavailable.
    """
    return bulk.contents(organisation_id, objects)


def check_stored(sealed: SealedObject) -> bool:
    """Whether the ciphertext lies where the register says, in its full length. Raises Unavailable."""
    if not sealed.store_key:
        return sealed.inline is not None and len(sealed.inline) == sealed.ciphertext_length
    return blobs.store().length(sealed.store_key) == sealed.ciphertext_length


# --- an outside check --------------------------------------------------------------------------------


def prove_intact(sealed: SealedObject) -> None:
    """Read an object whole: what is stored is what was sealed, and opens to what was registered.

    Raises KeyDestroyed, Unreadable (with the alarm), KmsUnavailable, Unavailable.
    """
    exporting.prove_intact(sealed)


def stored_bytes(sealed: SealedObject) -> Iterator[bytes]:
    """The ciphertext exactly as it is stored, in pieces of at most 256 KiB, by one read that begins now.

    Raises Unreadable and Unavailable, also while iterating where the bytes are not the registered ones.
    """
    return exporting.stored_bytes(sealed)


def hand_over_keys(organisation_id: UUID, object_ids: Sequence[UUID]) -> dict[UUID, DataKey]:
    """The data keys of those objects that live, for somebody outside, inside the transaction that writes this down.

    Until its end none of them can be destroyed: an erasure is before, and its keys are not among these, or after.
    Raises KmsUnavailable, Unreadable.
    """
    return exporting.hand_over_keys(organisation_id, object_ids)


def stage_again(sealed: SealedObject) -> Staged:
    """Seal an object's plaintext once more, under a new data key. End with `record_again` or `abandon`.

    Raises KeyDestroyed, KmsUnavailable, Unavailable, Unreadable.
    """
    return resealing.stage_again(sealed)


def record_again(sealed: SealedObject, staged: Staged) -> SealedObject:
    """Let the row name the new ciphertext, in the caller's transaction. Raises KeyDestroyed and Conflict (the bytes are
    then taken back).
    """
    return resealing.record_again(sealed, staged)


def remove_replaced(organisation_id: UUID, object_id: UUID) -> None:
    """Remove the ciphertext that an object had before, after that commit. Idempotent. Raises Unavailable."""
    resealing.remove_replaced(organisation_id, object_id)


# --- small values --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """Seals and opens many small values of one scope after one check. Make a new one for each operation."""

    _key: ValueKey

    def seal(self, label: str, plaintext: bytes) -> bytes:
        """`plaintext` and 41 bytes more. `label` binds the place: "table.column/row id"."""
        return self._key.seal(label, plaintext)

    def open(self, label: str, sealed: bytes) -> bytes:
        """The value again. Raises Unreadable."""
        return self._key.open(label, sealed)


def values(organisation_id: UUID, scope: Scope) -> Values:
    """For sealing values under a scope: makes its keys where they are missing. Raises KeyDestroyed, KmsUnavailable."""
    ensure_scope(organisation_id, scope)
    return _values(organisation_id, scope)


def values_to_open(organisation_id: UUID, scope: Scope) -> Values:
    """For opening values under a scope: makes nothing. Raises KeyDestroyed, KmsUnavailable."""
    admission.refuse_destroyed(organisation_id, admission.names_of(scope))
    return _values(organisation_id, scope)


def seal_value(organisation_id: UUID, scope: Scope, label: str, plaintext: bytes) -> bytes:
    """Seal one column value under a scope; see `Values.seal`."""
    return values(organisation_id, scope).seal(label, plaintext)


def open_value(organisation_id: UUID, scope: Scope, label: str, sealed: bytes) -> bytes:
    """Open one column value; scope, principals and label must be those of the seal. Raises KeyDestroyed, Unreadable."""
    return values_to_open(organisation_id, scope).open(label, sealed)


def fingerprint(organisation_id: UUID, kind: str, normalised: str) -> bytes:
    """32 bytes by which equal values of one organisation find each other; testing a guess needs the organisation's
    key.
    """
    key = hierarchy.fingerprint_key(_organisation_scope_key(organisation_id))
    return hierarchy.fingerprint(key, kind, normalised)


def blinder(organisation_id: UUID) -> Blinder:
    """Makes the tokens of an organisation's search index."""
    return Blinder(hierarchy.search_key(_organisation_scope_key(organisation_id)))


def _organisation_scope_key(organisation_id: UUID) -> bytes:
    scope = scopes.organisation(organisation_id)
    own = admission.names_of(scope)[0]
    material = custody.cached(organisation_id, own)
    if material is None:
        ensure_scope(organisation_id, scope)
        material = custody.load(organisation_id, [own])[own]
    return material.key


def _values(organisation_id: UUID, scope: Scope) -> Values:
    opened = custody.load(organisation_id, admission.names_of(scope))
    key = sealing.wrapping_key(organisation_id, scope, opened)
    return Values(ValueKey(key, organisation_id, int(scope.kind), scope.id))


# --- erasure --------------------------------------------------------------------------------


def begin_destruction(organisation_id: UUID, doomed: Sequence[Scope], *, ground: str, cause: UUID) -> list[Tombstone]:
    """Inside the transaction that decides, after its hold check: from its commit on nothing under these scopes opens.
    Idempotent.

    `cause` is the log entry of the decision. To end a person: their own scope and the scopes of their calls.
    """
    return destruction.begin(organisation_id, doomed, ground=ground, cause=cause)


def carry_out_destruction(organisation_id: UUID, scope: Scope) -> Destroyed:
    """After that commit, outside any transaction: copy of the tombstone, deletion of the key, proof. Idempotent.

    Raises NotFound where nothing was begun, Unavailable and KmsUnavailable where a store did not answer (call again).
    """
    return destruction.carry_out(organisation_id, scope)


def destroyed_keys(organisation_id: UUID, scopes: Sequence[Scope]) -> list[Destroyed]:
    """Those of the scopes' own keys that are proven gone, each with the log entry that says so."""
    return destruction.destroyed(organisation_id, scopes)


def resume_destructions(organisation_id: UUID, limit: int = destruction.BATCH) -> int:
    """Finish what was begun and not carried out; how many were worked on."""
    return destruction.resume(organisation_id, limit=limit)


def is_tombstoned(organisation_id: UUID, scope: Scope) -> bool:
    """Whether the scope, or one of its principals, was ended."""
    try:
        admission.refuse_destroyed(organisation_id, admission.names_of(scope))
    except KeyDestroyed:
        return True
    return False


def delete_bytes(sealed: SealedObject) -> Proof:
    """Delete an object's ciphertext in every version, forget its data key, and prove it.

    Idempotent. Raises Unavailable.
    """
    return removal.delete_bytes(sealed)


def delete_many(sealed: Sequence[SealedObject]) -> dict[UUID, Proof]:
    """`delete_bytes` for many objects in few requests: by object id a proof, of absence or not. Raises Unavailable."""
    return removal.delete_many(sealed)


def prove_absent(sealed: SealedObject) -> Proof:
    """Ask the store again. Raises Unavailable where it cannot be reached."""
    return removal.prove_absent(sealed)


# --- after a restore --------------------------------------------------------------------------------


def stored_tombstones() -> dict[UUID, set[UUID]]:
    """What the store knows of destroyed keys: their ids, by organisation. Raises Unavailable."""
    return dict(tombstones.listed())


def replay_tombstones(organisation_id: UUID, key_ids: set[UUID]) -> Iterator[Replayed]:
    """Destroy again what was destroyed, by the tombstones of the store (`key_ids`) and of the main database, batch by
    batch. Idempotent. Raises Unavailable, KmsUnavailable, Unreadable.
    """
    return replaying.replay(organisation_id, key_ids)


def unlock_after_replay() -> int:
    """Everything of every organisation is replayed: let the vault open again. Returns the last destruction's number."""
    return marks.settle()


# --- readiness --------------------------------------------------------------------------------


def is_ready() -> dict[str, bool]:
    """Whether the parts the vault needs answer now: `keyring` and `store`. Raises RestoredDatabase, KmsUnavailable."""
    parts = {"keyring": key_services.current().healthy(), "store": blobs.store().is_there()}
    if parts["store"]:
        marks.check()
    return parts
