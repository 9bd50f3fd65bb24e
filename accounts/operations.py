"""Organisations, members and keys: every change of who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.text import slugify

from accounts import access, events, keys, routing, tenancy
from accounts.actors import Actor, Role
from accounts.errors import Conflict, Invalid, NotFound
from accounts.models import ApiKey, Membership, Organisation, User
from audit import log
from audit.ids import uuid7

KEY_LIFETIME = timedelta(days=365)
KEY_OVERLAP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """What `create_organisation` needs to know."""

    name: str
    owner_email: str
    country: str = "DE"
    contact_email: str = ""
    is_demo: bool = False


def create_organisation(*, actor: Actor | None = None, new: NewOrganisation) -> tuple[Organisation, User]:
    """Create an organisation and its first owner (by the operator only). Returns both; the owner has no password
    yet.
    """
    if not new.name.strip():
        raise Invalid("An organisation needs a name", errors={"name": ["Empty."]})
    organisation_id = uuid7()
    actor = actor or Actor.system(organisation_id)
    with tenancy.scope(organisation_id), log.context(organisation_id):
        organisation = Organisation.objects.create(
            id=organisation_id,
            name=new.name.strip(),
            slug=f"{slugify(new.name)[:60]}-{organisation_id.hex[-6:]}",
            country=new.country,
            contact_email=new.contact_email,
            is_demo=new.is_demo,
        )
        log.append(
            actor=actor,
            event=events.ORGANISATION_CREATED,
            organisation_id=organisation_id,
            obj=("organisation", organisation_id),
            cls=log.EntryClass.CONFIG,
            identifying={"name": organisation.name},
        )
        owner = _person(new.owner_email)
        _add_member(actor, organisation_id, owner, Role.OWNER)
    return organisation, owner


def add_member(*, actor: Actor, email: str, role: Role, name: str = "", password: str | None = None) -> User:
    """Make a person a member. An existing membership must be changed, not added again."""
    access.require(actor, "accounts.manage_members")
    with tenancy.operation(actor):
        user = _person(email, name=name, password=password)
        members = Membership.objects.for_organisation(actor.organisation_id)
        if members.filter(user=user, ended_at=None).exists():
            raise Conflict("This person is already a member", code="already_member")
        _add_member(actor, actor.organisation_id, user, role)
    return user


def change_role(*, actor: Actor, membership_id: UUID, role: Role) -> Membership:
    """Give a member another role; the last owner stays owner."""
    access.require(actor, "accounts.manage_members")
    with tenancy.operation(actor):
        member = _lock_member(actor, membership_id)
        if member.role == Role.OWNER and role is not Role.OWNER:
            _keep_an_owner(actor)
        before, member.role = member.role, role.value
        member.save(update_fields=["role"])
        _note(actor, events.ROLE_CHANGED, ("membership", member.id), what={"from": before, "to": role.value})
    return member


def end_membership(*, actor: Actor, membership_id: UUID) -> None:
    """Take a person out; what they did stays in the log."""
    access.require(actor, "accounts.manage_members")
    with tenancy.operation(actor):
        member = _lock_member(actor, membership_id)
        if member.role == Role.OWNER:
            _keep_an_owner(actor)
        member.ended_at = timezone.now()
        member.save(update_fields=["ended_at"])
        routing.withdraw_routes(routing.MEMBERSHIP, object_id=member.id)
        _note(actor, events.MEMBER_ENDED, ("membership", member.id))


def issue_api_key(
    *, actor: Actor, name: str, scopes: Sequence[str], purpose: str = "", expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key. Its text is returned once and stored nowhere."""
    access.require(actor, "accounts.manage_keys")
    unknown = sorted(set(scopes) - access.SCOPES)
    if unknown or not scopes:
        raise Invalid(
            "A key needs known scopes", errors={"scopes": [f"Not known: {', '.join(unknown)}" if unknown else "Empty."]}
        )
    if "calls:content" in scopes and not purpose:
        raise Invalid("A key that opens content needs a purpose", errors={"purpose": ["Needed with calls:content."]})
    end = expires_at or timezone.now() + KEY_LIFETIME
    if end <= timezone.now():
        raise Invalid("A key must end in the future", errors={"expires_at": ["In the past."]})
    with tenancy.operation(actor):
        key, text = _make_key(actor, name=name, scopes=sorted(set(scopes)), purpose=purpose, expires_at=end)
        _note(
            actor, events.KEY_ISSUED, ("api_key", key.id), what={"scopes": len(key.scopes)}, identifying={"name": name}
        )
    return key, text


def rotate_api_key(*, actor: Actor, key_id: UUID, overlap: timedelta = KEY_OVERLAP) -> tuple[ApiKey, str]:
    """A successor with the same rights; the old key works on for the overlap, then no more."""
    access.require(actor, "accounts.manage_keys")
    with tenancy.operation(actor):
        old = _lock_key(actor, key_id)
        if not old.is_usable():
            raise Conflict("A revoked or expired key cannot be rotated", code="key_not_usable")
        key, text = _make_key(
            actor,
            name=old.name,
            scopes=old.scopes,
            purpose=old.purpose,
            expires_at=timezone.now() + KEY_LIFETIME,
            replaces=old,
        )
        old.expires_at = min(old.expires_at, timezone.now() + overlap)
        old.save(update_fields=["expires_at"])
        _note(actor, events.KEY_ROTATED, ("api_key", key.id), what={"replaces": str(old.id)})
    return key, text


def revoke_api_key(*, actor: Actor, key_id: UUID) -> ApiKey:
    """End a key at once. Revoking twice changes nothing."""
    access.require(actor, "accounts.manage_keys")
    with tenancy.operation(actor):
        key = _lock_key(actor, key_id)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            routing.withdraw_routes(routing.API_KEY, object_id=key.id)
            _note(actor, events.KEY_REVOKED, ("api_key", key.id))
    return key


def _person(email: str, *, name: str = "", password: str | None = None) -> User:
    if "@" not in email:
        raise Invalid("An e-mail address is needed", errors={"email": ["Not an address."]})
    found = User.objects.filter(email__iexact=email).first()
    return found or User.objects.create_user(email, password, name=name)


def _add_member(actor: Actor, organisation_id: UUID, user: User, role: Role) -> None:
    member = Membership.objects.create(organisation_id=organisation_id, user=user, role=role.value)
    routing.publish_route(routing.MEMBERSHIP, str(user.id), organisation_id=organisation_id, object_id=member.id)
    log.append(
        actor=actor,
        event=events.MEMBER_ADDED,
        organisation_id=organisation_id,
        obj=("membership", member.id),
        cls=log.EntryClass.CONFIG,
        what={"role": role.value, "user": str(user.id)},
    )


def _lock_member(actor: Actor, membership_id: UUID) -> Membership:
    rows = Membership.objects.for_organisation(actor.organisation_id).select_for_update()
    member = rows.filter(id=membership_id, ended_at=None).first()
    if member is None:
        raise NotFound()
    return member


def _keep_an_owner(actor: Actor) -> None:
    owners = Membership.objects.for_organisation(actor.organisation_id).filter(role=Role.OWNER, ended_at=None)
    if len(owners.select_for_update()) < 2:
        raise Conflict("An organisation keeps at least one owner", code="last_owner")


def _lock_key(actor: Actor, key_id: UUID) -> ApiKey:
    key = ApiKey.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=key_id).first()
    if key is None:
        raise NotFound()
    return key


def _make_key(
    actor: Actor, *, name: str, scopes: list[str], purpose: str, expires_at: datetime, replaces: ApiKey | None = None
) -> tuple[ApiKey, str]:
    text, prefix, digest = keys.make()
    key = ApiKey.objects.create(
        organisation_id=actor.organisation_id,
        name=name,
        prefix=prefix,
        secret_digest=digest,
        scopes=scopes,
        purpose=purpose,
        expires_at=expires_at,
        replaces=replaces,
    )
    routing.publish_route(routing.API_KEY, prefix, organisation_id=actor.organisation_id, object_id=key.id)
    return key, text


def _note(actor: Actor, event: str, obj: tuple[str, UUID], **details: Any) -> None:
    log.append(
        actor=actor, event=event, organisation_id=actor.organisation_id, obj=obj, cls=log.EntryClass.CONFIG, **details
    )
