"""The trigger of regulated tables: bulk updates and raw SQL leave an entry too."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from accounts import tenancy
from audit import log, publish
from audit.entries import EntryView
from audit.ids import uuid7
from tests.audit.conftest import rolled_back, sequence_all
from tests.audit.sealer import MemorySealer
from tests.database import Databases

pytestmark = pytest.mark.pg15

TABLE = """
    CREATE TABLE regulated (id uuid PRIMARY KEY, organisation_id uuid, name text, note bytea, "Odd Column" int);
    CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON regulated
        FOR EACH ROW EXECUTE FUNCTION audit_row_changed();
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON regulated
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate();
    CREATE TABLE owned (id uuid PRIMARY KEY, name text);
    CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON owned
        FOR EACH ROW EXECUTE FUNCTION audit_row_changed('id');
"""


@pytest.fixture
def raw(log_db: Databases, sealer: MemorySealer, organisation_id: UUID) -> Iterator[psycopg.Connection[Any]]:
    """The app's role with psql in its hands, in its organisation's scope; a regulated table is there."""
    with psycopg.connect(log_db.owner_url, autocommit=True) as owner:
        if owner.execute("SELECT to_regclass('regulated')").fetchone() == (None,):
            owner.execute(TABLE)
    with psycopg.connect(log_db.urls["DATABASE_URL"], autocommit=True) as raw:
        raw.execute("SELECT set_config('app.organisation', %s, false)", [str(organisation_id)])
        yield raw


def entries(organisation_id: UUID) -> list[EntryView]:
    """Oldest first."""
    sequence_all()
    with tenancy.scope(organisation_id):
        return publish.list_entries(organisation_id)[::-1]


def test_every_changed_row_is_an_entry_with_names_and_no_values(
    raw: psycopg.Connection[Any], organisation_id: UUID
) -> None:
    first, second = uuid7(), uuid7()
    for row in (first, second):
        raw.execute("INSERT INTO regulated VALUES (%s, %s, 'Ada', 'secret', 1)", [row, organisation_id])
    raw.execute("UPDATE regulated SET name = 'Grace', note = 'hidden' WHERE organisation_id = %s", [organisation_id])
    raw.execute("UPDATE regulated SET name = 'Grace' WHERE organisation_id = %s", [organisation_id])
    raw.execute("DELETE FROM regulated WHERE id = %s", [first])
    found = entries(organisation_id)
    acts = [(view.leaf.act.rpartition(".")[2], view.leaf.object_id, view.leaf.cls) for view in found]
    assert acts == [
        ("inserted", first, "change"), ("inserted", second, "change"), ("updated", first, "change"),
        ("updated", second, "change"), ("deleted", first, "delete"),
    ]  # fmt: skip
    assert {view.leaf.object_type for view in found} == {"regulated"}
    alarm = {"role": "callwarden_app", "unattended": True}
    assert found[0].leaf.what == alarm
    assert found[2].leaf.what == {"c_name": True, "c_note": True} | alarm
    assert not any(value in view.data for view in found for value in (b"Ada", b"Grace", b"secret", b"hidden"))


def test_inside_an_operation_the_row_points_to_its_entry(
    raw: psycopg.Connection[Any], organisation_id: UUID, write: Callable[..., UUID]
) -> None:
    from django.db import connection

    with tenancy.scope(organisation_id), log.context(organisation_id) as entry_id:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO regulated VALUES (%s, %s, 'Ada')", [uuid7(), organisation_id])
        write()
    row, entry = entries(organisation_id)
    assert (row.leaf.cause, row.leaf.what) == (entry_id, {})
    assert entry.id == entry_id
    with tenancy.scope(organisation_id):
        assert len(publish.list_entries(organisation_id, cause=entry_id)) == 2


def test_rollback_takes_the_entry_and_its_number_along(raw: psycopg.Connection[Any], organisation_id: UUID) -> None:
    insert = "INSERT INTO regulated VALUES (%s, %s, 'Ada')"
    raw.execute(insert, [uuid7(), organisation_id])
    with rolled_back(raw.transaction()):
        raw.execute(insert, [uuid7(), organisation_id])
    with raw.transaction():
        raw.execute(insert, [uuid7(), organisation_id])
        with rolled_back(raw.transaction()):
            raw.execute(insert, [uuid7(), organisation_id])
        raw.execute(insert, [uuid7(), organisation_id])
    found = entries(organisation_id)
    assert [view.leaf.number for view in found] == [1, 2, 3]
    assert len({view.leaf.writer for view in found}) == 1


def test_a_row_that_is_its_own_organisation(raw: psycopg.Connection[Any], organisation_id: UUID) -> None:
    raw.execute("INSERT INTO owned VALUES (%s, 'Harbor')", [organisation_id])
    (view,) = entries(organisation_id)
    assert (view.leaf.object_type, view.leaf.object_id) == ("owned", organisation_id)


def test_a_column_of_any_name_is_named(raw: psycopg.Connection[Any], organisation_id: UUID) -> None:
    raw.execute("INSERT INTO regulated VALUES (%s, %s, 'Ada', NULL, 1)", [uuid7(), organisation_id])
    change = """UPDATE regulated SET "Odd Column" = 2, name = 'Grace' WHERE organisation_id = %s"""
    raw.execute(change, [organisation_id])
    what = entries(organisation_id)[1].leaf.what
    assert {name for name in what if name.startswith("c_")} == {"c_name", "c_odd_column"}


def test_without_a_log_there_is_no_change(raw: psycopg.Connection[Any], organisation_id: UUID) -> None:
    stranger = uuid7()
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        raw.execute("INSERT INTO regulated VALUES (%s, %s, 'Ada')", [uuid7(), stranger])
    assert raw.execute("SELECT count(*) FROM regulated WHERE organisation_id = %s", [stranger]).fetchone() == (0,)


def test_truncate_is_refused_to_its_owner(raw: psycopg.Connection[Any], log_db: Databases) -> None:
    with (
        psycopg.connect(log_db.owner_url, autocommit=True) as owner,
        pytest.raises(errors.InsufficientPrivilege, match="would leave no trace"),
    ):
        owner.execute("TRUNCATE regulated")
