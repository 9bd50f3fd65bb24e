"""Backups as an operator makes them: `pg_dump` of each database, a copy of the store; and their restore."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.database import Databases
from tests.faults.worlds import World, living_in
from tests.servers import Servers


@dataclass(frozen=True)
class Backup:
    """Everything at one moment."""

    main: Path
    keys: Path
    store: Path

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each dump."""
        return {
            name: sha256(path.read_bytes()).hexdigest() for name, path in (("main", self.main), ("keys", self.keys))
        }


def take(servers: Servers, world: World, folder: Path) -> Backup:
    """Dump both databases of a world, without what is in no log, and copy its store."""
    folder.mkdir()
    backup = Backup(folder / "main.dump", folder / "keys.dump", folder / "store")
    for database, file in ((world.databases.main, backup.main), (world.databases.keys, backup.keys)):
        options = ("--format=custom", "--no-unlogged-table-data", f"--file={file}", f"--dbname={database}")
        _run(servers, "pg_dump", *options)
    shutil.copytree(world.store, backup.store)
    return backup


@contextmanager
def restored(servers: Servers, live: World, folder: Path, *, main: Path, keys: Path) -> Iterator[World]:
    """A world with these dumps, the live store and the live log's key. The live world is not touched."""
    shutil.copytree(live.folder, folder)
    names = f"drill_{uuid4().hex[:12]}", f"drill_{uuid4().hex[:12]}_keys"
    with psycopg.connect(servers.server.url("postgres"), autocommit=True) as admin:
        try:
            for name, file in zip(names, (main, keys), strict=True):
                _create(admin, name)
                _run(servers, "pg_restore", "--exit-on-error", f"--dbname={name}", str(file))
            world = World(Databases(*names, servers.urls(*names)), folder)
            with living_in(world):
                yield world
        finally:
            for name in names:
                admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            shutil.rmtree(folder, ignore_errors=True)


def version_of(servers: Servers) -> str:
    """Which program makes the dumps."""
    answer = subprocess.run([servers.programs / "pg_dump", "--version"], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def _create(admin: psycopg.Connection, name: str) -> None:
    """Empty, with the owner and the grants that are no part of a dump (roles.sql)."""
    database = sql.Identifier(name)
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 OWNER callwarden_owner").format(database))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for role in ("callwarden_app", "callwarden_sequencer"):
        admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role)))


def _run(servers: Servers, program: str, *options: str) -> None:
    server = servers.server
    address = ("--host", server.host, "--port", str(server.port), "--username", server.user)
    environment = os.environ | {"PGPASSWORD": server.password}
    command: list[str | Path] = [servers.programs / program, *address, *options]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
