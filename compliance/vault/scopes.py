"""What a key is for, and what an object is.

The numbers stand in sealed bytes: add to them, never change or reuse one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from uuid import UUID, uuid5


class ScopeKind(IntEnum):
    """What a scope's key keeps together. 0 is the organisation key, 7 the log's inbox: no scopes of objects."""

    ORGANISATION = 1
    SUBJECT = 2
    CALL = 3
    DELIVERY = 4
    REQUEST = 5
    PROMPT = 6
    EXPORT = 8
    LOCATION = 9


class ObjectKind(IntEnum):
    """What a sealed object holds."""

    RECORDING = 1
    TRANSCRIPT = 2
    REDACTED_RECORDING = 3
    REDACTED_TRANSCRIPT = 4
    SUMMARY = 5
    EXPORT = 6
    DELIVERY = 7
    VOICEMAIL = 8
    DOWNLOAD = 9
    PROMPT = 10
    REQUEST = 11
    MAIL = 12


@dataclass(frozen=True)
class Scope:
    """The unit that is destroyed together.

    A call's scope also needs the key of every principal: any one gone, all is unreadable.
    """

    kind: ScopeKind
    id: UUID
    principals: tuple[UUID, ...] = ()

    def __post_init__(self) -> None:
        if self.principals and self.kind is not ScopeKind.CALL:
            raise ValueError("only a call has principals")
        object.__setattr__(self, "kind", ScopeKind(self.kind))
        object.__setattr__(self, "principals", tuple(sorted(set(self.principals))))


def organisation(organisation_id: UUID) -> Scope:
    """What belongs to the organisation as a whole: its secrets, its blind look-ups."""
    return Scope(ScopeKind.ORGANISATION, organisation_id)


def subject(subject_id: UUID) -> Scope:
    """What belongs to one data subject alone."""
    return Scope(ScopeKind.SUBJECT, subject_id)


def call(call_id: UUID, principals: Iterable[UUID]) -> Scope:
    """What belongs to one call and to everybody who is a principal in it."""
    return Scope(ScopeKind.CALL, call_id, tuple(principals))


def delivery(connection_id: UUID, day: date) -> Scope:
    """Raw webhook bodies of one connection and one day (UTC), until they are sealed again under their call."""
    return Scope(ScopeKind.DELIVERY, uuid5(connection_id, f"delivery/{day.isoformat()}"))
