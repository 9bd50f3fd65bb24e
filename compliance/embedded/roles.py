"""The roles and databases of Callwarden on one Postgres server, made by `roles.sql`."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from compliance.embedded.places import LauncherError

ROLES_SQL = Path(__file__).with_name("roles.sql")
_HARMLESS_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True)
class Passwords:
    """One for each role."""

    owner: str
    app: str
    sequencer: str


@dataclass(frozen=True)
class Server:
    """A Postgres server and a role on it that may create roles and databases."""

    host: str
    port: int
    user: str
    password: str
    psql: Path
    query: str = ""
    """Connection parameters of an outside address, as `sslmode=require`."""

    def prepare(self, database: str, passwords: Passwords, *, keys: bool = False) -> None:
        """Create roles, database and grants; what exists is left. Raises LauncherError with the server's answer."""
        if not _HARMLESS_NAME.fullmatch(database):
            raise LauncherError(f"Database name {database!r}: use lower case letters, digits and underscores.")
        variables = {
            "ON_ERROR_STOP": "1",
            "database": database,
            "owner_password": passwords.owner,
            "app_password": passwords.app,
            "sequencer_password": passwords.sequencer,
        }
        if keys:
            variables["keys"] = "1"
        script = "".join(f"\\set {name} {_psql_literal(value)}\n" for name, value in variables.items())
        answer = subprocess.run(
            [self.psql, "-X", "-q", "-d", self.url("postgres", with_password=False), "-f", "-"],
            # Through standard input and the environment: an argument can be read by every user of the machine.
            input=script + ROLES_SQL.read_text(),
            env=os.environ | {"PGPASSWORD": self.password},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            raise LauncherError(
                f"roles.sql was refused by the server {self.host}:{self.port}:\n{answer.stderr.strip()}"
            )

    def url(self, database: str, *, user: str = "", password: str = "", with_password: bool = True) -> str:
        """The address of a database for a role, this server's own where none is named."""
        secret = f":{quote(password or self.password, safe='')}" if with_password else ""
        query = f"?{self.query}" if self.query else ""
        return f"postgresql://{quote(user or self.user, safe='')}{secret}@{self.host}:{self.port}/{database}{query}"

    @classmethod
    def from_url(cls, url: str, psql: Path) -> tuple[Server, str]:
        """A server and the database that an address names.

        Raises LauncherError for anything that is no Postgres address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError as error:
            raise LauncherError("DATABASE_URL is not an address") from error
        database = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname or not database:
            raise LauncherError("DATABASE_URL must look like postgresql://user:password@host:5432/database")
        server = cls(
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            psql=psql,
            query=parts.query,
        )
        return server, database


def _psql_literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
