"""Writing: in the act's own transaction or not at all."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts import tenancy
from accounts.actors import Actor, Origin
from audit import log, sealing
from audit.ids import uuid7
from audit.tlog.errors import FormatError
from tests.audit.conftest import TRACE, USER_AGENT, rolled_back
from tests.audit.sealer import MemorySealer

Write = Callable[..., UUID]


def inbox(*organisation_ids: UUID) -> list[dict[str, Any]]:
    """What is committed of these organisations, as the sequencer sees it."""
    with connections["sequencer"].cursor() as cursor:
        cursor.execute(
            "SELECT id, organisation_id, clear, key_id, sealed, at FROM audit_inbox WHERE organisation_id = ANY(%s)"
            " ORDER BY xid, seq",
            [list(organisation_ids)],
        )
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) | {"leaf": json.loads(row[2])} for row in cursor.fetchall()]


def lanes(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(row["leaf"]["lane"]["w"], row["leaf"]["lane"]["n"]) for row in rows]


def test_outside_a_transaction_nothing_is_written(log_db: object, write: Write, organisation_id: UUID) -> None:
    with pytest.raises(log.NotInTransaction):
        write()
    with pytest.raises(log.NotInTransaction), log.context(uuid7()):
        pass
    assert inbox(organisation_id) == []


def test_an_entry_stands_and_falls_with_its_act(log_db: object, write: Write, organisation_id: UUID) -> None:
    with rolled_back(tenancy.scope(organisation_id)):
        write()
    assert inbox(organisation_id) == []
    with tenancy.scope(organisation_id):
        kept = write()
    assert [row["id"] for row in inbox(organisation_id)] == [kept]


def test_a_row_holds_codes_in_clear_and_everything_else_sealed(
    log_db: object, write: Write, actor: Actor, sealer: MemorySealer, organisation_id: UUID
) -> None:
    subject, call = uuid7(), uuid7()
    with tenancy.scope(actor.organisation_id):
        write(
            obj=("call", call),
            what={"bytes": 9, "all": True},
            why={"purpose": "quality"},
            identifying={"reason": "Frau Müller bat darum"},
            subject_id=subject,
        )
    (row,) = inbox(organisation_id)
    assert {name: row["leaf"][name] for name in ("act", "cls", "out", "req", "cause", "what", "why")} == {
        "act": "recordings.call.opened", "cls": "access", "out": "ok", "req": TRACE, "cause": None,
        "what": {"all": True, "bytes": 9}, "why": {"purpose": "quality"},
    }  # fmt: skip
    assert row["leaf"]["obj"] == {"id": str(call), "t": "call"}
    raw = row["clear"].encode() + bytes(row["sealed"])
    for value in (actor.reference, actor.origin.ip, USER_AGENT, "Müller", str(subject)):
        assert value.encode() not in raw
    opened = sealer.open_inbox(key_id=row["key_id"], entry_id=row["id"], data=bytes(row["sealed"]))
    assert json.loads(opened) == {
        "who": {"actor": actor.reference, "ip": "203.0.113.7", "user_agent": USER_AGENT},
        "details": {"reason": "Frau Müller bat darum"},
        "subject": str(subject),
    }


def test_another_organisations_entry_is_refused(db: None, write: Write, organisation_id: UUID) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), tenancy.scope(uuid7()):
        write()
    with tenancy.scope(organisation_id):
        write()


def test_without_a_sealer_nothing_can_be_logged(db: None, write: Write, organisation_id: UUID) -> None:
    registered = sealing.current()
    sealing._registered.clear()
    try:
        with pytest.raises(sealing.NoSealer), tenancy.scope(organisation_id):
            write()
    finally:
        sealing.register(registered)


def test_a_key_store_that_is_away_fails_the_act(
    log_db: object, write: Write, sealer: MemorySealer, organisation_id: UUID
) -> None:
    sealer.is_available = False
    with pytest.raises(sealing.SealerUnavailable), tenancy.scope(organisation_id):
        write()
    assert inbox(organisation_id) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"event": "She opened it"},
        {"what": {"phone": "+493012345678"}},
        {"why": {"because": "Frau Müller"}},
        {"outcome": "OK"},
    ],
)  # fmt: skip
def test_free_text_in_clear_is_refused(
    db: None, write: Write, organisation_id: UUID, changes: dict[str, object]
) -> None:
    with pytest.raises(FormatError), tenancy.scope(organisation_id):
        write(**changes)


@pytest.mark.parametrize(
    "identifying",
    [{"_sd": 1}, {"x": float("nan")}, {"x": 2**60}, {"x": "y" * 70_000}, {"x": {"deep": [[[]]] * 3, 1: 2}}],
)
def test_what_cannot_become_a_disclosure_is_refused(
    db: None, write: Write, organisation_id: UUID, identifying: dict[str, object]
) -> None:
    with pytest.raises(ValueError), tenancy.scope(organisation_id):
        write(identifying=identifying)


@pytest.mark.parametrize(
    ("request_id", "expected"),
    [
        (TRACE, TRACE),
        ("4BF92F35-77B3-4DA6-A3CE-929D0E0E4736", TRACE),
        ("", None),
        ("ada@example.org", None),
        ("12345", None),
    ],
)
def test_only_a_plain_trace_id_gets_into_the_leaf(
    log_db: object, write: Write, organisation_id: UUID, request_id: str, expected: str | None
) -> None:
    stranger = Actor.scheduler(organisation_id)
    object.__setattr__(stranger, "origin", Origin(request_id=request_id))
    with tenancy.scope(organisation_id):
        write(actor=stranger)
    assert inbox(organisation_id)[0]["leaf"]["req"] == expected


def test_an_operation_leaves_one_entry_and_what_follows_points_to_it(
    log_db: object, write: Write, organisation_id: UUID
) -> None:
    with tenancy.scope(organisation_id), log.context(organisation_id) as entry_id:
        first, second = write(), write()
        with log.context(organisation_id) as inner_id:
            third, fourth = write(), write()
        fifth = write()
    assert (first, third) == (entry_id, inner_id)
    causes = {row["id"]: row["leaf"]["cause"] for row in inbox(organisation_id)}
    assert causes == {
        first: None, second: str(first), third: str(first), fourth: str(third), fifth: str(first),
    }  # fmt: skip


def test_the_database_knows_the_operation_while_it_runs(db: None, organisation_id: UUID) -> None:
    def announced() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.entry', true)")
            return str(cursor.fetchone()[0])

    with tenancy.scope(organisation_id), log.context(organisation_id) as outer:
        assert announced() == str(outer)
        with log.context(organisation_id) as inner:
            assert announced() == str(inner)
        assert announced() == str(outer)
        with rolled_back(transaction.atomic()), log.context(organisation_id):
            pass
        assert announced() == str(outer)


def test_an_entry_for_the_deployment_inside_an_operation(log_db: object, write: Write, organisation_id: UUID) -> None:
    with tenancy.scope(organisation_id), log.context(organisation_id) as entry_id:
        with tenancy.scope(tenancy.DEPLOYMENT_ID):
            other = write(organisation_id=tenancy.DEPLOYMENT_ID)
        assert write() == entry_id
    rows = {row["id"]: row for row in inbox(organisation_id, tenancy.DEPLOYMENT_ID)}
    assert rows[other]["organisation_id"] == tenancy.DEPLOYMENT_ID
    assert rows[other]["leaf"]["cause"] == str(entry_id)


def test_a_lane_counts_what_is_committed(log_db: object, write: Write, organisation_id: UUID) -> None:
    connection.ensure_connection()
    with tenancy.scope(organisation_id):
        write()
        write()
    with rolled_back(tenancy.scope(organisation_id)):
        write()
    with tenancy.scope(organisation_id):
        write()
        with rolled_back(transaction.atomic()):
            write()
            write()
        write()
    rows = lanes(inbox(organisation_id))
    assert len({lane for lane, _ in rows}) == 1
    assert [number for _, number in rows] == [1, 2, 3, 4]


def test_a_callback_that_writes_finds_the_numbers_spent(log_db: object, write: Write, organisation_id: UUID) -> None:
    def write_more() -> None:
        with tenancy.scope(organisation_id):
            write()

    connection.ensure_connection()
    with tenancy.scope(organisation_id):
        transaction.on_commit(write_more)
        write()
        transaction.on_commit(write_more)
        write()
    assert [number for _, number in lanes(inbox(organisation_id))] == [1, 2, 3, 4]


def test_each_connection_and_organisation_has_a_lane_of_its_own(
    log_db: object, write: Write, organisation_id: UUID
) -> None:
    other = uuid7()
    for current in (organisation_id, other):
        with tenancy.scope(current):
            write(organisation_id=current)
    connection.close()
    with tenancy.scope(organisation_id):
        write()
    rows = lanes(inbox(organisation_id, other))
    assert [number for _, number in rows] == [1, 1, 1]
    assert len({lane for lane, _ in rows}) == 3


@pytest.mark.parametrize("threshold", [None, 0, 5])
def test_a_pooler_that_knows_no_prepared_statements_is_served_too(
    log_db: object, write: Write, organisation_id: UUID, threshold: int | None
) -> None:
    connection.ensure_connection()
    connection.connection.prepare_threshold = threshold
    for _ in range(3):
        with tenancy.scope(organisation_id), log.context(organisation_id):
            write()
            write()
    assert len(inbox(organisation_id)) == 6


def test_an_error_of_the_database_is_djangos_and_fails_the_transaction(
    db: None, write: Write, organisation_id: UUID
) -> None:
    with tenancy.scope(organisation_id), log.context(organisation_id) as entry_id:
        write()
        log._context.set(log.EntryContext(organisation_id, entry_id))
        with pytest.raises(DatabaseError, match="duplicate key"), transaction.atomic():
            write()
