"""Databases, broker and store of an instance: each embedded, unless an address for it came from outside.

A database address from outside is either complete (service, owner and sequencer named), and then taken as it is, or it
is one role that may create roles and databases, and then `roles.sql` makes the rest with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compliance.embedded import binaries
from compliance.embedded.confinement import find_confinement
from compliance.embedded.credentials import Credentials
from compliance.embedded.places import LauncherError, Places
from compliance.embedded.ports import RememberedPorts
from compliance.embedded.postgres import EmbeddedPostgres
from compliance.embedded.processes import Child
from compliance.embedded.roles import Server
from compliance.embedded.valkey import EmbeddedValkey

MAIN, KEYS = "callwarden", "callwarden_keys"
_OUTSIDE = ("DATABASE_URL", "KEYS_DATABASE_URL", "BROKER_URL", "STORAGE_URL")


def given_from_outside(environment: Mapping[str, str]) -> list[str]:
    """Which services the environment names."""
    return [name for name in _OUTSIDE if environment.get(name)]


@dataclass
class Services:
    """What was started (in this order) and where everything is."""

    addresses: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    postgres: EmbeddedPostgres | None = None


@dataclass(frozen=True)
class ServiceStarter:
    """Starts what is not given."""

    places: Places
    credentials: Credentials
    ports: RememberedPorts
    given: Mapping[str, str]
    fast: bool = False

    def start(self, services: Services) -> None:
        """Fill `services` step by step, so that whoever stops it stops what was started before a failure.

        Raises LauncherError.
        """
        needs_postgres = not self.given.get("DATABASE_URL")
        if needs_postgres:
            services.postgres = self._start_postgres(services)
            server = services.postgres.server
            services.addresses |= self._prepared(server, MAIN, keys=False)
        else:
            services.addresses |= self._main_from_outside()
        services.addresses |= self._keys(services)
        services.addresses["BROKER_URL"] = self.given.get("BROKER_URL") or self._start_valkey(services)
        services.addresses["STORAGE_URL"] = self.given.get("STORAGE_URL") or f"file://{self.places.store}"

    def _keys(self, services: Services) -> dict[str, str]:
        address = self.given.get("KEYS_DATABASE_URL")
        if address and self.given.get("KEYS_DATABASE_OWNER_URL"):
            return {name: self.given[name] for name in ("KEYS_DATABASE_URL", "KEYS_DATABASE_OWNER_URL")}
        if address:
            return self._prepared(*Server.from_url(address, _psql()), keys=True)
        if services.postgres is not None:
            return self._prepared(services.postgres.server, KEYS, keys=True)
        if self.given.get("DATABASE_OWNER_URL"):
            raise LauncherError(
                "Set KEYS_DATABASE_URL and KEYS_DATABASE_OWNER_URL too: the keys have a database of their own."
            )
        server, database = Server.from_url(self.given["DATABASE_URL"], _psql())
        return self._prepared(server, f"{database}_keys", keys=True)

    def _main_from_outside(self) -> dict[str, str]:
        complete = ("DATABASE_OWNER_URL", "SEQUENCER_DATABASE_URL")
        named = [name for name in complete if self.given.get(name)]
        if len(named) == len(complete):
            return {name: self.given[name] for name in ("DATABASE_URL", *complete)}
        if named:
            missing = next(name for name in complete if name not in named)
            raise LauncherError(
                f"{missing} is missing: {named[0]} is set. Set both, or only DATABASE_URL (see roles.sql)."
            )
        return self._prepared(*Server.from_url(self.given["DATABASE_URL"], _psql()), keys=False)

    def _prepared(self, server: Server, database: str, *, keys: bool) -> dict[str, str]:
        passwords = self.credentials.passwords
        server.prepare(database, passwords, keys=keys)
        app = server.url(database, user="callwarden_app", password=passwords.app)
        owner = server.url(database, user="callwarden_owner", password=passwords.owner)
        if keys:
            return {"KEYS_DATABASE_URL": app, "KEYS_DATABASE_OWNER_URL": owner}
        sequencer = server.url(database, user="callwarden_sequencer", password=passwords.sequencer)
        return {"DATABASE_URL": app, "DATABASE_OWNER_URL": owner, "SEQUENCER_DATABASE_URL": sequencer}

    def _start_postgres(self, services: Services) -> EmbeddedPostgres:
        confinement = find_confinement()
        if confinement.owner:
            self.places.var.chmod(0o711)  # another user has to pass through to a folder of its own
        postgres = EmbeddedPostgres(
            folder=self.places.var / "postgres",
            programs=binaries.postgres_folder(),
            confinement=confinement,
            log=self.places.logs / "postgres.log",
            pid_file=self.places.pids / "postgres.pid",
            fast=self.fast,
        )
        postgres.create()
        services.children.append(postgres.start(self.ports.port("postgres")))
        return postgres

    def _start_valkey(self, services: Services) -> str:
        valkey = EmbeddedValkey(
            folder=self.places.var / "valkey",
            program=binaries.valkey_program(),
            password=self.credentials.broker_password,
            log=self.places.logs / "valkey.log",
            pid_file=self.places.pids / "valkey.pid",
            durable=not self.fast,
        )
        services.children.append(valkey.start(self.ports.port("valkey")))
        return valkey.url


def _psql() -> Path:
    """The system's where there is one: it knows TLS, which the embedded one does not."""
    found = shutil.which("psql")
    return Path(found) if found else binaries.postgres_folder() / "psql"
