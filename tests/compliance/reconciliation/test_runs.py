"""Runs: begun once, gone on with, stopped, continued, read again, and the same discrepancy always one finding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance import jobs as queue
from compliance.errors import Conflict, Unavailable
from compliance.reconciliation import access, operations, tasks
from compliance.reconciliation.models import Finding, Run
from compliance.reconciliation.operations import reading, stages
from compliance.reconciliation.rules.kinds import Kind
from compliance.recordings import access as register
from compliance.vault import blobs, inventory
from compliance.vault.items import Item
from tests.cast import Cast
from tests.compliance.reconciliation.worlds import Folder, World
from tests.entries import Entries


def spoil(world: World, folder: Folder, count: int) -> list[str]:
    """So many orphans."""
    keys = [world.stray() for _ in range(count)]
    for key in keys:
        folder.put(key, b"nobody knows me")
    folder.age()
    return keys


def test_the_same_discrepancy_is_one_finding(world: World, folder: Folder) -> None:
    (key,) = spoil(world, folder, 1)
    first = world.run()
    seen = world.finding("orphan")
    second = world.run()
    again = world.finding("orphan")
    assert (again.id, again.first_run_id, again.last_run_id) == (seen.id, first.id, second.id)
    assert again.first_seen_at == seen.first_seen_at < again.last_seen_at
    folder.delete(key)
    assert world.run().counts == {}
    (settled,) = world.findings(is_open=False)
    assert (settled.state, settled.settled_at is not None) == (Finding.State.RESOLVED, True)
    folder.put(key, b"back again")
    folder.age()
    world.run()
    assert world.finding("orphan").id != seen.id


def test_a_dismissed_finding_stays_dismissed_while_it_is_the_same(world: World, folder: Folder) -> None:
    (key,) = spoil(world, folder, 1)
    world.run()
    operations.dismiss_finding(
        actor=world.cast.officer.actor, finding_id=world.finding("orphan").id, code="handled_elsewhere"
    )
    run = world.run()
    assert (run.counts, world.findings()) == ({}, [])
    folder.delete(key)
    world.run()
    folder.put(key, b"another one")
    folder.age()
    world.run()
    assert world.found() == {("orphan", key)}


def test_too_much_of_one_kind_stops_the_run(world: World, folder: Folder, entries: Entries) -> None:
    spoil(world, folder, 11)
    run = world.run()
    assert (run.state, run.stopped_for, run.counts) == (Run.State.STOPPED, "orphan", {"orphan": 11})
    assert len(world.findings()) == 11  # what was found stays visible
    assert "reconciliation.run.stopped" in entries.events
    assert run.stage == Run.Stage.TOMBSTONES
    with pytest.raises(NotAllowed):
        operations.continue_run(actor=world.cast.colleague.actor, run_id=run.id)
    operations.continue_run(actor=world.cast.officer.actor, run_id=run.id)
    world.work("reconciliation.run")
    run = world.reread(run)
    assert (run.state, run.is_unguarded, run.counts) == (Run.State.FINISHED, True, {"orphan": 11})
    with pytest.raises(Conflict):
        operations.continue_run(actor=world.cast.officer.actor, run_id=run.id)


def test_ten_are_believed(world: World, folder: Folder) -> None:
    spoil(world, folder, 10)
    assert world.run().state == Run.State.FINISHED


def test_an_emptied_store_is_not_believed(world: World, folder: Folder) -> None:
    """Another bucket, an unmounted disk: everything is missing, and nobody proposes to write it off."""
    for number in range(12):
        folder.delete(world.key(number))
    run = world.run()
    assert (run.state, run.stopped_for) == (Run.State.STOPPED, "missing")


def test_one_run_at_a_time(world: World) -> None:
    operations.start_run(actor=world.cast.officer.actor)
    with pytest.raises(Conflict) as refusal:
        operations.start_run(actor=world.cast.officer.actor)
    assert refusal.value.code == "already_running"


def test_a_run_needs_the_right(cast: Cast, jobs: Any, folder: Folder) -> None:
    for member in (cast.colleague, cast.auditor, cast.engineer):
        with pytest.raises(NotAllowed):
            operations.start_run(actor=member.actor)
    assert operations.start_run(actor=cast.officer.actor).state == Run.State.RUNNING


def test_the_clock_starts_one_run_an_organisation(world: World) -> None:
    tasks.sweep()
    tasks.sweep()
    for organisation_id in (world.organisation_id, world.cast.other_organisation.id):
        with tenancy.scope(organisation_id):
            assert access.runs(organisation_id).count() == 1


def test_another_organisations_objects_are_not_ours(world: World, folder: Folder) -> None:
    folder.put(f"{world.cast.other_organisation.id}/stray", b"theirs")
    folder.put("tombstones/readme", b"nobody's")
    folder.age()
    assert world.run().counts == {}


def test_it_goes_on_from_its_cursor(world: World, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pages, and a new worker for each of them: the same findings, and nothing counted twice."""
    monkeypatch.setattr(stages, "PAGE", 3)
    keys = spoil(world, folder, 5)
    folder.delete(world.key(0))
    actor = Actor.scheduler(world.organisation_id)
    run, cursors = operations.start_run(actor=actor), set()
    for _ in range(200):
        try:
            clock = iter([0.0, 0.0])
            monkeypatch.setattr("time.monotonic", lambda clock=clock: next(clock, 1e9))
            operations.work_run(actor=actor, run_id=run.id)
            break
        except queue.TryLater:
            now = world.reread(run)
            assert (now.stage, now.cursor) not in cursors
            cursors.add((now.stage, now.cursor))
    monkeypatch.undo()
    done = world.reread(run)
    assert done.state == Run.State.FINISHED
    assert len(cursors) > 7
    assert world.found() == {("missing", world.key(0)), *(("orphan", key) for key in keys)}
    assert (done.objects_seen, done.rows_seen) == (16, 12)


def test_a_page_that_somebody_else_wrote_is_dropped(world: World, folder: Folder) -> None:
    """A lease ended too early: two workers have the same page."""
    from compliance.reconciliation.operations import running

    spoil(world, folder, 2)
    actor = Actor.scheduler(world.organisation_id)
    seen = world.reread(operations.start_run(actor=actor))
    page = stages.compare_store(seen, stages.Walk(f"{world.organisation_id}/", ""))
    running._keep_page(actor, seen, page)
    running._keep_page(actor, seen, page)
    run = world.reread(seen)
    assert (run.counts, run.objects_seen, len(world.findings())) == ({"orphan": 2}, 14, 2)


def test_a_store_that_lists_in_another_order_gives_no_false_alarm(
    world: World, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = spoil(world, folder, 3)
    real = blobs.FileBlobs.inventory

    def shuffled(self: Any, prefix: str, after: str = "") -> Iterator[Item]:
        found = list(real(self, prefix, after))
        random.Random(1).shuffle(found)
        return iter(found)

    monkeypatch.setattr(blobs.FileBlobs, "inventory", shuffled)
    folder.delete(world.key(0))
    world.run()
    assert world.found() == {("missing", world.key(0)), *(("orphan", key) for key in keys)}


def test_a_store_that_does_not_answer_is_asked_again(
    world: World, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = Actor.scheduler(world.organisation_id)
    run = operations.start_run(actor=actor)
    moved = folder.path.rename(folder.path.with_name("unmounted"))
    with pytest.raises(Unavailable):
        operations.work_run(actor=actor, run_id=run.id)
    waiting = world.reread(run)
    assert (waiting.state, waiting.last_code, waiting.counts) == (Run.State.RUNNING, "store_missing", {})
    moved.rename(folder.path)
    done = operations.work_run(actor=actor, run_id=run.id)
    assert (done.state, done.last_code, done.counts) == (Run.State.FINISHED, "", {})


# --- reading again --------------------------------------------------------------------------------


def read_at(world: World, number: int) -> Any:
    return world.artifact(number).read_at


def test_a_days_portion_is_the_oldest(world: World, folder: Folder, settings: Settings) -> None:
    settings.RECONCILE_READ_EVERY_DAYS = 5  # so a third a day, because two days are kept in hand
    now = timezone.now()
    for number in range(12):
        world.change(number, stored_at=now - timedelta(days=4), read_at=now - timedelta(hours=25 + number))
    run = world.run()
    assert [number for number in range(12) if read_at(world, number) > now] == [8, 9, 10, 11]
    assert (run.objects_read, run.bytes_read) == (
        4,
        sum(world.sealed(number).ciphertext_length for number in range(8, 12)),
    )
    world.run()
    assert [number for number in range(12) if read_at(world, number) > now] == [4, 5, 6, 7, 8, 9, 10, 11]


def test_whatever_the_budget_nothing_passes_its_last_day(world: World, settings: Settings) -> None:
    settings.RECONCILE_READ_EVERY_DAYS = 30
    now = timezone.now()
    for number in range(12):
        world.change(number, stored_at=now - timedelta(days=28 if number < 9 else 27))
    assert world.run().objects_read == 9


def test_words_in_rows_are_read_too(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from compliance.recordings.operations import keeping
    from compliance.recordings.states import ArtifactKind
    from compliance.vault import store
    from compliance.vault.models import SealedObject

    settings.RECONCILE_READ_EVERY_DAYS = 1
    with tenancy.scope(world.organisation_id):
        call = register.call_of(world.organisation_id, world.call_id(0))
        scope = register.call_scope(world.organisation_id, call.id)
        sealed = store.put_inline(
            organisation_id=world.organisation_id, scope=scope, kind=store.ObjectKind.TRANSCRIPT,
            plaintext=b"words " * 9000, media_type="application/json",
        )  # fmt: skip
        words = keeping.store_artifact(call, ArtifactKind.TRANSCRIPT, sealed)
        register.artifacts(world.organisation_id).update(stored_at=timezone.now() - timedelta(days=3))
    assert world.run().counts == {}
    with tenancy.scope(world.organisation_id):
        rows = SealedObject.objects.for_organisation(world.organisation_id).filter(id=sealed.id)
        data = bytes(rows.get().inline or b"")
        rows.update(inline=data[:60] + b"\0" + data[61:])
        register.artifacts(world.organisation_id).update(read_at=timezone.now() - timedelta(days=3))
    world.run()
    assert {(row.kind, row.artifact_id) for row in world.findings()} == {("hash", words.id)}


def test_a_hash_that_fits_again_settles_its_finding(world: World, folder: Folder, settings: Settings) -> None:
    settings.RECONCILE_READ_EVERY_DAYS = 1
    whole = folder.get(world.key(0))
    folder.put(world.key(0), whole[:-1] + b"?")
    folder.age()
    old = timezone.now() - timedelta(days=3)
    world.change(0, stored_at=old)
    world.run()
    assert world.found() == {("hash", world.key(0))}
    world.run()
    assert world.found() == {("hash", world.key(0))}  # not read again today, and not settled by that
    folder.put(world.key(0), whole)
    folder.age()
    world.change(0, read_at=old)
    world.run()
    assert world.findings() == []


def test_a_row_that_does_not_open_its_object(world: World, folder: Folder, settings: Settings) -> None:
    """The bytes are right, the row is not: its wrapped key was exchanged."""
    from compliance.vault.models import SealedObject

    settings.RECONCILE_READ_EVERY_DAYS = 1
    world.change(0, stored_at=timezone.now() - timedelta(days=3))
    with tenancy.scope(world.organisation_id):
        rows = SealedObject.objects.for_organisation(world.organisation_id)
        other = bytes(rows.get(id=world.object_id(1)).wrapped_dek)
        rows.filter(id=world.object_id(0)).update(wrapped_dek=other)
    world.run()
    assert world.found() == {("wrong_key", world.key(0))}


def test_pages_of_reading_are_bounded_by_bytes(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECONCILE_READ_EVERY_DAYS = 1
    monkeypatch.setattr(reading, "_BYTES", 1)
    with tenancy.scope(world.organisation_id):
        register.artifacts(world.organisation_id).update(stored_at=timezone.now() - timedelta(days=3))
    assert world.run().objects_read == 12


# --- what others tell -----------------------------------------------------------------------------


def test_a_gap_is_noted_once_and_cleared(world: World, entries: Entries) -> None:
    actor, thing = Actor.scheduler(world.organisation_id), f"intake_batch/{world.organisation_id}"
    facts = {"announced": 10, "received": 8}
    assert operations.note_finding(actor=actor, kind=Kind.COUNT_GAP, thing=thing, facts=facts)
    assert not operations.note_finding(actor=actor, kind=Kind.COUNT_GAP, thing=thing, facts=facts | {"received": 9})
    world.run()  # knows nothing of it, and does not settle it
    assert world.finding("count_gap").facts == {"announced": 10, "received": 9}
    assert operations.clear_finding(actor=actor, kind=Kind.COUNT_GAP, thing=thing)
    assert not operations.clear_finding(actor=actor, kind=Kind.COUNT_GAP, thing=thing)
    assert entries.events.count("reconciliation.finding.noted") == 1
    with pytest.raises(ValueError, match="runs only"):
        operations.note_finding(actor=actor, kind=Kind.ORPHAN, thing="x", facts={})


def test_a_platform_that_lists_what_it_deleted(world: World) -> None:
    from compliance.recordings import fingerprints
    from compliance.recordings.models import Call, Location
    from compliance.recordings.operations import erasing
    from compliance.recordings.states import LocationState

    organisation_id, actor = world.organisation_id, Actor.scheduler(world.organisation_id)
    with tenancy.scope(organisation_id):
        calls = [register.call_of(organisation_id, world.call_id(number)) for number in range(4)]
        places = []
        for number, call in enumerate(calls):
            digest = fingerprints.of_call(organisation_id, call.connection_id, f"call-{number}")
            rows = Call.objects.for_organisation(organisation_id).filter(id=call.id)
            rows.update(external_digest=digest, external_id="", state="active" if number == 3 else "erased")
            places.append(
                erasing.add_location(
                    world.artifacts[number], Location.Place.PLATFORM, name="dialgen", state=LocationState.CONFIRMED_GONE
                )
            )
        known = Location.objects.for_organisation(organisation_id)
        known.filter(id__in=[place.id for place in places]).update(checked_at=timezone.now() - timedelta(days=2))
        known.filter(id=places[1].id).update(state=LocationState.ASKED)  # not confirmed
        known.filter(id=places[2].id).update(checked_at=timezone.now())  # a list may lag
    listed = ["call-0", "call-1", "call-2", "call-3", "call-99"]
    told = {"connection_id": calls[0].connection_id, "external_ids": listed}
    assert operations.note_listed_calls(actor=actor, **told) == 1  # type: ignore[arg-type]
    assert operations.note_listed_calls(actor=actor, **told) == 1  # type: ignore[arg-type]
    assert world.found() == {("vendor_undead", f"recordings_call/{calls[0].id}")}


def test_a_store_that_stops_short_is_no_finding(
    world: World, folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object is whole; what came over the wire was not."""
    settings.RECONCILE_READ_EVERY_DAYS = 1
    with tenancy.scope(world.organisation_id):
        register.artifacts(world.organisation_id).update(stored_at=timezone.now() - timedelta(days=3))
    real = blobs.FileBlobs.open
    monkeypatch.setattr(blobs.FileBlobs, "open", lambda self, key, start, stop: real(self, key, start, stop - 5))
    actor = Actor.scheduler(world.organisation_id)
    run = operations.start_run(actor=actor)
    with pytest.raises(Unavailable):
        operations.work_run(actor=actor, run_id=run.id)
    monkeypatch.undo()
    assert operations.work_run(actor=actor, run_id=run.id).counts == {}


def test_one_wrong_reading_is_no_finding(
    world: World, folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECONCILE_READ_EVERY_DAYS = 1
    world.change(0, stored_at=timezone.now() - timedelta(days=3))
    real, times = inventory.read_whole, []

    def once_wrong(sealed: Any) -> inventory.Read:
        times.append(sealed.id)
        return real(sealed) if len(times) > 1 else inventory.Read(inventory.Verdict.HASH, 1)

    monkeypatch.setattr(inventory, "read_whole", once_wrong)
    assert world.run().counts == {}
    assert len(times) >= 2
