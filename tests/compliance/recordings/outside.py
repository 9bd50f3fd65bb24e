"""Two owners and what they hand to an outside check."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from accounts import operations as accounts
from accounts.actors import Role
from compliance.recordings.models import OutsideCheck
from compliance.recordings.operations import outside_checks as checks
from tests.cast import PASSWORD, Cast, Member, person

PURPOSE = "Cryptographer of the works council"


def second_owner(cast: Cast) -> Member:
    """Another owner of the cast's organisation."""
    email = "partner@harbor.example"
    user = accounts.add_member(actor=cast.owner.actor, email=email, role=Role.OWNER, password=PASSWORD)
    return Member(user, person(cast.organisation_id, user, Role.OWNER))


def approved(cast: Cast, partner: Member, *call_ids: UUID) -> OutsideCheck:
    """A check of these calls that the owner proposed and the partner approved."""
    row = checks.propose_outside_check(actor=cast.owner.actor, purpose=PURPOSE, call_ids=call_ids)
    return checks.approve_outside_check(actor=partner.actor, check_id=row.id)


def unzipped(pieces: Iterable[bytes]) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(pieces)))


def read(archive: zipfile.ZipFile, name: str) -> Any:
    return json.loads(archive.read(name))
