"""Who acts: a person, an API key, a platform's connection, a data subject, the scheduler, the system itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from uuid import UUID


class ActorKind(enum.StrEnum):
    PERSON = "person"
    API_KEY = "api_key"
    CONNECTION = "connection"
    SUBJECT = "subject"
    SCHEDULER = "scheduler"
    SYSTEM = "system"


class Role(enum.StrEnum):
    """What a member of an organisation may be; rights are in `accounts.access`."""

    OWNER = "owner"
    OFFICER = "officer"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"
    ENGINEER = "engineer"
    ROBOT = "robot"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act came from. Identifies a person, so the log keeps it only as a destroyable disclosure."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Passed as the first argument of every operation."""

    kind: ActorKind
    organisation_id: UUID
    id: UUID | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    purpose: str = ""
    origin: Origin = field(default_factory=Origin)

    @property
    def reference(self) -> str:
        """How the log names the actor: kind and id, never a name or an address."""
        return f"{self.kind.value}:{self.id}" if self.id else self.kind.value

    def with_purpose(self, purpose: str) -> Actor:
        """The same actor, acting for a stated purpose (content is opened only with one)."""
        return replace(self, purpose=purpose)

    @classmethod
    def scheduler(cls, organisation_id: UUID) -> Actor:
        """The clock: sweeps and jobs."""
        return cls(kind=ActorKind.SCHEDULER, organisation_id=organisation_id)

    @classmethod
    def system(cls, organisation_id: UUID) -> Actor:
        """The operator at the command line."""
        return cls(kind=ActorKind.SYSTEM, organisation_id=organisation_id)
