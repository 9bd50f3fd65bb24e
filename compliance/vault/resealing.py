"""A new data key for one object: its plaintext is sealed once more, under the same id and version, and the row names
the new ciphertext from one commit on.

What can go wrong: a reader has the old row, or the process stops in between. So the old ciphertext stays until the new
one is committed, the row names it until it is removed, and a reader whose row is an old one reads it again
(`opening.Replaced`). Whoever has a copy of the old row and the old ciphertext can still open that: end the call's key,
or the person's, where that must not be.
"""

from __future__ import annotations

from uuid import UUID

from compliance import jobs
from compliance.errors import Conflict
from compliance.vault import admission, blobs, opening, sealing
from compliance.vault.errors import KeyDestroyed, Unreadable
from compliance.vault.models import SealedObject
from compliance.vault.scopes import ObjectKind
from compliance.vault.sealing import Staged, Wanted


def stage_again(sealed: SealedObject) -> Staged:
    """The slow half. Raises KeyDestroyed, KmsUnavailable, Unavailable, and Unreadable where the plaintext is not the
    registered one.
    """
    kind = ObjectKind(sealed.kind)
    wanted = Wanted(sealed.organisation_id, sealed.scope, kind, sealed.media_type, sealed.version, sealed.id)
    plaintext = opening.pieces(sealed, 0)
    if sealed.store_key:
        staged = sealing.stage(wanted, plaintext)
    else:
        staged = sealing.stage_inline(wanted, b"".join(plaintext))
    if (staged.sha256, staged.size) != (sealed.sha256, sealed.size):
        sealing.abandon(staged)
        raise Unreadable.because("the plaintext is not the registered one")
    return staged


def record_again(sealed: SealedObject, staged: Staged) -> SealedObject:
    """The quick half, in the caller's transaction."""
    organisation_id, names = sealed.organisation_id, admission.names_of(sealed.scope)
    try:
        admission.lock(names, shared=True)
        admission.refuse_destroyed(organisation_id, names)
        row = _lock(sealed)
    except (KeyDestroyed, Conflict):
        sealing.abandon(staged)
        raise
    row.replaced_key = row.store_key
    row.store_key, row.inline, row.header = staged.store_key, staged.inline, staged.header
    row.ciphertext_length, row.ciphertext_sha256 = staged.length, staged.ciphertext_sha256
    row.wrapped_dek = staged.wrapped_dek
    row.save(
        update_fields=[
            "replaced_key", "store_key", "inline", "header", "ciphertext_length", "ciphertext_sha256", "wrapped_dek",
        ]
    )  # fmt: skip
    jobs.enqueue_on_commit("vault.remove_replaced", organisation_id=organisation_id, object_id=row.id)
    return row


def remove_replaced(organisation_id: UUID, object_id: UUID) -> None:
    """The old ciphertext goes, once nothing names it but `replaced_key`."""
    with admission.within(organisation_id):
        rows = SealedObject.objects.for_organisation(organisation_id).filter(id=object_id).exclude(replaced_key="")
        replaced = rows.values_list("replaced_key", flat=True).first()
    if not replaced:
        return
    blobs.store().delete(replaced)
    with admission.within(organisation_id):
        rows.filter(replaced_key=replaced).update(replaced_key="")


def _lock(sealed: SealedObject) -> SealedObject:
    row: SealedObject
    row = SealedObject.objects.for_organisation(sealed.organisation_id).select_for_update().get(id=sealed.id)
    if row.deleted_at is not None:
        raise KeyDestroyed()
    if bytes(row.header) != bytes(sealed.header) or row.replaced_key:
        raise Conflict("This object is being sealed again by somebody else", code="sealed_again")
    return row
