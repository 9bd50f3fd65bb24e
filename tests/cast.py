"""The people of the tests. Officer, colleague and the rest belong to Harbor; the outsider to another organisation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts import operations, tenancy
from accounts.actors import Actor, ActorKind, Role
from accounts.models import Organisation, User

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the cast, ready to sign in and to act."""

    user: User
    actor: Actor

    @property
    def organisation_id(self) -> UUID:
        return self.actor.organisation_id


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody."""

    organisation: Organisation
    other_organisation: Organisation
    owner: Member
    officer: Member
    colleague: Member  # reviewer
    auditor: Member
    engineer: Member
    outsider: Member  # officer of the other organisation
    outsider_owner: Member
    robot: Actor
    robot_key: str
    outsider_key: str

    @property
    def organisation_id(self) -> UUID:
        return self.organisation.id


ROBOT_SCOPES = (
    "calls:read", "calls:content", "calls:write", "requests:read", "requests:write", "agents:read", "agents:write",
    "disclosure:check", "connections:read", "connections:write", "holds:write", "log:read",
    "webhooks:read", "webhooks:write",
)  # fmt: skip


def assemble() -> Cast:
    """Create both organisations and everybody in them."""
    harbor, owner = _organisation("Harbor Dental", "owner@harbor.example")
    other, outsider_owner = _organisation("Elsewhere Ltd", "owner@elsewhere.example")
    robot, robot_key = _robot(owner)
    _, outsider_key = _robot(outsider_owner)
    return Cast(
        organisation=harbor,
        other_organisation=other,
        owner=owner,
        officer=_member(owner, "officer@harbor.example", Role.OFFICER),
        colleague=_member(owner, "colleague@harbor.example", Role.REVIEWER),
        auditor=_member(owner, "auditor@harbor.example", Role.AUDITOR),
        engineer=_member(owner, "engineer@harbor.example", Role.ENGINEER),
        outsider=_member(outsider_owner, "officer@elsewhere.example", Role.OFFICER),
        outsider_owner=outsider_owner,
        robot=robot,
        robot_key=robot_key,
        outsider_key=outsider_key,
    )


def _organisation(name: str, email: str) -> tuple[Organisation, Member]:
    organisation, user = operations.create_organisation(new=operations.NewOrganisation(name, email))
    with tenancy.scope(organisation.id):
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    return organisation, Member(user, person(organisation.id, user, Role.OWNER))


def person(organisation_id: UUID, user: User, role: Role) -> Actor:
    """The actor that a signed-in member becomes."""
    return Actor(kind=ActorKind.PERSON, organisation_id=organisation_id, id=user.id, role=role, purpose="test")


def _member(owner: Member, email: str, role: Role) -> Member:
    user = operations.add_member(actor=owner.actor, email=email, role=role, password=PASSWORD)
    return Member(user, person(owner.organisation_id, user, role))


def _robot(owner: Member) -> tuple[Actor, str]:
    key, text = operations.issue_api_key(
        actor=owner.actor, name="robot", scopes=ROBOT_SCOPES, purpose="quality assurance"
    )
    actor = Actor(
        kind=ActorKind.API_KEY,
        organisation_id=owner.organisation_id,
        id=key.id,
        role=Role.ROBOT,
        scopes=frozenset(ROBOT_SCOPES),
        purpose="quality assurance",
    )
    return actor, text
