"""The second wall: what Postgres itself shows to the service's role."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from accounts import tenancy
from accounts.tenancy import OrganisationScoped
from tests.compliance.calls import Line

ROOMS = ("connectors", "recordings", "retention", "intake")
TABLES = sorted(
    model._meta.db_table
    for room in ROOMS
    for model in apps.get_app_config(room).get_models()
    if issubclass(model, OrganisationScoped)
)


def test_the_rooms_have_no_table_without_an_organisation() -> None:
    everything = {model._meta.db_table for room in ROOMS for model in apps.get_app_config(room).get_models()}
    assert everything == set(TABLES)
    assert len(TABLES) == 28


def test_it_is_forced_on_every_table(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relrowsecurity AND relforcerowsecurity", [TABLES]
        )
        assert sorted(row[0] for row in cursor.fetchall()) == TABLES


def counts() -> dict[str, int]:
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table] = cursor.fetchone()[0]
    return found


def test_rows_are_seen_in_their_own_scope_only(line: Line, outside_line: Line) -> None:
    line.deliver()
    with tenancy.scope(line.organisation_id):
        own = counts()
    assert own["recordings_call"] == 1
    assert own["recordings_artifact"] == 4
    assert not any(counts().values())  # no scope at all
    with tenancy.scope(outside_line.organisation_id):
        foreign = counts()
    assert {table for table, number in foreign.items() if number} == {
        "connectors_connection", "connectors_connectionsecret",
    }  # fmt: skip


def test_rows_are_written_in_their_own_scope_only(line: Line, outside_line: Line) -> None:
    line.deliver()
    call = line.call()
    with tenancy.scope(outside_line.organisation_id), connection.cursor() as cursor:
        cursor.execute("UPDATE recordings_call SET state = 'erased'")
        assert cursor.rowcount == 0
        with pytest.raises(ProgrammingError), transaction.atomic():
            cursor.execute(
                "INSERT INTO recordings_datasubject (id, organisation_id, region, created_at)"
                " VALUES (gen_random_uuid(), %s, '', now())",
                [call.organisation_id],
            )
    assert line.call().state == "active"
