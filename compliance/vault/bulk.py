"""Opening many small objects for one look at each: their tombstones in one query, their keys in one more.

The promises are those of `opening`: nothing under a tombstone is opened, every byte is authenticated, and what does
not authenticate raises the alarm. What is destroyed is left out, because whoever looks through many does not stop at
one. The keys are not kept: thousands that are used once would push out those that somebody plays with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from compliance.vault import admission, hierarchy, opening
from compliance.vault.errors import Unreadable
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject


def contents(organisation_id: UUID, objects: Sequence[SealedObject]) -> Iterator[tuple[SealedObject, bytes | None]]:
    """Each object that lives, in the given order, with its whole plaintext; None where it does not authenticate.

    Raises KmsUnavailable, and while iterating Unavailable.
    """
    living = [sealed for sealed in objects if sealed.deleted_at is None]
    names = {sealed.id: admission.names_of(sealed.scope) for sealed in living}
    wanted = {name for found in names.values() for name in found}
    keys = custody.load_surviving(organisation_id, wanted - admission.destroyed(organisation_id, wanted))
    for sealed in living:
        if all(name in keys for name in names[sealed.id]):
            yield sealed, _plaintext(sealed, names[sealed.id], keys)


def _plaintext(sealed: SealedObject, names: Iterable[KeyName], keys: Mapping[KeyName, bytes]) -> bytes | None:
    own, *principals = names
    subjects = {name.scope_id: keys[name] for name in principals}
    wrapping_key = hierarchy.wrapping_key(
        keys[own], subjects, organisation_id=sealed.organisation_id, scope_id=sealed.scope_id
    )
    try:
        return b"".join(opening.pieces_under(sealed, wrapping_key))
    except Unreadable:
        return None
