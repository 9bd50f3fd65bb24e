"""Rows of a register, many at a time: calls with a recording each, whose ciphertext is a small file in the store.

Registering through a webhook is another row; here only what lies in the register matters.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from accounts import tenancy
from compliance.recordings.models import Artifact, Call, Location
from compliance.vault import envelope
from compliance.vault.models import SealedObject
from compliance.vault.scopes import ObjectKind, ScopeKind

_CIPHERTEXT = bytes(200)
_ROWS = 1000


def add_calls(organisation_id: UUID, connection_id: UUID, count: int, at: datetime) -> list[UUID]:
    """That many calls that ended at this time, each with a stored recording; the recordings' ids."""
    added: list[UUID] = []
    folder = Path(urlsplit(os.environ["STORAGE_URL"]).path) / str(organisation_id)
    folder.mkdir(parents=True, exist_ok=True)
    while len(added) < count:
        added += _add(organisation_id, connection_id, min(_ROWS, count - len(added)), at, folder)
    return added


def _add(organisation_id: UUID, connection_id: UUID, count: int, at: datetime, folder: Path) -> list[UUID]:
    calls = [
        Call(
            organisation_id=organisation_id,
            connection_id=connection_id,
            external_id=f"call_{uuid4().hex}",
            external_digest=os.urandom(32),
            direction="outbound",
            status="completed",
            started_at=at - timedelta(minutes=2),
            ended_at=at,
            registered_at=at,
        )
        for _ in range(count)
    ]
    objects = [_object(organisation_id, call.id) for call in calls]
    artifacts = [
        Artifact(
            organisation_id=organisation_id,
            call=call,
            kind="recording",
            variant="mono",
            state="stored",
            object=sealed,
            size=sealed.size,
            sha256=sealed.sha256,
            registered_at=at,
            stored_at=at,
        )
        for call, sealed in zip(calls, objects, strict=True)
    ]
    places = [
        Location(organisation_id=organisation_id, artifact=one, place="store", name="file", key=sealed.store_key)
        for one, sealed in zip(artifacts, objects, strict=True)
    ]
    for sealed in objects:
        (folder / sealed.store_key.partition("/")[2]).write_bytes(_CIPHERTEXT)
    with tenancy.scope(organisation_id):
        Call.objects.bulk_create(calls)
        SealedObject.objects.bulk_create(objects)
        Artifact.objects.bulk_create(artifacts)
        Location.objects.bulk_create(places)
    return [one.id for one in artifacts]


def _object(organisation_id: UUID, call_id: UUID) -> SealedObject:
    return SealedObject(
        organisation_id=organisation_id,
        scope_kind=int(ScopeKind.CALL),
        scope_id=call_id,
        kind=int(ObjectKind.RECORDING),
        store_key=f"{organisation_id}/{uuid4()}",
        header=bytes(envelope.HEADER),
        size=len(_CIPHERTEXT),
        ciphertext_length=len(_CIPHERTEXT),
        wrapped_dek=bytes(60),
        media_type="audio/mpeg",
        sha256=os.urandom(32).hex(),
        sha512=os.urandom(64).hex(),
        ciphertext_sha256=os.urandom(32).hex(),
    )
