"""The shortest road to the server: same rows, same transactions and same errors as by Django's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from audit import forms, wire
from tests.audit.conftest import rolled_back

_WORK = "INSERT INTO accounts_duework (organisation_id, job, object_id, due_at, generation, attempts, last_code)"
_AT = "'2031-02-03T04:05:06.000007Z'::timestamptz"
ADD = wire.Statement(f"{_WORK} VALUES ($1, 'test', $1, {_AT}, 7, 0, $2)", (wire.BINARY, wire.TEXT))
OTHER = wire.Statement(f"{_WORK} SELECT $1, 'test', $1, {_AT}, 7, 0, $2", (wire.BINARY, wire.TEXT))
NOTE = wire.Statement(
    "INSERT INTO accounts_route (kind, digest, organisation_id, object_id) VALUES ('test', '', $1, $1)", (wire.BINARY,)
)
SHOW = wire.Statement("SELECT object_id, last_code, due_at, generation FROM accounts_duework ORDER BY id", ())


@pytest.fixture
def sent(db: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to the server, in two tables that know no organisation."""
    messages: list[str] = []
    send = wire.send

    def listen(database: Any, statement: wire.Statement, values: Any) -> Any:
        messages.append(statement.sql)
        return send(database, statement, values)

    monkeypatch.setattr(wire, "send", listen)
    return messages


def add(id_: UUID | None = None, words: str = "word") -> UUID:
    id_ = id_ or uuid4()
    wire.run(connection, ADD, (id_.bytes, words.encode()))
    return id_


def note() -> None:
    wire.run(connection, NOTE, (uuid4().bytes,))


def add_and_note(id_: UUID) -> None:
    add(id_)
    note()


def words() -> list[str]:
    return [forms.words_of(row[1]) for row in wire.rows(connection, SHOW, ())]


def noted() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_route")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("threshold", [5, None], ids=["prepared", "by a pooler"])
def test_what_goes_in_comes_out(sent: list[str], threshold: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.connection, "prepare_threshold", threshold)
    hostile = "'; DROP TABLE accounts_route; -- Ünïcödé $1"
    id_ = add(words=hostile)
    ((got, text, at, number),) = wire.rows(connection, SHOW, ())
    assert (got, forms.words_of(text), forms.number_of(number)) == (id_.bytes, hostile, 7)
    assert forms.time_of(at) == datetime(2031, 2, 3, 4, 5, 6, 7, UTC)


def test_errors_are_djangos(sent: list[str]) -> None:
    id_ = add()
    with pytest.raises(IntegrityError), transaction.atomic():
        add(id_)
    with pytest.raises(IntegrityError), transaction.atomic(), wire.together(connection):
        add_and_note(id_)
    assert (words(), noted()) == (["word"], 0)


def test_the_first_statement_of_a_transaction_is_taken_back_with_it(committed_db: object) -> None:
    """Django leaves BEGIN to psycopg, and psycopg to the first statement that it sees."""
    with rolled_back(transaction.atomic()):
        add(words="taken back")
    add()
    assert words() == ["word"]


def test_a_connection_that_broke_is_told_in_djangos_words_and_made_anew(committed_db: object) -> None:
    one = wire.Statement("SELECT 1", ())
    wire.rows(connection, one, ())
    connection.connection.pgconn.finish()
    with pytest.raises(OperationalError):
        wire.rows(connection, one, ())
    connection.close_if_unusable_or_obsolete()  # as at a request's end
    assert wire.rows(connection, one, ()) == [(b"\0\0\0\1",)]


def test_what_is_to_go_together_is_one_statement(sent: list[str]) -> None:
    with wire.together(connection):
        add(words="first")
        note()
        with wire.together(connection):
            wire.run(connection, OTHER, (uuid4().bytes, b"last"))
        assert sent == []
    assert len(sent) == 1
    assert (sorted(words()), noted()) == (["first", "last"], 1)


def test_what_breaks_off_sends_nothing(sent: list[str]) -> None:
    with rolled_back(wire.together(connection)):
        add()
    assert sent == []
    add()  # and nothing is held any more
    assert words() == ["word"]


def test_what_a_savepoint_takes_back_is_not_held(sent: list[str]) -> None:
    with wire.together(connection):
        add(words="before")
        with rolled_back(transaction.atomic()):
            add(words="inside")
        note()
    assert (words(), noted()) == (["before"], 1)


def test_a_statement_does_not_meet_its_own_row(sent: list[str]) -> None:
    """ON CONFLICT would refuse to touch a row that the same statement has just made."""
    again = wire.Statement(
        f"{ADD.sql} ON CONFLICT (job, object_id) DO UPDATE SET last_code = EXCLUDED.last_code", ADD.formats
    )
    id_ = uuid4().bytes
    with wire.together(connection):
        wire.run(connection, again, (id_, b"first"))
        wire.run(connection, again, (id_, b"second"))
    assert words() == ["second"]


@pytest.mark.parametrize(
    ("make", "value", "expected"),
    [
        (forms.number, -12, b"-12"),
        (forms.array, [1, -2], b"{1,-2}"),
        (forms.array, [], b"{}"),
        (forms.time, datetime(2031, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), b"2031-01-02T03:00:00+02:00"),
        (forms.words_of, None, ""),
        (forms.time_of, None, None),
        (forms.time_of, (-1_000_000).to_bytes(8, "big", signed=True), datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (forms.number_of, b"\xff\xfe", -2),
    ],
)
def test_forms(make: Callable[[Any], object], value: object, expected: object) -> None:
    assert make(value) == expected
