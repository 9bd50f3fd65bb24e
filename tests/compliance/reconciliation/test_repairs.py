"""Repairs: two people, one look before and one after, and a truthful word where the store refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Invalid, NotFound, OwnProposal, Unavailable
from compliance.reconciliation import operations
from compliance.reconciliation.models import Finding
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactState, LocationState
from compliance.retention import operations as retention
from compliance.vault import blobs, inventory, store
from tests.compliance.reconciliation.worlds import Bucket, Folder, World, populated
from tests.entries import Entries


@pytest.fixture
def orphan(world: World, folder: Folder) -> Finding:
    """A finding that a repair can end."""
    folder.put(world.stray(), b"nobody knows me")
    folder.age()
    world.run()
    return world.finding("orphan")


def test_nothing_is_deleted_on_one_persons_word(world: World, folder: Folder, orphan: Finding) -> None:
    officer, colleague = world.cast.officer.actor, world.cast.colleague.actor
    with pytest.raises(Conflict):
        operations.approve_repair(actor=colleague, finding_id=orphan.id)
    with pytest.raises(NotAllowed):
        operations.propose_repair(actor=colleague, finding_id=orphan.id)
    operations.propose_repair(actor=officer, finding_id=orphan.id)
    with pytest.raises(OwnProposal):
        operations.approve_repair(actor=officer, finding_id=orphan.id)
    with pytest.raises(NotAllowed):
        operations.approve_repair(actor=Actor.scheduler(world.organisation_id), finding_id=orphan.id)
    with pytest.raises(NotFound):
        operations.approve_repair(actor=world.cast.outsider.actor, finding_id=orphan.id)
    operations.carry_out_repair(actor=Actor.scheduler(world.organisation_id), finding_id=orphan.id)
    assert folder.get(orphan.thing)
    operations.approve_repair(actor=colleague, finding_id=orphan.id)
    world.work("reconciliation.carry_out_repair")
    assert not (folder.path / orphan.thing).exists()


def test_an_orphan_is_deleted_with_proof(world: World, orphan: Finding, entries: Entries) -> None:
    done = world.repair(orphan)
    assert (done.state, done.code) == (Finding.State.REPAIRED, "")
    assert (done.proof["removed"], done.proof["left"], done.proof["place"]) == (1, 0, "file")
    repairs = [event for event in entries.events if event.startswith("reconciliation.repair.")]
    assert repairs == [
        "reconciliation.repair.proposed", "reconciliation.repair.approved", "reconciliation.repair.carried_out",
    ]  # fmt: skip
    assert world.run().counts == {}


def test_what_was_not_there_is_no_success(world: World, folder: Folder, orphan: Finding) -> None:
    """A store answers 204 for a key that is not there: that is not a deletion."""
    folder.delete(orphan.thing)
    done = world.repair(orphan)
    assert (done.state, done.code) == (Finding.State.OPEN, "was_absent")
    world.run()
    assert world.findings() == []


def test_what_changed_meanwhile_stays(world: World, folder: Folder, orphan: Finding) -> None:
    folder.put(orphan.thing, b"written a moment ago")
    assert world.repair(orphan).code == "too_young"
    assert folder.get(orphan.thing)


def test_a_store_that_is_away_is_asked_again(world: World, folder: Folder, orphan: Finding) -> None:
    operations.propose_repair(actor=world.cast.officer.actor, finding_id=orphan.id)
    operations.approve_repair(actor=world.cast.colleague.actor, finding_id=orphan.id)
    moved = folder.path.rename(folder.path.with_name("unmounted"))
    actor = Actor.scheduler(world.organisation_id)
    with pytest.raises(Unavailable):
        operations.carry_out_repair(actor=actor, finding_id=orphan.id)
    moved.rename(folder.path)
    assert operations.carry_out_repair(actor=actor, finding_id=orphan.id).state == Finding.State.REPAIRED
    assert operations.carry_out_repair(actor=actor, finding_id=orphan.id).state == Finding.State.REPAIRED


def test_an_undead_object_is_deleted_and_a_held_one_is_not(world: World, folder: Folder) -> None:
    kept = [folder.get(world.key(number)) for number in (0, 1)]
    keys = [world.key(number) for number in (0, 1)]
    world.dispose([0, 1])
    for key, data in zip(keys, kept, strict=True):
        folder.put(key, data)
    world.age()
    folder.age()
    retention.place_hold(actor=world.cast.officer.actor, matter="HB-1", reason="a dispute", call_ids=[world.call_id(1)])
    world.run()
    first, second = sorted(
        (row for row in world.findings() if row.kind == "undead"), key=lambda row: keys.index(row.thing)
    )
    assert world.repair(first).state == Finding.State.REPAIRED
    refused = world.repair(second)
    assert (refused.state, refused.code) == (Finding.State.OPEN, "held")
    assert folder.get(keys[1]) == kept[1]


def test_a_loss_is_written_down_and_ends_when_it_is_found_again(world: World, folder: Folder) -> None:
    data = folder.get(world.key(0))
    folder.delete(world.key(0))
    world.run()
    lost = world.repair(world.finding("missing"))
    assert (lost.state, lost.proof["verdict"]) == (Finding.State.REPAIRED, "absent")
    assert world.artifact(0).state == ArtifactState.MISSING
    with tenancy.scope(world.organisation_id):
        (place,) = register.locations_of(world.organisation_id, world.artifacts[0].id)
    assert place.state == LocationState.UNKNOWN
    assert world.run().counts == {}  # known
    folder.put(world.key(0), data)
    folder.age()
    world.run()
    found = world.repair(world.finding("found_again"))
    assert (found.state, found.proof["verdict"]) == (Finding.State.REPAIRED, "whole")
    assert world.artifact(0).state == ArtifactState.STORED
    assert store.open_bytes(world.sealed(0))


def test_found_again_is_not_enough_by_its_length(world: World, folder: Folder) -> None:
    data = folder.get(world.key(0))
    folder.delete(world.key(0))
    world.run()
    world.repair(world.finding("missing"))
    folder.put(world.key(0), bytes(len(data)))
    folder.age()
    world.run()
    refused = world.repair(world.finding("found_again"))
    assert (refused.state, refused.code) == (Finding.State.OPEN, "does_not_fit")
    assert world.artifact(0).state == ArtifactState.MISSING


def test_what_is_whole_is_not_marked_missing(world: World, folder: Folder) -> None:
    data = folder.get(world.key(0))
    folder.delete(world.key(0))
    world.run()
    folder.put(world.key(0), data)
    refused = world.repair(world.finding("missing"))
    assert (refused.state, refused.code) == (Finding.State.OPEN, "is_whole")
    assert world.artifact(0).state == ArtifactState.STORED


def test_a_state_without_that_move_refuses(world: World, folder: Folder) -> None:
    world.change(0, state=ArtifactState.DUE)
    folder.delete(world.key(0))
    world.run()
    refused = world.repair(world.finding("missing"))
    assert (refused.state, refused.code) == (Finding.State.OPEN, "state_forbids")


def test_what_has_no_repair_says_so(world: World) -> None:
    long_ago = timezone.now() - timedelta(days=5)
    world.change(0, due_on=long_ago.date(), registered_at=long_ago)
    world.run()
    with pytest.raises(Conflict) as refusal:
        operations.propose_repair(actor=world.cast.officer.actor, finding_id=world.finding("overdue").id)
    assert refusal.value.code == "no_repair"


def test_a_dismissal_needs_a_code(world: World, orphan: Finding) -> None:
    with pytest.raises(Invalid):
        operations.dismiss_finding(actor=world.cast.officer.actor, finding_id=orphan.id, code="because")
    with pytest.raises(NotAllowed):
        operations.dismiss_finding(actor=world.cast.auditor.actor, finding_id=orphan.id, code="known")
    dismissed = operations.dismiss_finding(actor=world.cast.officer.actor, finding_id=orphan.id, code="known")
    assert (dismissed.state, dismissed.code) == (Finding.State.DISMISSED, "known")
    with pytest.raises(Conflict):
        operations.propose_repair(actor=world.cast.officer.actor, finding_id=orphan.id)


# --- versions -------------------------------------------------------------------------------------


@pytest.fixture
def bucket_world(cast: Any, jobs: Any, versioned: Bucket, settings: Settings) -> tuple[World, Bucket]:
    settings.RECONCILE_GUARD_HOURS = 0
    return populated(cast, jobs, 3), versioned


@pytest.mark.s3
def test_older_versions_go_where_the_latest_is_proven_right(bucket_world: tuple[World, Bucket]) -> None:
    world, bucket = bucket_world
    bucket.put(world.key(0), bucket.get(world.key(0)))
    world.run()
    done = world.repair(world.finding("extra_version"))
    assert (done.state, done.proof["removed"], done.proof["left"]) == (Finding.State.REPAIRED, 1, 1)
    assert store.open_bytes(world.sealed(0))
    assert world.run().counts == {}


@pytest.mark.s3
def test_an_older_version_stays_where_it_is_the_right_one(bucket_world: tuple[World, Bucket]) -> None:
    """Something wrote over the object: the older version is all that is left of it."""
    world, bucket = bucket_world
    data = bucket.get(world.key(0))
    bucket.put(world.key(0), data[:-1] + b"?")
    world.run()
    refused = world.repair(world.finding("extra_version"))
    assert (refused.state, refused.code) == (Finding.State.OPEN, "latest_does_not_fit")
    assert len(inventory.versions_of(world.key(0))) == 2


@pytest.mark.s3
def test_a_delete_marker_is_taken_off_and_the_object_is_back(bucket_world: tuple[World, Bucket]) -> None:
    world, bucket = bucket_world
    bucket.delete(world.key(0))
    world.run()
    assert world.found() == {("delete_marker", world.key(0))}
    done = world.repair(world.finding("delete_marker"))
    assert (done.state, done.proof["left"]) == (Finding.State.REPAIRED, 1)
    assert store.open_bytes(world.sealed(0))


@pytest.mark.s3
def test_every_version_of_an_undead_object_goes(bucket_world: tuple[World, Bucket]) -> None:
    world, bucket = bucket_world
    key, data = world.key(0), bucket.get(world.key(0))
    world.dispose([0])
    for _ in range(3):
        bucket.put(key, data)
    bucket.delete(key)
    world.run()
    done = world.repair(world.finding("undead"))
    assert (done.state, done.proof["removed"], done.proof["left"]) == (Finding.State.REPAIRED, 4, 0)
    assert world.run().counts == {}


@pytest.mark.s3
def test_an_upload_is_withdrawn(bucket_world: tuple[World, Bucket]) -> None:
    world, bucket = bucket_world
    bucket.client.create_multipart_upload(**bucket.at(world.stray()))
    world.run()
    assert world.repair(world.finding("unfinished")).state == Finding.State.REPAIRED
    assert world.run().counts == {}


@pytest.mark.s3
def test_an_object_lock_stands_and_the_finding_stays_open(bucket_world: tuple[World, Bucket]) -> None:
    world, bucket = bucket_world
    key = world.stray()
    bucket.put(key, b"locked")
    world.run()

    def locked(request: Any, **_: Any) -> AWSResponse:
        body = (
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Object is WORM protected</Message></Error>"
        )
        raw = type(
            "Raw", (), {"stream": lambda *_a, **_k: iter([body]), "read": lambda *_a, **_k: body, "headers": {}}
        )()
        return AWSResponse(request.url, 403, HTTPHeaders(), raw)

    bucket.client.meta.events.register_first("before-send.s3.DeleteObject", locked)
    refused = world.repair(world.finding("orphan"))
    bucket.client.meta.events.unregister("before-send.s3.DeleteObject", locked)
    assert (refused.state, refused.code) == (Finding.State.OPEN, "store_refused")
    assert bucket.get(key) == b"locked"
    assert world.repair(refused).state == Finding.State.REPAIRED


@pytest.mark.s3
def test_a_delete_that_does_nothing_is_noticed(
    bucket_world: tuple[World, Bucket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that answers 204 and keeps the object."""
    world, bucket = bucket_world
    key = world.stray()
    bucket.put(key, b"stays")
    world.run()
    monkeypatch.setattr(blobs.S3Blobs, "delete_version", lambda *_: None)
    refused = world.repair(world.finding("orphan"))
    assert (refused.state, refused.code, refused.proof["left"]) == (Finding.State.OPEN, "still_there", 1)
