"""Readiness: every part answers, and no part answers that would weaken the walls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client
from psycopg import sql

from compliance.errors import Unavailable
from compliance.vault import store
from tests.cast import Cast
from tests.database import Databases


def ready() -> tuple[int, dict[str, str]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["checks"]


@pytest.fixture
def beating(committed_db: Databases) -> Databases:
    """A sequencer was here a moment ago."""
    beat(committed_db, "clock_timestamp()")
    return committed_db


def beat(databases: Databases, when: str) -> None:
    with psycopg.connect(databases.owner_url) as owner:
        owner.execute(f"UPDATE audit_state SET beat_at = {when}")


def test_alive_asks_nobody() -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_when_every_part_is(beating: Databases, committed_cast: Cast) -> None:
    assert ready() == (200, dict.fromkeys(("database", "keys", "broker", "vault", "log"), "ok"))


def test_a_sequencer_that_was_never_heard_of_or_is_silent(committed_cast: Cast, committed_db: Databases) -> None:
    assert ready()[1]["log"] == "stale"
    beat(committed_db, "clock_timestamp() - interval '61 seconds'")
    status, checks = ready()
    assert (status, checks["log"], checks["database"]) == (503, "stale", "ok")


@pytest.fixture
def as_owner(beating: Databases) -> Iterator[None]:
    """The service connects as the role that owns the tables."""
    before = {name: connections["default"].settings_dict[name] for name in ("USER", "PASSWORD")}
    owner = psycopg.conninfo.conninfo_to_dict(beating.owner_url)
    connections["default"].close()
    connections["default"].settings_dict |= {"USER": owner["user"], "PASSWORD": owner["password"]}
    yield
    connections["default"].close()
    connections["default"].settings_dict |= before


def test_a_role_that_owns_tables_could_pass_row_security(as_owner: None) -> None:
    status, checks = ready()
    assert (status, checks["database"], checks["keys"]) == (503, "role_can_pass_row_security", "ok")


def test_a_role_that_owns_one_table_could_too(beating: Databases, servers: Any, committed_cast: Cast) -> None:
    with psycopg.connect(servers.server.url(beating.keys), autocommit=True) as admin:
        admin.execute("CREATE TABLE mine (id int)")
        admin.execute(sql.SQL("ALTER TABLE mine OWNER TO {}").format(sql.Identifier("callwarden_app")))
    status, checks = ready()
    assert (status, checks["keys"], checks["database"]) == (503, "role_can_pass_row_security", "ok")


def test_a_database_that_is_gone(beating: Databases, committed_cast: Cast) -> None:
    name = connections["keys"].settings_dict["NAME"]
    connections["keys"].close()
    connections["keys"].settings_dict["NAME"] = "there_is_no_such_database"
    try:
        status, checks = ready()
    finally:
        connections["keys"].close()
        connections["keys"].settings_dict["NAME"] = name
    assert (status, checks["keys"]) == (503, "unreachable")


def test_keys_that_do_not_answer(beating: Databases, committed_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, bool]:
        raise Unavailable("The key service does not answer", code="kms_unavailable")

    monkeypatch.setattr(store, "is_ready", refuse)
    status, checks = ready()
    assert (status, checks["vault"]) == (503, "kms_unavailable")
    monkeypatch.setattr(store, "is_ready", lambda: {"store": False, "keyring": True})
    assert ready()[1]["vault"] == "no_store"
