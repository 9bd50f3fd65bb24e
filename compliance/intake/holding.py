"""What the intake keeps of people: bodies that could be assigned to no call.

Nobody can say whose they are without opening them, so they are opened and searched for what the person is known by.
They are few, they expire, and a person's numbers in one of them would otherwise outlive the person's erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from compliance.intake import access
from compliance.recordings import access as register
from compliance.recordings import people
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.states import ArtifactKind
from compliance.vault import store

_TELLING = frozenset({IdentifierKind.PHONE, IdentifierKind.EMAIL, IdentifierKind.CONTACT_ID, IdentifierKind.ACCOUNT})


class DeliveryHolding:
    """Quarantined and unknown deliveries."""

    name = "intake"

    def locate(self, organisation_id: UUID, subject_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Bodies in which one of the people's identifiers stands, whatever else they are."""
        wanted = {
            _searchable(known.value)
            for subject_id in subject_ids
            for known in people.identifiers_of(organisation_id, subject_id)
            if known.kind in _TELLING
        }
        if not wanted:
            return []
        waiting = access.deliveries(organisation_id).exclude(object=None).select_related("object").order_by("id")
        found = [delivery.id for delivery in waiting.iterator() if _speaks_of(delivery.object, wanted)]
        variants = [delivery_id.hex for delivery_id in found]
        rows = register.artifacts(organisation_id).filter(
            call=None, kind=ArtifactKind.DELIVERY.value, variant__in=variants
        )
        return list(rows.order_by("id").values_list("id", flat=True))


def _speaks_of(sealed: store.SealedObject | None, wanted: set[str]) -> bool:
    if sealed is None:
        return False
    text = _searchable(store.open_bytes(sealed).decode("utf-8", "replace"))
    return any(value in text for value in wanted)


def _searchable(text: str) -> str:
    """Lower case without what people put between digits."""
    return "".join(character for character in text.lower() if character not in " ()-./+\t")
