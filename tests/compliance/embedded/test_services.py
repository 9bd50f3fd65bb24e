"""Outside services win one by one, and half an address is refused with the name of the other half."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from compliance.embedded.credentials import Credentials
from compliance.embedded.places import LauncherError, Places
from compliance.embedded.ports import RememberedPorts
from compliance.embedded.roles import Server
from compliance.embedded.services import Services, ServiceStarter, given_from_outside
from tests.servers import Servers

_MAIN = {
    "DATABASE_URL": "postgresql://app@db/main",
    "DATABASE_OWNER_URL": "postgresql://owner@db/main",
    "SEQUENCER_DATABASE_URL": "postgresql://sequencer@db/main",
}
_KEYS = {
    "KEYS_DATABASE_URL": "postgresql://app@keys-db/keys",
    "KEYS_DATABASE_OWNER_URL": "postgresql://owner@keys-db/keys",
}
_REST = {"BROKER_URL": "redis://broker/0", "STORAGE_URL": "s3://bucket"}


def _start(servers: Servers, var: Path, given: dict[str, str]) -> Services:
    places = Places(var)
    places.make()
    services = Services()
    ServiceStarter(places, servers.credentials, RememberedPorts(var / "ports.json"), given, fast=True).start(services)
    return services


def test_complete_addresses_are_taken_as_they_are(servers: Servers, tmp_path: Path) -> None:
    services = _start(servers, tmp_path / "var", _MAIN | _KEYS | _REST)
    assert services.addresses == _MAIN | _KEYS | _REST
    assert services.children == []


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        ("DATABASE_OWNER_URL", "DATABASE_OWNER_URL is missing"),
        ("SEQUENCER_DATABASE_URL", "SEQUENCER_DATABASE_URL is missing"),
        ("KEYS_DATABASE_URL", "Set KEYS_DATABASE_URL"),
    ],
)
def test_half_an_address_is_refused(servers: Servers, tmp_path: Path, left_out: str, named: str) -> None:
    given = {name: value for name, value in (_MAIN | _KEYS | _REST).items() if name != left_out}
    with pytest.raises(LauncherError, match=named):
        _start(servers, tmp_path / "var", given)


@pytest.mark.parametrize("address", ["mysql://x@y/z", "postgresql://x@y", "postgresql:///z", "postgresql://x@y:nine/z"])
def test_what_is_no_postgres_address_is_refused(servers: Servers, tmp_path: Path, address: str) -> None:
    with pytest.raises(LauncherError, match="DATABASE_URL"):
        _start(servers, tmp_path / "var", {"DATABASE_URL": address} | _REST)


def test_one_role_that_may_create_roles_makes_the_rest(servers: Servers, tmp_path: Path) -> None:
    name = f"outside_{uuid4().hex[:12]}"
    try:
        services = _start(servers, tmp_path / "var", {"DATABASE_URL": servers.server.url(name)} | _REST)
        assert services.children == []
        for address in ("DATABASE_URL", "SEQUENCER_DATABASE_URL", "KEYS_DATABASE_URL"):
            with psycopg.connect(services.addresses[address]) as connection:
                row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
            assert row == (False,)
    finally:
        with psycopg.connect(servers.server.url("postgres"), autocommit=True) as admin:
            for database in (name, f"{name}_keys"):
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def test_the_broker_alone_may_be_embedded(servers: Servers, tmp_path: Path) -> None:
    services = _start(servers, tmp_path / "var", _MAIN | _KEYS)
    try:
        assert [child.program.name for child in services.children] == ["valkey"]
        assert services.addresses["BROKER_URL"].startswith("redis://:")
        assert services.addresses["STORAGE_URL"] == f"file://{tmp_path / 'var' / 'store'}"
    finally:
        for child in services.children:
            child.stop()


def test_what_counts_as_outside() -> None:
    assert given_from_outside({"DATABASE_URL": "", "STORAGE_URL": "s3://b", "PORT": "1"}) == ["STORAGE_URL"]


def test_credentials_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first, again = Credentials.load(tmp_path / "secrets"), Credentials.load(tmp_path / "secrets")
    assert first == again
    assert first.secret_key != first.playback_key
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}
    assert "BEGIN PRIVATE KEY" in first.log_signing_key.read_text()


def test_an_address_survives_the_way_through_a_url() -> None:
    server, database = Server.from_url("postgres://ad%40min:p%2Fw@[::1]:5433/main?sslmode=require", Path("psql"))
    assert (server.host, server.port, server.user, server.password, database) == (
        "[::1]",
        5433,
        "ad@min",
        "p/w",
        "main",
    )
    assert server.url("other", user="app", password="q:r") == "postgresql://app:q%3Ar@[::1]:5433/other?sslmode=require"
