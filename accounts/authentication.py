"""From a request to an Actor: by API key (`Authorization: Bearer`) or by the session of a signed-in member."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from accounts import keys, routing, tenancy
from accounts.actors import Actor, ActorKind, Origin, Role
from accounts.models import ApiKey, Membership, User

SESSION_ORGANISATION = "organisation"
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Stands in for a user where a robot is signed in."""

    name: str
    is_authenticated: bool = True
    is_active: bool = True


def origin_of(request: HttpRequest) -> Origin:
    """Address, user agent and trace id of a request (behind a proxy: as the proxy's trusted header was mapped)."""
    trace = request.headers.get("traceparent", "")
    parts = trace.split("-")
    request_id = parts[1] if len(parts) == 4 and len(parts[1]) == 32 and parts[1].isalnum() else ""
    return Origin(request.META.get("REMOTE_ADDR", ""), request.headers.get("User-Agent", "")[:300], request_id.lower())


def actor_of_key(presented: str, origin: Origin) -> tuple[KeyHolder, Actor] | None:
    """The robot behind a key, or None: unknown, wrong, revoked and expired keys look the same."""
    parts = keys.split(presented)
    if parts is None:
        return None
    prefix, digest = parts
    found = routing.resolve_route(routing.API_KEY, prefix)
    if found is None:
        return None
    with tenancy.scope(found.organisation_id):
        key = ApiKey.objects.for_organisation(found.organisation_id).filter(id=found.object_id).first()
        if key is None or not hmac.compare_digest(bytes(key.secret_digest), digest) or not key.is_usable():
            return None
        _touch(key)
        actor = Actor(
            kind=ActorKind.API_KEY,
            organisation_id=found.organisation_id,
            id=key.id,
            role=Role.ROBOT,
            scopes=frozenset(key.scopes),
            purpose=key.purpose,
            origin=origin,
        )
    return KeyHolder(key.name), actor


def _touch(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > _TOUCH_EVERY:
        ApiKey.objects.for_organisation(key.organisation_id).filter(id=key.id).update(last_used_at=now)


def memberships(user: User) -> list[Membership]:
    """The organisations that a person belongs to now."""
    found = []
    for route in routing.resolve_routes(routing.MEMBERSHIP, str(user.id)):
        with tenancy.scope(route.organisation_id):
            rows = Membership.objects.for_organisation(route.organisation_id).select_related("organisation")
            found += list(rows.filter(user=user, ended_at=None))
    return found


def actor_of_session(request: HttpRequest) -> Actor | None:
    """The member behind a session, in the organisation that the session chose (or the only one)."""
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    member = _chosen(memberships(user), request.session.get(SESSION_ORGANISATION))
    if member is None:
        return None
    return Actor(
        kind=ActorKind.PERSON,
        organisation_id=member.organisation_id,
        id=user.id,
        role=Role(member.role),
        origin=origin_of(request),
    )


def actor_named(email: str, organisation: str | None = None) -> Actor | None:
    """The member of this address, for a command on the machine itself: whoever runs it acts in that member's name.

    None where there is no such active member, or several organisations and none was named.
    """
    user = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    members = memberships(user) if user else []
    if organisation is None and len(members) > 1:
        return None
    member = _chosen(members, organisation)
    if user is None or member is None:
        return None
    return Actor(kind=ActorKind.PERSON, organisation_id=member.organisation_id, id=user.id, role=Role(member.role))


def _chosen(members: list[Membership], organisation: str | None) -> Membership | None:
    if organisation:
        return next((member for member in members if member.organisation_id == UUID(organisation)), None)
    return members[0] if members else None


class KeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer cw_…`; `request.auth` is the Actor."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[KeyHolder, Actor] | None:
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        found = actor_of_key(presented.strip(), origin_of(request))
        if found is None:
            raise exceptions.AuthenticationFailed("The API key is not valid")
        return found

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


class MemberAuthentication(authentication.SessionAuthentication):
    """The console's session, with CSRF protection; `request.auth` is the Actor."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        found = super().authenticate(request)
        actor = actor_of_session(request._request) if found else None
        return (found[0], actor) if found and actor else None
