"""Who acts in a measurement: one organisation and its officer."""

from __future__ import annotations

from django.db import connections

from accounts import operations
from accounts.actors import Actor, ActorKind, Origin, Role

_BROWSER = Origin(
    ip="203.0.113.7", user_agent="Mozilla/5.0 (X11; Linux x86_64)", request_id="4bf92f3577b34da6a3ce929d0e0e4736"
)


def officer() -> Actor:
    """The first member of a new organisation, with the origin that a browser gives."""
    new = operations.NewOrganisation("Harbor Dental", "owner@harbor.example")
    organisation, user = operations.create_organisation(new=new)
    return Actor(
        kind=ActorKind.PERSON,
        organisation_id=organisation.id,
        id=user.id,
        role=Role.OFFICER,
        purpose="quality assurance",
        origin=_BROWSER,
    )


def backend_pid(alias: str = "default") -> int:
    """The server's process behind this thread's connection."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
