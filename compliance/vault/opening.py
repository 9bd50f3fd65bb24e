"""Opening of objects: tombstones first, then keys, then bytes; each byte authenticated before anyone sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from compliance.vault import admission, blobs, envelope, hierarchy, sealing
from compliance.vault.envelope import ReadInto
from compliance.vault.errors import KeyDestroyed, Unreadable
from compliance.vault.hierarchy import DataKeyPlace
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject
from compliance.vault.scopes import ObjectKind

logger = structlog.get_logger(__name__)


def pieces(sealed: SealedObject, start: int, stop: int | None = None) -> Iterator[bytes]:
    """Plaintext bytes start to stop (default: the end), by one read of the store.

    Everything that can refuse before the first byte refuses here, not at the first piece: KeyDestroyed,
    KmsUnavailable, Unavailable, Unreadable, and ValueError for a range outside the object. A fault in later bytes is
    Unreadable while iterating; what came before holds.
    """
    try:
        return _begin(sealed, start, stop)
    except Replaced:
        return _begin(current_row(sealed), start, stop)


def _begin(sealed: SealedObject, start: int, stop: int | None) -> Iterator[bytes]:
    if sealed.deleted_at is not None:
        raise KeyDestroyed()
    with alarm(sealed):
        opening = opener(sealed)
    return _pieces(sealed, opening, start, stop)


_LASTING = ("scope_kind", "scope_id", "principals", "kind", "version", "size", "sha256")
"""What stays the same where an object is sealed again."""


class Replaced(Unreadable):
    """The row was read before its object was sealed again: read anew, it opens."""


def current_row(sealed: SealedObject) -> SealedObject:
    """The object's row as it stands now."""
    with admission.within(sealed.organisation_id):
        found: SealedObject = SealedObject.objects.for_organisation(sealed.organisation_id).get(id=sealed.id)
    return found


def _was_replaced(sealed: SealedObject) -> bool:
    """Whether the row in the database names other ciphertext of the same words under another data key by now."""
    with admission.within(sealed.organisation_id):
        rows = SealedObject.objects.for_organisation(sealed.organisation_id)
        now = rows.filter(id=sealed.id, deleted_at=None).first()
    if now is None or any(getattr(now, name) != getattr(sealed, name) for name in _LASTING):
        return False
    return bytes(now.header) != bytes(sealed.header) and bytes(now.wrapped_dek) != bytes(sealed.wrapped_dek)


def pieces_under(sealed: SealedObject, wrapping_key: bytes) -> Iterator[bytes]:
    """The whole plaintext, for who has asked the tombstones and derived the key already. Otherwise as `pieces`."""
    with alarm(sealed):
        opening = _opener(sealed, wrapping_key)
    return _pieces(sealed, opening, 0, None)


def _pieces(sealed: SealedObject, opening: envelope.Opening, start: int, stop: int | None) -> Iterator[bytes]:
    with alarm(sealed):
        stop = opening.size if stop is None else stop
        read_into, close = ciphertext(sealed, *opening.span(start, stop))
    stream = _plaintext(sealed, opening.pieces(start, stop, read_into), close)
    next(stream)
    return stream


def _plaintext(sealed: SealedObject, opened: Iterator[memoryview], close: Callable[[], None]) -> Iterator[bytes]:
    """Authenticates the first piece, then stops once with nothing, so that its caller can refuse in time; its end
    closes the read.
    """
    try:
        with alarm(sealed):
            first = next(opened, None)
            yield b""
            if first is not None:
                yield bytes(first)
            for piece in opened:
                yield bytes(piece)
    finally:
        close()


def opener(sealed: SealedObject) -> envelope.Opening:
    """What opens an object, its key derived and its header bound. Raises KeyDestroyed, KmsUnavailable, Unreadable."""
    names = admission.names_of(sealed.scope)
    admission.refuse_destroyed(sealed.organisation_id, names)
    keys = custody.load(sealed.organisation_id, names)
    return _opener(sealed, sealing.wrapping_key(sealed.organisation_id, sealed.scope, keys))


def _opener(sealed: SealedObject, wrapping_key: bytes) -> envelope.Opening:
    data_key, context = data_key_of(sealed, wrapping_key)
    return envelope.Opening(data_key, context, bytes(sealed.header), sealed.ciphertext_length)


def data_key_of(sealed: SealedObject, wrapping_key: bytes) -> tuple[bytes, bytes]:
    """An object's data key and the context that it is bound to. Raises Unreadable."""
    if sealed.format != envelope.FORMAT:
        raise Unreadable.because(f"format {sealed.format}")
    header, kind = bytes(sealed.header), ObjectKind(sealed.kind)
    place = DataKeyPlace(
        organisation_id=sealed.organisation_id,
        scope_id=sealed.scope_id,
        object_id=sealed.id,
        kind=kind,
        version=sealed.version,
        size=sealed.size,
        length=sealed.ciphertext_length,
        header=header,
    )
    data_key = hierarchy.unwrap_data_key(wrapping_key, place, bytes(sealed.wrapped_dek))
    context = envelope.object_context(
        organisation_id=sealed.organisation_id,
        scope_id=sealed.scope_id,
        object_id=sealed.id,
        kind=kind,
        version=sealed.version,
    )
    return data_key, context


def ciphertext(sealed: SealedObject, begin: int, end: int) -> tuple[ReadInto, Callable[[], None]]:
    """The ciphertext bytes begin to end, and what ends their reading. One whose length is not the registered one is not
    what was sealed.
    """
    if begin == end:
        return envelope.reader(b""), _nothing
    if not sealed.store_key:
        inline = bytes(sealed.inline or b"")
        _check_length(sealed, len(inline))
        return envelope.reader(inline[begin:end]), _nothing
    try:
        stored = blobs.store().open(sealed.store_key, begin, end)
    except blobs.Missing:
        raise Unreadable.because("the store has no such object") from None
    try:
        _check_length(sealed, stored.total)
    except Unreadable:
        stored.close()
        raise
    return stored.read_into, stored.close


def _check_length(sealed: SealedObject, length: int) -> None:
    if length != sealed.ciphertext_length:
        raise Unreadable.because("length in the store differs from the register")


def _nothing() -> None:
    """Bytes in memory need no closing."""


@contextmanager
def alarm(sealed: SealedObject) -> Iterator[None]:
    """An object that is not what was sealed is an incident: say which one and what was found, and nothing about its
    content.
    """
    try:
        yield
    except Unreadable as refusal:
        if not isinstance(refusal, Replaced) and _was_replaced(sealed):
            raise Replaced() from None
        findings = getattr(refusal, "__notes__", [])
        logger.error(
            "vault.unreadable",
            organisation_id=str(sealed.organisation_id),
            object_id=str(sealed.id),
            finding="; ".join(findings),
        )
        raise
