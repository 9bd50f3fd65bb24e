"""Everything that can be planted, found by its kind, and nothing else: in files, and in a real S3 server's buckets.

`SOAK=1` imports 10,000 objects and disposes of 1,000; `make test` takes a fiftieth.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import tenancy
from compliance.reconciliation.models import Run
from compliance.recordings import access as register
from compliance.recordings.models import Location
from compliance.recordings.operations import erasing
from compliance.retention import operations as retention
from compliance.vault.models import SealedObject
from tests.compliance.reconciliation.worlds import Bucket, Folder, World, populated

IS_SOAK = bool(os.environ.get("SOAK"))
OBJECTS, DISPOSED = (10_000, 1_000) if IS_SOAK else (200, 20)

Planted = set[tuple[str, str]]


def settled(world: World, store: Bucket | Folder) -> None:
    world.age()
    store.age()


def plant_in_the_store(world: World, store: Bucket | Folder) -> Planted:
    """What any store can suffer. Uses artifacts 0 to 19 of those that stay, and the first disposed one."""
    planted: Planted = set()
    for _ in range(3):
        key = world.stray()
        store.put(key, b"nobody knows me")
        planted.add(("orphan", key))
    for number in (0, 1, 2):
        key = world.key(number)
        store.remove(key) if isinstance(store, Bucket) else store.delete(key)
        planted.add(("missing", key))
    cut = world.key(3)
    store.put(cut, store.get(cut)[:-1])
    planted.add(("size", cut))
    one, other = world.key(4), world.key(5)
    same = min(len(store.get(one)), len(store.get(other)))
    assert len(store.get(one)) == len(store.get(other)) == same
    first, second = store.get(one), store.get(other)
    store.put(one, second)
    store.put(other, first)
    planted |= {("wrong_key", one), ("wrong_key", other)}
    spoiled = world.key(6)
    data = store.get(spoiled)
    store.put(spoiled, data[:-1] + bytes([data[-1] ^ 1]))
    planted.add(("hash", spoiled))
    held = world.key(7)
    retention.place_hold(actor=world.cast.officer.actor, matter="HB-1", reason="a dispute", call_ids=[world.call_id(7)])
    store.remove(held) if isinstance(store, Bucket) else store.delete(held)
    planted.add(("held_but_gone", held))
    undead = world.key(len(world.artifacts) - 1)
    store.put(undead, data)
    planted.add(("undead", undead))
    return planted


def plant_versions(world: World, store: Bucket) -> Planted:
    """What only a store with versions can suffer; what was written over above left its older versions, too."""
    planted = {("extra_version", world.key(number)) for number in (3, 4, 5, 6)}
    again = world.key(8)
    store.put(again, store.get(again))
    planted.add(("extra_version", again))
    hidden = world.key(9)
    store.delete(hidden)
    planted.add(("delete_marker", hidden))
    marker = world.stray()
    store.put(marker, b"x")
    store.delete(marker)
    for item in [one for one in _versions(marker) if not one.is_delete_marker]:
        store.client.delete_object(**store.at(marker), VersionId=item.version_id)
    planted.add(("delete_marker", marker))
    upload = store.client.create_multipart_upload(**store.at(half := world.stray()))["UploadId"]
    store.client.upload_part(**store.at(half), UploadId=upload, PartNumber=1, Body=b"half")
    planted.add(("unfinished", half))
    return planted


def plant_in_the_register(world: World) -> Planted:
    """What shows in rows alone: late, held and gone, misplaced, and a backup that outlived its term."""
    today = timezone.now().date()
    for number in (10, 12, 13):
        world.change(number, registered_at=timezone.now() - timedelta(days=9))
    world.change(10, due_on=today - timedelta(days=3))
    world.change(18, due_on=today - timedelta(days=3))  # came in after its day: has its two days from then on
    world.change(11, due_on=today - timedelta(days=2))  # not yet late
    world.change(12, due_on=today - timedelta(days=9), retention_action="review")
    world.change(13, due_on=today - timedelta(days=9))
    retention.place_hold(
        actor=world.cast.officer.actor,
        matter="HB-2",
        reason="another dispute",
        call_ids=[world.call_id(number) for number in (13, 14)],
    )
    world.change(14, state="deleted", deleted_at=timezone.now())
    with tenancy.scope(world.organisation_id):
        backup = erasing.add_location(
            world.artifacts[15], Location.Place.BACKUP, name="weekly", expected_gone_on=today - timedelta(days=1)
        )
        erasing.add_location(world.artifacts[16], Location.Place.BACKUP, name="weekly", expected_gone_on=today)
        (place,) = register.locations_of(world.organisation_id, world.artifacts[17].id)
        place.key = world.stray()
        place.save(update_fields=["key"])
    return {
        ("overdue", f"recordings_artifact/{world.artifacts[10].id}"),
        ("held_but_gone", world.key(14)),
        ("undead", world.key(14)),
        ("backup_overdue", f"recordings_location/{backup.id}"),
        ("wrong_key", f"recordings_location/{place.id}"),
    }


def _versions(key: str) -> list[Any]:
    from compliance.vault import inventory

    return inventory.versions_of(key)


@pytest.fixture
def without_guard(settings: Settings) -> None:
    """The S3 server's clock is not ours to turn: here everything counts as old. The guard has tests of its own."""
    settings.RECONCILE_GUARD_HOURS = 0
    settings.RECONCILE_READ_EVERY_DAYS = 1  # everything is read again in this run


@pytest.mark.s3
@pytest.mark.soak
@pytest.mark.usefixtures("without_guard")
def test_everything_planted_in_a_versioned_bucket(
    cast: Any, jobs: Any, versioned: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    world = populated(cast, jobs, OBJECTS)
    imported = time.monotonic()
    world.dispose(range(OBJECTS - DISPOSED, OBJECTS))
    assert Counter(_states(world)) == {"stored": OBJECTS - DISPOSED, "deleted": DISPOSED}
    settled(world, versioned)
    disposed, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    quiet = world.run()
    assert (quiet.state, quiet.counts) == (Run.State.FINISHED, {})
    assert world.findings(is_open=False) == []
    assert (quiet.objects_seen, quiet.rows_seen) == (OBJECTS - DISPOSED, OBJECTS)
    assert quiet.objects_read == OBJECTS - DISPOSED
    planted = plant_in_the_store(world, versioned) | plant_versions(world, versioned) | plant_in_the_register(world)
    _forget_readings(world)
    planted_at = time.monotonic()
    run = world.run()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) // 1024
    print(
        f"{OBJECTS} imported in {imported - begun:.0f} s, {DISPOSED} disposed in {disposed - imported:.0f} s; "
        f"a quiet run {planted_at - disposed:.0f} s, with findings {time.monotonic() - planted_at:.0f} s, "
        f"{grown} MiB more"
    )
    assert run.state == Run.State.FINISHED, run.stopped_for
    assert world.found() == planted
    assert run.counts == dict(Counter(kind for kind, _ in planted))
    assert grown < 40


@pytest.mark.s3
@pytest.mark.usefixtures("without_guard")
def test_everything_planted_in_a_plain_bucket(cast: Any, jobs: Any, make_bucket: Callable[..., Bucket]) -> None:
    bucket = make_bucket(is_versioned=False)
    world = populated(cast, jobs, 30)
    world.dispose([29])
    settled(world, bucket)
    planted = plant_in_the_store(world, bucket) | plant_in_the_register(world)
    assert world.run().state == Run.State.FINISHED
    assert world.found() == planted


def test_everything_planted_in_files(cast: Any, jobs: Any, folder: Folder, settings: Settings) -> None:
    """With the guard as it is: files can be made old."""
    settings.RECONCILE_READ_EVERY_DAYS = 1
    world = populated(cast, jobs, 30)
    world.dispose([29])
    planted = plant_in_the_store(world, folder) | plant_in_the_register(world)
    part = f"{world.organisation_id}/.{'0' * 32}.part"
    folder.put(part, b"half")
    settled(world, folder)
    _forget_readings(world)
    assert world.run().state == Run.State.FINISHED
    assert world.found() == planted | {("unfinished", part)}


def test_a_tombstone_whose_copy_is_gone_and_a_copy_without_a_row(world: World, folder: Folder) -> None:
    from compliance.retention import disposal

    disposal.begin_call_disposal(
        actor=world.cast.officer.actor.scheduler(world.organisation_id),
        call_id=world.call_id(0),
        ground=disposal.Ground.RETENTION_EXPIRED,
    )
    world.jobs.drain()
    settled(world, folder)
    assert world.run().counts == {}
    (copy,) = (folder.path / "tombstones" / str(world.organisation_id)).iterdir()
    gone, key = copy.read_bytes(), f"tombstones/{world.organisation_id}/{copy.name}"
    copy.unlink()
    strange = f"tombstones/{world.organisation_id}/{world.organisation_id}"
    folder.put(strange, gone)
    settled(world, folder)
    world.run()
    assert {(row.thing, row.facts["copy"]) for row in world.findings()} == {(key, "absent"), (strange, "without_row")}


def test_nothing_new_is_judged(world: World, folder: Folder) -> None:
    """A day's guard on both sides: what is being written or deleted now looks like a loss, and is none."""
    young = world.stray()
    folder.put(young, b"just staged")
    with tenancy.scope(world.organisation_id):
        rows = SealedObject.objects.for_organisation(world.organisation_id)
        rows.filter(store_key=world.key(0)).update(created_at=timezone.now() - timedelta(hours=23))
    folder.delete(world.key(0))
    run = world.run()
    assert (run.counts, run.young) == ({}, 13)  # every object of this folder is new
    folder.age(timedelta(hours=25))
    world.age(timedelta(hours=25))
    world.run()
    assert world.found() == {("orphan", young), ("missing", world.key(0))}


def _states(world: World) -> list[str]:
    with tenancy.scope(world.organisation_id):
        return list(register.artifacts(world.organisation_id).values_list("state", flat=True))


def _forget_readings(world: World) -> None:
    with tenancy.scope(world.organisation_id):
        old = timezone.now() - timedelta(days=40)
        register.artifacts(world.organisation_id).update(read_at=None, stored_at=old)
