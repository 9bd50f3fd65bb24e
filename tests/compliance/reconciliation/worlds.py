"""A register with objects in a store, and hands to spoil it behind the register's back."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from accounts.models import DueWork
from audit.ids import uuid7
from compliance.reconciliation import access, operations
from compliance.reconciliation.models import Finding, Run
from compliance.recordings import access as register
from compliance.recordings.models import Artifact, Call
from compliance.recordings.operations import keeping
from compliance.recordings.states import ArtifactKind
from compliance.retention import disposal
from compliance.vault import blobs, store
from compliance.vault.models import SealedObject, Tombstone
from tests.calls import connect
from tests.cast import Cast

LONG_AGO = timedelta(days=3)
DATA = b"the sound of a call " * 50


class Folder:
    """The store in files; `age` makes all of it old."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, key: str, data: bytes) -> None:
        place = self.path / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)

    def get(self, key: str) -> bytes:
        return (self.path / key).read_bytes()

    def delete(self, key: str) -> None:
        (self.path / key).unlink()

    def age(self, delta: timedelta = LONG_AGO) -> None:
        then = time.time() - delta.total_seconds()
        for place in self.path.rglob("*"):
            os.utime(place, (then, then))


class Bucket:
    """The store in S3, as the vault is configured to use it now."""

    def __init__(self) -> None:
        found = blobs.store()
        assert isinstance(found, blobs.S3Blobs)
        self.client: Any = found._client
        self.name = found._bucket

    def at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.name, "Key": f"vault/{key}"}

    def put(self, key: str, data: bytes, **options: Any) -> None:
        self.client.put_object(**self.at(key), Body=data, **options)

    def get(self, key: str) -> bytes:
        data: bytes = self.client.get_object(**self.at(key))["Body"].read()
        return data

    def delete(self, key: str) -> None:
        """As the console's delete button does: with versions, only a marker is put on top."""
        self.client.delete_object(**self.at(key))

    def remove(self, key: str) -> None:
        """Every version."""
        for item in blobs.store().versions(key):
            self.client.delete_object(**self.at(key), VersionId=item.version_id)

    def age(self, delta: timedelta = LONG_AGO) -> None:
        """The server's clock is its own: tests of it take the guard away instead."""


@dataclass
class World:
    """An organisation with stored recordings, one a call."""

    cast: Cast
    jobs: Any
    artifacts: list[Artifact] = field(default_factory=list)

    @property
    def organisation_id(self) -> UUID:
        return self.cast.organisation_id

    def sealed(self, number: int) -> SealedObject:
        with tenancy.scope(self.organisation_id):
            found: SealedObject = SealedObject.objects.for_organisation(self.organisation_id).get(
                id=self.object_id(number)
            )
            return found

    def object_id(self, number: int) -> UUID:
        found = self.artifacts[number].object_id
        assert found
        return found

    def call_id(self, number: int) -> UUID:
        found = self.artifacts[number].call_id
        assert found
        return found

    def key(self, number: int) -> str:
        return self.sealed(number).store_key

    def artifact(self, number: int) -> Artifact:
        with tenancy.scope(self.organisation_id):
            return register.artifact_of(self.organisation_id, self.artifacts[number].id)

    def stray(self) -> str:
        """A key of this organisation that no row has."""
        return f"{self.organisation_id}/{uuid4()}"

    def age(self, delta: timedelta = LONG_AGO) -> None:
        """Nothing in the register is new."""
        then = timezone.now() - delta
        with tenancy.scope(self.organisation_id):
            rows = SealedObject.objects.for_organisation(self.organisation_id)
            rows.update(created_at=then)
            rows.exclude(deleted_at=None).update(deleted_at=then)
            Tombstone.objects.for_organisation(self.organisation_id).exclude(stored_at=None).update(stored_at=then)

    def change(self, number: int, **columns: Any) -> None:
        with tenancy.scope(self.organisation_id):
            rows = Artifact.objects.for_organisation(self.organisation_id).filter(id=self.artifacts[number].id)
            rows.update(**columns)

    def dispose(self, numbers: range | list[int]) -> None:
        """By the one road on which data leaves."""
        actor = Actor.scheduler(self.organisation_id)
        ids = [self.artifacts[number].id for number in numbers]
        for at in range(0, len(ids), disposal.BATCH):
            disposal.begin_artifact_disposal(
                actor=actor, artifact_ids=ids[at : at + disposal.BATCH], ground=disposal.Ground.RETENTION_EXPIRED
            )
        self.jobs.drain(rounds=500)

    def run(self) -> Run:
        """A run to its end (or stop)."""
        run = operations.start_run(actor=self.cast.officer.actor)
        self.work("reconciliation.run")
        run = self.reread(run)
        assert run.state != Run.State.RUNNING
        return run

    def reread(self, run: Run) -> Run:
        with tenancy.scope(self.organisation_id):
            return access.run_of(self.organisation_id, run.id)

    def work(self, *names: str) -> None:
        """Jobs of these names, until none is due."""
        while True:
            due = list(DueWork.objects.filter(job__in=names, due_at__lte=timezone.now()))
            if not any(_run(row) for row in due):
                return

    def findings(self, *, is_open: bool = True) -> list[Finding]:
        with tenancy.scope(self.organisation_id):
            rows = access.findings(self.organisation_id).order_by("kind", "thing")
            return list(rows.filter(state__in=access.OPEN) if is_open else rows)

    def found(self) -> set[tuple[str, str]]:
        return {(row.kind, row.thing) for row in self.findings()}

    def finding(self, kind: str) -> Finding:
        (found,) = [row for row in self.findings() if row.kind == kind]
        return found

    def repair(self, finding: Finding) -> Finding:
        """Proposed by the officer, approved by the colleague, carried out by its job."""
        operations.propose_repair(actor=self.cast.officer.actor, finding_id=finding.id)
        operations.approve_repair(actor=self.cast.colleague.actor, finding_id=finding.id)
        self.work("reconciliation.carry_out_repair")
        with tenancy.scope(self.organisation_id):
            return access.finding_of(self.organisation_id, finding.id)


def _run(row: DueWork) -> bool:
    from compliance import jobs

    return jobs.run(row.job, row.object_id)


_ALONE = 40
_TOGETHER = 25


def populated(cast: Cast, jobs: Any, count: int, *, a_transaction: int = 250) -> World:
    """So many stored recordings, three days old: the first forty each in a call of its own, then many to a call,
    because what takes time here is calls and keys, and what is tested is objects.
    """
    platform, world = connect(cast), World(cast, jobs)
    call: Call | None = None
    for at in range(0, count, a_transaction):
        with tenancy.scope(cast.organisation_id):
            for number in range(at, min(at + a_transaction, count)):
                if call is None or number < _ALONE or number % _TOGETHER == 0:
                    call = _call(cast.organisation_id, platform.connection_id, number)
                world.artifacts.append(_stored(call, number))
    world.age()
    return world


def _call(organisation_id: UUID, connection_id: UUID, number: int) -> Call:
    made: Call = Call.objects.create(
        id=uuid7(),
        organisation_id=organisation_id,
        connection_id=connection_id,
        external_id=f"call-{number}",
        external_digest=os.urandom(32),
        registered_at=timezone.now() - LONG_AGO,
    )
    return made


def _stored(call: Call, number: int) -> Artifact:
    sealed = store.put(
        organisation_id=call.organisation_id,
        scope=register.call_scope(call.organisation_id, call.id),
        kind=store.ObjectKind.RECORDING,
        source=DATA + f"{number:06}".encode(),
        media_type="audio/mpeg",
    )
    return keeping.store_artifact(call, ArtifactKind.RECORDING, sealed, variant=f"mono:{number}")
