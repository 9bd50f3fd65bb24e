"""The entry that every change of a connection or an agent leaves, and what both have in common."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from accounts.actors import Actor
from audit import log
from compliance.connectors.access import Governance
from compliance.connectors.models import Connection, Governed, LawfulBasis
from compliance.errors import Invalid, NotFound

MAX_LIST = 50
MAX_WORDS = 300


def lock_connection(actor: Actor, connection_id: UUID) -> Connection:
    found: Connection | None = (
        Connection.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=connection_id).first()
    )
    if found is None:
        raise NotFound()
    return found


def govern(row: Governed, governance: Governance) -> None:
    if governance.lawful_basis and governance.lawful_basis not in LawfulBasis.values:
        raise Invalid(
            "Not a lawful basis of Art. 6(1) GDPR",
            errors={"lawful_basis": [f"One of: {', '.join(LawfulBasis.values)}."]},
        )
    for name in ("purposes", "recipients"):
        words = getattr(governance, name)
        if len(words) > MAX_LIST or any(not word.strip() or len(word) > MAX_WORDS for word in words):
            raise Invalid(
                "A list cannot be used", errors={name: [f"At most {MAX_LIST} entries of 1 to {MAX_WORDS} characters."]}
            )
    row.purposes, row.recipients = list(governance.purposes), list(governance.recipients)
    row.lawful_basis = governance.lawful_basis


def note_governance(actor: Actor, event: str, kind: str, row: Governed) -> None:
    what = {"field": "governance", "basis": row.lawful_basis or None, "purposes": len(row.purposes)}
    note(actor, event, kind, row.id, what=what, purposes=row.purposes, recipients=row.recipients)


def note(
    actor: Actor,
    event: str,
    kind: str,
    id_: UUID,
    *,
    what: Mapping[str, str | int | bool | None],
    **identifying: object,
) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=(kind, id_),
        cls=log.EntryClass.CONFIG,
        what=what,
        identifying=identifying or None,  # type: ignore[arg-type]
    )
