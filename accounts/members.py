"""The people of an organisation who may do something: to hand work to them."""

from __future__ import annotations

from uuid import UUID

from accounts import access
from accounts.actors import ActorKind
from accounts.models import Membership


def members_who_may(organisation_id: UUID, action: str) -> list[Membership]:
    """Today's members with this right, each with the person, by name."""
    rows = Membership.objects.for_organisation(organisation_id).filter(ended_at=None)
    found = rows.filter(role__in=access.roles_that_may(action)).select_related("user")
    return sorted(found, key=lambda one: str(one.user).casefold())


def reference_of(user_id: UUID) -> str:
    """How rows and entries name a person; the same as their actor's reference."""
    return f"{ActorKind.PERSON.value}:{user_id}"
