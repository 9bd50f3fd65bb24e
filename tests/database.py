"""Databases for tests: clones of the migrated templates, used as the service's own roles.

`db` (or the `django_db` mark) works on one clone a worker and rolls back. `committed_db` gives a test a pair of
databases of its own, in which it commits, opens threads, and starts processes; nothing is truncated afterwards, the
pair is dropped. The alias `sequencer` is another connection to the main database, so it sees only what was committed:
use it with `committed_db`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from audit import signing
from tests.servers import KEYS_TEMPLATE, MAIN_TEMPLATE, Servers


@dataclass(frozen=True)
class Databases:
    """A pair of databases and their addresses, as the environment of a child process needs them."""

    main: str
    keys: str
    urls: dict[str, str]

    @property
    def owner_url(self) -> str:
        """The main database as its owner: for what the service's role may not do (a test of the guards)."""
        return self.urls["DATABASE_OWNER_URL"]

    def let_time_pass(self, *, leases: bool = True) -> None:
        """Every wait of minutes is over, and every lease has run out, as if nobody had looked for an hour.

        What is due later stays: the daily sweeps ask for themselves anew for ever.
        """
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute(
                "UPDATE accounts_duework SET due_at = least(due_at, now() - interval '1 second'),"
                " leased_until = CASE WHEN %s THEN NULL ELSE leased_until END"
                " WHERE due_at < now() + interval '2 hours'",
                [leases],
            )


@pytest.fixture(scope="session")
def django_db_setup(servers: Servers, django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """Instead of pytest-django's: this worker's clones."""
    with django_db_blocker.unblock(), clones(servers) as databases, pointed_at(databases):
        yield


@pytest.fixture
def committed_db(
    servers: Servers,
    django_test_environment: None,
    django_db_blocker: Any,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Databases]:
    """Fresh databases in which the test really commits. Not together with `db`.

    The log's signing key is fresh too: its memory would refuse to sign an empty log again.
    """
    settings.LOG_SIGNING_KEY_FILE = signing.ensure_signing_key(tmp_path / "log-signing-key.pem")
    monkeypatch.setenv("LOG_SIGNING_KEY_FILE", str(settings.LOG_SIGNING_KEY_FILE))
    with django_db_blocker.unblock(), clones(servers) as databases, pointed_at(databases):
        yield databases


@contextmanager
def clones(servers: Servers, of: Databases | None = None) -> Iterator[Databases]:
    """A pair of databases that are dropped at the end: copies of the migrated templates, or of a pair to which nobody
    is connected.
    """
    templates = (of.main, of.keys) if of else (MAIN_TEMPLATE, KEYS_TEMPLATE)
    suffix = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{uuid4().hex[:12]}"
    main, keys = f"test_{suffix}", f"test_{suffix}_keys"
    with psycopg.connect(servers.server.url("postgres"), autocommit=True) as admin:
        _clone(admin, templates[0], main, "callwarden_app", "callwarden_sequencer")
        _clone(admin, templates[1], keys, "callwarden_app")
        try:
            yield Databases(main, keys, servers.urls(main, keys))
        finally:
            for name in (main, keys):
                admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _clone(admin: psycopg.Connection[Any], template: str, name: str, *roles: str) -> None:
    """A copy has the template's tables and grants, but not the grants on the database itself (see roles.sql)."""
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    create = "CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY OWNER callwarden_owner"
    admin.execute(sql.SQL(create).format(**names))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
    for role in roles:
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {name} TO {role}").format(**names, role=sql.Identifier(role)))


@contextmanager
def pointed_at(databases: Databases) -> Iterator[None]:
    """Django's aliases and the environment of child processes lead to these databases.

    Afterwards to where they led before.
    """
    names = {"default": databases.main, "sequencer": databases.main, "keys": databases.keys}
    before = {alias: connections.settings[alias]["NAME"] for alias in names}
    environment = {name: os.environ.get(name, "") for name in databases.urls}
    _repoint(names)
    os.environ.update(databases.urls)
    try:
        yield
    finally:
        os.environ.update(environment)
        _repoint(before)


def _repoint(names: dict[str, str]) -> None:
    for alias, name in names.items():
        connections[alias].close()
        connections.settings[alias]["NAME"] = name
        connections[alias].settings_dict["NAME"] = name
