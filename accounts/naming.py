"""Names for the references that rows and entries hold, such as `person:<id>`. For screens only: nothing stores one."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from accounts.actors import ActorKind
from accounts.models import ApiKey, Membership

_ALONE = {
    ActorKind.SCHEDULER: "Scheduler",
    ActorKind.SYSTEM: "Operator",
    ActorKind.SUBJECT: "Data subject",
    ActorKind.CONNECTION: "Platform",
}


class Names:
    """The people and keys of one organisation; asked once a page, and only if a page needs them."""

    def __init__(self, organisation_id: UUID) -> None:
        self._organisation_id = organisation_id

    def of(self, reference: str) -> str:
        """Who this is; the reference itself where nobody knows."""
        kind, _, id_ = reference.partition(":")
        if kind == ActorKind.PERSON:
            return self._people.get(id_, reference)
        if kind == ActorKind.API_KEY:
            return self._keys.get(id_, reference)
        return next((name for known, name in _ALONE.items() if known == kind), reference or "–")

    @cached_property
    def _people(self) -> dict[str, str]:
        rows = Membership.objects.for_organisation(self._organisation_id).select_related("user")
        return {str(row.user_id): str(row.user) for row in rows}

    @cached_property
    def _keys(self) -> dict[str, str]:
        rows = ApiKey.objects.for_organisation(self._organisation_id)
        return {str(row.id): f"Key {row.name}" for row in rows}
