"""Every committed row gets exactly one leaf, whatever the writers do meanwhile."""

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connections, transaction

from accounts import tenancy
from audit import clear, log, publish, sealing
from audit.ids import uuid7
from audit.models import Entry, Leaf, Tile
from audit.sequencer import Sequencer
from audit.tlog import leaf, merkle
from tests.audit.conftest import sequence_all
from tests.audit.sealer import MemorySealer
from tests.database import Databases

pytestmark = pytest.mark.pg15

Write = Callable[..., UUID]
SOAK = 50 if os.environ.get("SOAK") else 1


def insert(raw: psycopg.Connection[Any], organisation_id: UUID, number: int = 1) -> UUID:
    """An inbox row by hand, as the app's role, in whatever transaction is open."""
    entry_id = uuid7()
    half = clear.compose(
        act="recordings.call.opened", cls="access", out="ok", object_type="call", object_id=None,
        lane=clear.Lane("00ff00ff00ff00ff", number), cause=None, request=None, what={}, why={},
    )  # fmt: skip
    raw.execute(
        "INSERT INTO audit_inbox (id, organisation_id, clear) VALUES (%s, %s, %s)", [entry_id, organisation_id, half]
    )
    return entry_id


def writer(databases: Databases, organisation_id: UUID) -> psycopg.Connection[Any]:
    """A connection of the app's role in one organisation's scope, with no transaction open."""
    raw = psycopg.connect(databases.urls["DATABASE_URL"])
    raw.execute("SELECT set_config('app.organisation', %s, false)", [str(organisation_id)])
    raw.commit()
    return raw


def places(organisation_id: UUID) -> dict[UUID, int]:
    with tenancy.scope(organisation_id):
        return dict(Leaf.objects.filter(organisation_id=organisation_id).values_list("entry_id", "index"))


def published_root(organisation_id: UUID) -> bytes:
    with connections["sequencer"].cursor() as cursor:
        cursor.execute("SELECT nodes FROM audit_frontier WHERE organisation_id = %s", [organisation_id])
        return merkle.Frontier.from_bytes(bytes(cursor.fetchone()[0])).root()


def recomputed_root(organisation_id: UUID) -> bytes:
    with tenancy.scope(organisation_id):
        hashes = [
            bytes(row)
            for row in Leaf.objects.filter(organisation_id=organisation_id)
            .order_by("index")
            .values_list("leaf_hash", flat=True)
        ]
    return merkle.root_from_hashes(hashes)


@pytest.mark.soak
def test_random_interleavings_lose_and_double_nothing(log_db: Databases, sealer: MemorySealer) -> None:
    rng = random.Random(20261122)
    organisations = [uuid7() for _ in range(3)]
    writers = [writer(log_db, organisations[i % 3]) for i in range(8)]
    sequencer = Sequencer()
    open_rows: dict[int, list[list[UUID]]] = {}
    committed: dict[UUID, set[UUID]] = {organisation: set() for organisation in organisations}
    for step in range(500 * SOAK):
        which = rng.randrange(8)
        raw, organisation = writers[which], organisations[which % 3]
        levels = open_rows.setdefault(which, [[]])
        action = rng.random()
        if action < 0.45:
            levels[-1].append(insert(raw, organisation))
        elif action < 0.55:
            raw.execute(f"SAVEPOINT s{len(levels)}")
            levels.append([])
        elif action < 0.65 and len(levels) > 1:
            levels.pop()
            raw.execute(f"ROLLBACK TO s{len(levels)}")
        elif action < 0.75 and len(levels) > 1:
            inner = levels.pop()
            levels[-1] += inner
            raw.execute(f"RELEASE s{len(levels)}")
        elif action < 0.82:
            raw.rollback()
            del open_rows[which]
        else:
            raw.commit()
            committed[organisation].update(row for level in levels for row in level)
            del open_rows[which]
        if step % 3 == 0:
            sequencer.run_batch(5)
    for which, levels in open_rows.items():
        writers[which].commit()
        committed[organisations[which % 3]].update(row for level in levels for row in level)
    while sequencer.run_batch(5):
        pass
    for raw in writers:
        raw.close()
    assert sum(map(len, committed.values())) > 60
    for organisation in organisations:
        found = places(organisation)
        assert found.keys() == committed[organisation]
        assert sorted(found.values()) == list(range(len(found)))
        assert published_root(organisation) == recomputed_root(organisation)


def test_a_straggler_is_found_and_nobody_waits_for_it(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID
) -> None:
    early, late = writer(log_db, organisation_id), writer(log_db, organisation_id)
    sequence_all()
    straggler = insert(early, organisation_id)
    overtaking = insert(late, organisation_id)
    late.commit()
    assert publish.sequence_once() == 1
    assert not Sequencer().is_waiting()
    early.commit()
    assert Sequencer().is_waiting()
    assert sequence_all() == 1
    assert places(organisation_id) == {overtaking: 0, straggler: 1}
    assert sequence_all() == 0
    early.close()
    late.close()


def test_an_idle_transaction_elsewhere_stops_nothing(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID, write_committed: Write
) -> None:
    sequence_all()
    with writer(log_db, organisation_id) as idle:
        idle.execute("SELECT pg_current_xact_id()")
        for expected in range(3):
            write_committed()
            assert publish.sequence_once() == 1
            assert len(places(organisation_id)) == expected + 1


def test_entries_keep_the_order_of_their_transaction(log_db: Databases, write: Write, organisation_id: UUID) -> None:
    with tenancy.scope(organisation_id):
        written = [write() for _ in range(20)]
    sequence_all()
    assert sorted(places(organisation_id).items(), key=lambda item: item[1]) == [(e, i) for i, e in enumerate(written)]


def test_batches_of_any_size_make_the_same_tree_and_tiles(
    log_db: Databases, write: Write, organisation_id: UUID
) -> None:
    sequencer = Sequencer()
    for count, limit in ((300, 7), (700, 4096), (3, 1)):
        with tenancy.scope(organisation_id):
            for _ in range(count):
                write()
        while sequencer.run_batch(limit):
            pass
        sequencer = Sequencer()
    assert published_root(organisation_id) == recomputed_root(organisation_id)
    with tenancy.scope(organisation_id):
        tiles = list(Tile.objects.filter(organisation_id=organisation_id).values_list("level", "index"))
    assert sorted(tiles) == [(0, 0), (0, 1), (0, 2)]


def test_an_entry_says_who_did_what_and_its_copies_agree(
    log_db: Databases, write_committed: Write, organisation_id: UUID
) -> None:
    call, subject = uuid7(), uuid7()
    entry_id = write_committed(
        obj=("call", call), what={"bytes": 9}, identifying={"reason": "Frau Müller"}, subject_id=subject
    )
    sequence_all()
    with tenancy.scope(organisation_id):
        row = Entry.objects.get(organisation_id=organisation_id, id=entry_id)
    entry = leaf.Leaf.parse(bytes(row.leaf))
    assert (entry.id, entry.organisation_id, entry.object_id, entry.at) == (
        row.id, row.organisation_id, row.object_id, row.recorded_at,
    )  # fmt: skip
    assert (entry.act, entry.cls, entry.out, entry.object_type) == (row.act, row.cls, row.outcome, row.object_type)
    assert bytes(row.leaf_hash) == merkle.leaf_hash(bytes(row.leaf))
    assert len(entry.digests) == 4
    assert abs(entry.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_key_store_that_is_away_leaves_everything_as_it_was(
    log_db: Databases, write_committed: Write, sealer: MemorySealer, organisation_id: UUID
) -> None:
    sequence_all()
    write_committed()
    sealer.is_available = False
    with pytest.raises(sealing.SealerUnavailable):
        publish.sequence_once()
    assert places(organisation_id) == {}
    sealer.is_available = True
    assert sequence_all() == 1


def test_a_row_nobody_could_write_by_the_rules_is_an_entry_of_its_own(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID
) -> None:
    with writer(log_db, organisation_id) as raw:
        raw.execute(
            "INSERT INTO audit_inbox (id, organisation_id, clear) VALUES (gen_random_uuid(), %s, 'Frau Müller')",
            [organisation_id],
        )
    sequence_all()
    with tenancy.scope(organisation_id):
        (view,) = publish.list_entries(organisation_id)
    assert (view.leaf.act, view.leaf.out) == ("log.entry.refused", "refused")


def test_a_doubled_id_cannot_stop_the_log(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID, write_committed: Write
) -> None:
    first = write_committed()
    sequence_all()
    Sequencer().prune(keep=timedelta(0))
    with writer(log_db, organisation_id) as raw:
        raw.execute(
            "INSERT INTO audit_inbox (id, organisation_id, clear) VALUES (%s, %s, '{}')", [first, organisation_id]
        )
    after = write_committed()
    sequence_all()
    assert places(organisation_id) == {first: 0, after: 1}


def test_two_sequencers_at_once_do_no_harm(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID, write_committed: Write
) -> None:
    sequence_all()
    first, second = Sequencer(), Sequencer()
    for _ in range(10):
        write_committed()
        write_committed()
        assert first.run_batch(1) + second.run_batch(1) == 2
    assert sorted(places(organisation_id).values()) == list(range(20))
    assert published_root(organisation_id) == recomputed_root(organisation_id)


def test_an_idle_log_writes_nothing(committed_db: Databases, write_committed: Write) -> None:
    """Asked inside its own transaction: the cluster's counter also moves with what its other databases do."""
    write_committed()
    sequence_all()
    with transaction.atomic(using="sequencer"):
        assert not any(Sequencer().is_waiting() for _ in range(10))
        with connections["sequencer"].cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned()")
            assert cursor.fetchone() == (None,)


def test_old_rows_go_and_waiting_ones_stay(
    committed_db: Databases, organisation_id: UUID, write_committed: Write
) -> None:
    sequence_all()
    sequencer = Sequencer()
    write_committed()
    assert sequencer.prune(keep=timedelta(0)) == 0
    assert not sequencer.is_done_before(datetime.now(UTC) + timedelta(hours=1))
    sequence_all()
    assert sequencer.is_done_before(datetime.now(UTC) + timedelta(hours=1))
    assert sequencer.prune() == 0
    assert sequencer.prune(keep=timedelta(0)) == 1
    write_committed()
    assert sequence_all() == 1


def test_after_a_move_to_another_cluster_the_leaves_decide(
    committed_db: Databases, sealer: MemorySealer, organisation_id: UUID, write_committed: Write
) -> None:
    sequenced = [write_committed() for _ in range(5)]
    sequence_all()
    sequenced += [write_committed() for _ in range(3)]
    publish.sequence_once(2)
    with connections["sequencer"].cursor() as cursor:
        # As after pg_dump and restore elsewhere: numbers of another cluster, far above the ones given out here.
        cursor.execute(
            "UPDATE audit_state SET system_identifier = 1, cursor_xid = cursor_xid + 1000000,"
            " low_xid = low_xid + 1000000"
        )
    waiting = write_committed()
    assert sequence_all() == 2
    assert sequence_all() == 0
    later = write_committed()
    assert sequence_all() == 1
    assert list(places(organisation_id)) == sorted([*sequenced, waiting, later])
    assert sorted(places(organisation_id).values()) == list(range(10))


def test_erased_people_leave_digests_only(
    log_db: Databases, sealer: MemorySealer, organisation_id: UUID, write: Write, write_committed: Write
) -> None:
    subject, other = uuid7(), uuid7()
    entries = [
        write_committed(identifying={"caller": "+493012345678", "note": 7}, subject_id=subject) for _ in range(3)
    ]
    kept = write_committed(identifying={"caller": "+493087654321"}, subject_id=other)
    sequence_all()
    with tenancy.scope(organisation_id), log.context(organisation_id) as cause:
        erased = log.erase_disclosures(organisation_id=organisation_id, subject_id=subject, cause=cause)
        write(event="dsr.person.erased", what={"disclosures": erased.count, "disclosures_sha256": erased.digest})
    sealer.destroy_subject(organisation_id, subject)
    late = write_committed(identifying={"caller": "+493012345678"}, subject_id=subject)
    sequence_all()
    assert erased.count == 6
    with tenancy.scope(organisation_id):
        for entry_id in entries:
            view = publish.read_entry(organisation_id, entry_id)
            assert view
            assert view.value("actor") is not None
            gone = [field for field in view.fields if field.state == "erased"]
            assert [(field.erased_by, field.erased_at) for field in gone] == [(cause, 4)] * 2
        view = publish.read_entry(organisation_id, kept)
        assert view
        assert view.value("caller") == "+493087654321"
        view = publish.read_entry(organisation_id, late)
        assert view
        assert [field.erased_by for field in view.fields if field.state == "erased"] == [None]
        assert log.erase_disclosures(organisation_id=organisation_id, subject_id=subject, cause=cause).count == 0
