"""Objects for a check by somebody outside: the ciphertext as it lies in the store, and its data key with its context.

What can go wrong: a data key that has left cannot be called back. So none leaves whose object does not open here to
the very bytes that were registered; none leaves once its object's end is decided, and no end is decided while one is
on its way out. Whoever hands keys over writes it down in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from compliance.vault import admission, envelope, hierarchy, opening
from compliance.vault.envelope import ReadInto
from compliance.vault.errors import KeyDestroyed, Unreadable
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject

PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class DataKey:
    """What opens one object wherever its ciphertext is: the secret, and what it is bound to."""

    key: bytes = field(repr=False)
    context: bytes = field(repr=False)


def prove_intact(sealed: SealedObject) -> None:
    """Read an object whole, once; see `store.prove_intact`."""
    if sealed.deleted_at is not None:
        raise KeyDestroyed()
    with opening.alarm(sealed):
        opened = opening.opener(sealed)
        read_into, close = opening.ciphertext(sealed, 0, sealed.ciphertext_length)
        try:
            found = _digests(opened, read_into)
        finally:
            close()
        if found != (sealed.ciphertext_sha256, sealed.sha256):
            raise Unreadable.because("a digest differs from the register")


def _digests(opened: envelope.Opening, read_into: ReadInto) -> tuple[str, str]:
    """SHA-256 of the ciphertext and of the plaintext, from one pass."""
    stored, plain = sha256(), sha256()

    def measured(buffer: memoryview) -> int:
        count = read_into(buffer)
        stored.update(buffer[:count])
        return count

    header = memoryview(bytearray(envelope.HEADER))
    while header and (count := measured(header)):
        header = header[count:]
    for piece in opened.pieces(0, opened.size, measured):
        plain.update(piece)
    return stored.hexdigest(), plain.hexdigest()


def stored_bytes(sealed: SealedObject) -> Iterator[bytes]:
    """The ciphertext; see `store.stored_bytes`. A file that is open already outlives its own deletion."""
    with opening.alarm(sealed):
        read_into, close = opening.ciphertext(sealed, 0, sealed.ciphertext_length)
    return _stored(sealed, read_into, close)


def _stored(sealed: SealedObject, read_into: ReadInto, close: Callable[[], None]) -> Iterator[bytes]:
    digest, buffer = sha256(), memoryview(bytearray(min(PIECE, sealed.ciphertext_length)))
    try:
        while count := read_into(buffer):
            digest.update(buffer[:count])
            yield bytes(buffer[:count])
    finally:
        close()
    with opening.alarm(sealed):
        if digest.hexdigest() != sealed.ciphertext_sha256:
            raise Unreadable.because("the store gave other bytes than before")


def hand_over_keys(organisation_id: UUID, object_ids: Sequence[UUID]) -> dict[UUID, DataKey]:
    """The keys by object id; see `store.hand_over_keys`.

    Scopes are locked first and objects read after it, so that what an erasure did meanwhile is seen.
    """
    rows = SealedObject.objects.for_organisation(organisation_id).filter(id__in=object_ids, deleted_at=None)
    admission.lock({name for sealed in rows.all() for name in admission.names_of(sealed.scope)}, shared=True)
    objects = list(rows.all())
    names = {sealed.id: admission.names_of(sealed.scope) for sealed in objects}
    wanted = {name for found in names.values() for name in found}
    keys = custody.load_surviving(organisation_id, wanted - admission.destroyed(organisation_id, wanted))
    found = {}
    for sealed in objects:
        own, *principals = names[sealed.id]
        if all(name in keys for name in names[sealed.id]):
            subjects = {name.scope_id: keys[name] for name in principals}
            wrapping_key = hierarchy.wrapping_key(
                keys[own], subjects, organisation_id=organisation_id, scope_id=sealed.scope_id
            )
            with opening.alarm(sealed):
                found[sealed.id] = DataKey(*opening.data_key_of(sealed, wrapping_key))
    return found
