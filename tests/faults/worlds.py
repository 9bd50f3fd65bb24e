"""Worlds: a pair of databases, the store and the log's key, which belong together and are copied together.

One world is taken to a certain point once; each kill then happens in a copy of it, because nothing that was killed can
be rolled back.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.test import override_settings

from audit import signing
from compliance.vault import marks
from compliance.vault.keystore import custody
from tests import database
from tests.database import Databases
from tests.servers import Servers

_KEY = "log-signing-key.pem"


@dataclass(frozen=True)
class World:
    """Two databases, and a folder with `store` and the log's signing key with its memory."""

    databases: Databases
    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store"


@contextmanager
def new_world(servers: Servers, folder: Path, of: World | None = None) -> Iterator[World]:
    """An empty world, or a copy of another one that nobody uses at the moment. Django's settings lead into it
    meanwhile.
    """
    if of is None:
        (folder / "store").mkdir(parents=True)
        signing.ensure_signing_key(folder / _KEY)
    else:
        shutil.copytree(of.folder, folder)
    try:
        with database.clones(servers, of.databases if of else None) as databases:
            world = World(databases, folder)
            with living_in(world):
                yield world
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def living_in(world: World) -> Iterator[None]:
    """Django's aliases, the store and the log's key are this world's."""
    storages: dict[str, Any] = dict(settings.STORAGES)
    vault = storages["vault"]
    storages["vault"] = vault | {"OPTIONS": vault["OPTIONS"] | {"location": str(world.store)}}
    custody.forget()
    marks.forget()
    with (
        database.pointed_at(world.databases),
        override_settings(STORAGES=storages, LOG_SIGNING_KEY_FILE=world.folder / _KEY),
    ):
        try:
            yield
        finally:
            leave()


def leave() -> None:
    """Close every connection and forget every key, so that the world can be copied or entered by a child."""
    for connection in connections.all():
        connection.close()
    custody.forget()
    marks.forget()
