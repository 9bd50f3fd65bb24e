"""Who may do what to the log's tables: the app, the sequencer, and the owner, each with its own login."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from accounts import tenancy
from accounts.actors import Actor
from audit import log, publish, sealing
from audit.ids import uuid7
from audit.tree import ROOT_LOG_ID
from tests.audit.conftest import sequence_all
from tests.audit.sealer import MemorySealer
from tests.database import Databases

pytestmark = pytest.mark.pg15

TABLES = (
    "audit_inbox", "audit_entry", "audit_disclosure", "audit_erased_disclosure", "audit_leaf", "audit_tile",
    "audit_checkpoint", "audit_frontier", "audit_state",
)  # fmt: skip
COLUMN = {
    "audit_inbox": "clear = 'x'", "audit_entry": "leaf = 'x'", "audit_disclosure": "sealed = 'x'",
    "audit_erased_disclosure": "cause = NULL", "audit_leaf": "index = index + 1", "audit_tile": "data = data",
    "audit_checkpoint": "note = 'x'", "audit_frontier": "size = size - 1", "audit_state": "cursor_xid = 0",
}  # fmt: skip
READABLE = set(TABLES) - {"audit_inbox", "audit_frontier"}


class Filled(NamedTuple):
    """Databases with rows in every table, and whose log it is."""

    databases: Databases
    organisation_id: UUID


@pytest.fixture(scope="module")
def filled(log_db: Databases) -> Iterator[Filled]:
    """A full tile, disclosures, an erased one, a checkpoint, a row in the inbox. Tests take back what they do."""
    before, organisation_id, subject = sealing.current(), uuid7(), uuid7()
    sealing.register(MemorySealer())
    sequence_all()
    with tenancy.scope(organisation_id):
        for _ in range(257):
            write(organisation_id, subject)
    sequence_all()
    publish.publish_checkpoints()
    with psycopg.connect(log_db.urls["SEQUENCER_DATABASE_URL"]) as raw:
        raw.execute(
            "INSERT INTO audit_erased_disclosure"
            " SELECT gen_random_uuid(), leaf_hash, organisation_id FROM audit_leaf WHERE organisation_id = %s LIMIT 1",
            [organisation_id],
        )
    with tenancy.scope(organisation_id):
        write(organisation_id, subject)
    yield Filled(log_db, organisation_id)
    sealing.register(before)


def write(organisation_id: UUID, subject_id: UUID) -> None:
    log.append(
        actor=Actor.scheduler(organisation_id),
        event="recordings.call.opened",
        organisation_id=organisation_id,
        obj=("call", None),
        cls=log.EntryClass.ACCESS,
        identifying={"caller": "+493012345678"},
        subject_id=subject_id,
    )


@contextmanager
def role(filled: Filled, name: str, organisation_id: UUID | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A login as one of the service's roles, in one organisation's scope where given; taken back at the end."""
    url = {
        "callwarden_app": "DATABASE_URL",
        "callwarden_owner": "DATABASE_OWNER_URL",
        "callwarden_sequencer": "SEQUENCER_DATABASE_URL",
    }[name]
    with psycopg.connect(filled.databases.urls[url]) as raw:
        if organisation_id:
            raw.execute("SELECT set_config('app.organisation', %s, false)", [str(organisation_id)])
        yield raw
        raw.rollback()


def refusals(raw: psycopg.Connection[Any], statements: list[str]) -> dict[str, str]:
    """What each statement is answered; "done" where it went through."""
    answers = {}
    for statement in statements:
        try:
            with raw.transaction():
                raw.execute(statement)
            answers[statement] = "done"
        except errors.InsufficientPrivilege as error:
            answers[statement] = "refused: " + str(error).splitlines()[0]
    return answers


def all_refused(answers: dict[str, str]) -> bool:
    went_through = [statement for statement, answer in answers.items() if answer == "done"]
    assert not went_through
    return True


def changes(tables: tuple[str, ...] = TABLES) -> list[str]:
    return [
        statement
        for table in tables
        for statement in (f"UPDATE {table} SET {COLUMN[table]}", f"DELETE FROM {table}", f"TRUNCATE {table}")
    ]


def test_the_app_changes_nothing(filled: Filled) -> None:
    with role(filled, "callwarden_app", filled.organisation_id) as raw:
        wanted = [statement for statement in changes() if statement != "DELETE FROM audit_disclosure"]
        wanted += [f"INSERT INTO {table} DEFAULT VALUES" for table in TABLES]
        wanted += [f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in TABLES]
        wanted += [f"SELECT * FROM {table} LIMIT 1" for table in set(TABLES) - READABLE]
        wanted += ["SELECT audit_make_partitions()", "SELECT * FROM audit_entry_default"]
        assert all_refused(refusals(raw, wanted))
        for table in READABLE:
            raw.execute(f"SELECT * FROM {table} LIMIT 1")


def test_the_app_cannot_say_when_or_in_which_transaction(filled: Filled) -> None:
    with role(filled, "callwarden_app", filled.organisation_id) as raw:
        columns = [("xid", "1"), ("at", "'2020-01-01'")]
        wanted = [
            f"INSERT INTO audit_inbox (id, organisation_id, clear, {name})"
            f" VALUES (gen_random_uuid(), '{filled.organisation_id}', '', {value})"
            for name, value in columns
        ]
        assert all_refused(refusals(raw, wanted))
        with pytest.raises(errors.GeneratedAlways), raw.transaction():
            raw.execute(
                "INSERT INTO audit_inbox (id, organisation_id, clear, seq) VALUES (gen_random_uuid(), %s, '', 1)",
                [filled.organisation_id],
            )


def test_the_sequencer_writes_leaves_and_changes_none(filled: Filled) -> None:
    with role(filled, "callwarden_sequencer") as raw:
        own = {"UPDATE audit_state SET cursor_xid = 0", "UPDATE audit_frontier SET size = size - 1"}
        assert all_refused(refusals(raw, [statement for statement in changes() if statement not in own]))
        assert all_refused(
            refusals(raw, ["SELECT 1 FROM accounts_organisation", "INSERT INTO audit_inbox (id) VALUES (NULL)"])
        )
        with pytest.raises(errors.InsufficientPrivilege, match="only grows"), raw.transaction():
            raw.execute("UPDATE audit_frontier SET size = size - 1")
        raw.execute("UPDATE audit_state SET cursor_xid = 0")


def test_an_inbox_row_without_a_leaf_stays(filled: Filled) -> None:
    with role(filled, "callwarden_sequencer") as raw:
        with pytest.raises(errors.InsufficientPrivilege, match="has no leaf"), raw.transaction():
            raw.execute("DELETE FROM audit_inbox")
        gone = raw.execute("DELETE FROM audit_inbox WHERE id IN (SELECT entry_id FROM audit_leaf)")
        assert gone.rowcount == 257
        assert raw.execute("SELECT count(*) FROM audit_inbox").fetchone() == (1,)


def test_even_the_owner_is_refused(filled: Filled) -> None:
    with role(filled, "callwarden_owner") as raw:
        for table in TABLES:
            raw.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        own = {"UPDATE audit_state SET cursor_xid = 0", "DELETE FROM audit_disclosure"}
        partitions = raw.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass"
        ).fetchall()
        assert len(partitions) >= 3
        wanted = [statement for statement in changes() if statement not in own]
        for (partition,) in partitions:
            raw.execute(f"ALTER TABLE {partition} NO FORCE ROW LEVEL SECURITY")
            wanted.append(f"TRUNCATE {partition}")
        (full,) = raw.execute("SELECT tableoid::regclass::text FROM audit_entry LIMIT 1").fetchone() or ("",)
        wanted += [f"UPDATE {full} SET leaf = 'x'", f"DELETE FROM {full}"]
        assert all_refused(refusals(raw, wanted))


def test_the_owner_sees_nothing_while_row_security_is_forced(filled: Filled) -> None:
    with role(filled, "callwarden_owner") as raw:
        for table in ("audit_inbox", "audit_entry", "audit_disclosure", "audit_tile", "audit_frontier"):
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_each_organisation_sees_its_own_and_everybody_the_root_log(filled: Filled) -> None:
    def counts(scope: UUID | None) -> dict[str, int]:
        with role(filled, "callwarden_app", scope) as raw:
            found = {}
            for table in sorted(READABLE - {"audit_state"}):
                query = f"SELECT count(*) FROM {table} WHERE organisation_id <> %s"
                found[table] = (raw.execute(query, [ROOT_LOG_ID]).fetchone() or (0,))[0]
            return found

    assert counts(filled.organisation_id) == {
        "audit_checkpoint": 1, "audit_disclosure": 514, "audit_entry": 257, "audit_erased_disclosure": 1,
        "audit_leaf": 257, "audit_tile": 1,
    }  # fmt: skip
    assert set(counts(uuid7()).values()) == set(counts(None).values()) == {0}
    with role(filled, "callwarden_app") as raw:
        assert raw.execute("SELECT count(*) FROM audit_checkpoint").fetchone() == (1,)


def test_the_app_writes_only_into_its_own_organisation(filled: Filled) -> None:
    insert = "INSERT INTO audit_inbox (id, organisation_id, clear) VALUES (gen_random_uuid(), %s, '{}')"
    with role(filled, "callwarden_app", filled.organisation_id) as raw:
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"), raw.transaction():
            raw.execute(insert, [uuid7()])
        raw.execute(insert, [filled.organisation_id])
    with role(filled, "callwarden_app") as raw, pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        raw.execute(insert, [filled.organisation_id])


def test_a_deleted_disclosure_leaves_its_digests(filled: Filled) -> None:
    with role(filled, "callwarden_app", filled.organisation_id) as raw:
        rows = raw.execute("DELETE FROM audit_disclosure RETURNING entry_id, digests").fetchall()
        digests = {(entry, bytes(d)[i : i + 32]) for entry, d in rows for i in range(0, len(d), 32)}
        noted = raw.execute("SELECT entry_id, digest FROM audit_erased_disclosure").fetchall()
        assert digests <= {(entry, bytes(digest)) for entry, digest in noted}
        assert len(digests) == 257 * 2


def test_the_leafs_hash_is_the_databases_own(filled: Filled) -> None:
    with role(filled, "callwarden_sequencer") as raw:
        with pytest.raises(errors.GeneratedAlways), raw.transaction():
            raw.execute("INSERT INTO audit_entry (id, leaf, leaf_hash) VALUES (gen_random_uuid(), 'x', 'y')")
        pairs = raw.execute(
            "SELECT e.leaf_hash = l.leaf_hash FROM audit_entry e JOIN audit_leaf l ON l.entry_id = e.id"
        ).fetchall()
        assert set(pairs) == {(True,)}
        assert len(pairs) == 258


def test_checkpoints_only_grow(filled: Filled) -> None:
    insert = "INSERT INTO audit_checkpoint (organisation_id, size, revision, root, note) VALUES (%s, %s, %s, %s, 'x')"
    with role(filled, "callwarden_sequencer") as raw:
        root = bytes(
            (
                raw.execute("SELECT root FROM audit_checkpoint WHERE organisation_id = %s", [ROOT_LOG_ID]).fetchone()
                or (b"",)
            )[0]
        )
        refused = [
            (filled.organisation_id, 256, 0, root), (filled.organisation_id, 257, 1, root),
            (filled.organisation_id, 300, 1, root),
            (ROOT_LOG_ID, 0, 0, root), (ROOT_LOG_ID, 1, 1, b"\0" * 32), (ROOT_LOG_ID, 1, 2, root),
        ]  # fmt: skip
        for values in refused:
            with pytest.raises(errors.InsufficientPrivilege, match="checkpoint of size"), raw.transaction():
                raw.execute(insert, values)
        raw.execute(insert, (ROOT_LOG_ID, 1, 1, root))
        raw.execute(insert, (filled.organisation_id, 258, 0, root))


def test_next_months_partition_is_made_by_the_sequencer(filled: Filled) -> None:
    with role(filled, "callwarden_sequencer") as raw:
        assert raw.execute("SELECT audit_make_partitions()").fetchone() == (0,)
        names = raw.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass"
        )
        assert len(names.fetchall()) == 3
