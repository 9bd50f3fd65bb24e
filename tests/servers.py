"""The Postgres of a test session, started from a cluster that was migrated once and is kept until a migration changes.

The kept cluster holds two migrated databases, `template_main` and `template_keys`; every worker and every committing
test works on clones of them (see `tests.database`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from compliance.embedded import binaries, confinement
from compliance.embedded.credentials import Credentials
from compliance.embedded.places import PROJECT
from compliance.embedded.ports import free_port
from compliance.embedded.postgres import EmbeddedPostgres
from compliance.embedded.roles import ROLES_SQL, Server

MAIN_TEMPLATE, KEYS_TEMPLATE = "template_main", "template_keys"
_ADDRESS = "CALLWARDEN_TEST_SERVER"
_KEPT_CLUSTERS = 4
_ROOM_BYTES = 4 * 1024**3


@dataclass
class Servers:
    """One session's servers. Made before the settings are read; started when the first test needs them."""

    folder: Path
    programs: Path
    credentials: Credentials
    port: int
    is_owner: bool
    cluster: Path
    """The running cluster's folder; a worker's is the controller's."""
    _postgres: EmbeddedPostgres | None = field(default=None, init=False)

    @classmethod
    def create(cls) -> Servers:
        """A new session's; its addresses go into the environment, for the settings and for xdist's workers."""
        folder = Path(tempfile.mkdtemp(prefix="callwarden-test-", dir=_fastest_folder()))
        if confinement.find_confinement().owner:
            folder.chmod(0o711)
        programs = Path(os.environ.get("TEST_POSTGRES_BIN") or binaries.postgres_folder())
        servers = cls(folder, programs, _credentials(), free_port(), True, folder / "postgres")
        os.environ.update(servers._environment())
        os.environ[_ADDRESS] = f"{servers.port} {folder}"
        return servers

    @classmethod
    def join(cls) -> Servers:
        """In an xdist worker: what the controller started, with folders of the worker's own."""
        port, parent = os.environ[_ADDRESS].split(" ", 1)
        folder = Path(parent) / os.environ["PYTEST_XDIST_WORKER"]
        folder.mkdir()
        programs = Path(os.environ.get("TEST_POSTGRES_BIN") or binaries.postgres_folder())
        servers = cls(folder, programs, _credentials(), int(port), False, Path(parent) / "postgres")
        os.environ.update(servers._environment())
        return servers

    def start(self) -> None:
        """Start Postgres where this process owns it; again is harmless."""
        if not self.is_owner or self._postgres is not None:
            return
        with _alone():
            shutil.copytree(self._kept_cluster(), self.cluster, symlinks=True)
        postgres = self._embedded(self.cluster)
        postgres.start(self.port)
        if postgres.port != self.port:
            postgres.stop()
            raise RuntimeError(f"port {self.port} was taken by another program; run the tests again")
        self._postgres = postgres

    def close(self) -> None:
        """Stop what runs and remove the session's folder."""
        if self._postgres is not None:
            self._postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def server(self) -> Server:
        """The server as its superuser: for cloning databases, never for a test's own queries."""
        password = (self.cluster / "superuser").read_text().strip()
        return Server("127.0.0.1", self.port, "postgres", password, self.programs / "psql")

    def urls(self, main: str, keys: str, port: int | None = None) -> dict[str, str]:
        """The environment's addresses for a pair of databases."""
        server, passwords = (
            Server("127.0.0.1", port or self.port, "", "", self.programs / "psql"),
            self.credentials.passwords,
        )
        return {
            "DATABASE_URL": server.url(main, user="callwarden_app", password=passwords.app),
            "DATABASE_OWNER_URL": server.url(main, user="callwarden_owner", password=passwords.owner),
            "SEQUENCER_DATABASE_URL": server.url(main, user="callwarden_sequencer", password=passwords.sequencer),
            "KEYS_DATABASE_URL": server.url(keys, user="callwarden_app", password=passwords.app),
            "KEYS_DATABASE_OWNER_URL": server.url(keys, user="callwarden_owner", password=passwords.owner),
        }

    def _environment(self) -> dict[str, str]:
        (self.folder / "store").mkdir()
        return self.urls(MAIN_TEMPLATE, KEYS_TEMPLATE) | {
            "CALLWARDEN_PROFILE": "test",
            "SECRET_KEY": self.credentials.secret_key,
            "PLAYBACK_KEY": self.credentials.playback_key,
            "KEYRING_FILE": str(self.credentials.keyring),
            "LOG_SIGNING_KEY_FILE": str(self.credentials.log_signing_key),
            "LOG_ORIGIN": "log.callwarden.test",
            "PUBLIC_URL": "http://testserver",
            "VAR_DIR": str(self.folder),
            "STORAGE_URL": f"file://{self.folder / 'store'}",
            "BROKER_URL": "memory://",
            "DATABASE_CONN_MAX_AGE": "0",
            "RESTORE_CHECK_SECONDS": "86400",  # a look in the middle of a test that counts queries would be counted
        }

    def _embedded(self, folder: Path) -> EmbeddedPostgres:
        log, pid_file = self.folder / "postgres.log", self.folder / "postgres.pid"
        return EmbeddedPostgres(folder, self.programs, confinement.find_confinement(), log, pid_file, fast=True)

    def _kept_cluster(self) -> Path:
        """The migrated cluster for today's migrations, made where it is missing."""
        kept = _kept_folder() / f"postgres-{self._fingerprint()}"
        if not kept.exists():
            self._make_cluster(_kept_folder() / "making").rename(kept)
            _forget_old_clusters()
        os.utime(kept)
        return kept

    def _make_cluster(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        postgres = self._embedded(folder)
        postgres.create()
        postgres.start()
        try:
            for database, keys in ((MAIN_TEMPLATE, False), (KEYS_TEMPLATE, True)):
                postgres.server.prepare(database, self.credentials.passwords, keys=keys)
            for alias in ("default", "keys"):
                _migrate(alias, self.urls(MAIN_TEMPLATE, KEYS_TEMPLATE, postgres.port))
        finally:
            postgres.stop()
        return folder

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.programs} {binaries.postgres_version(self.programs)}".encode())
        migrations = (
            path for room in ("accounts", "audit", "compliance") for path in (PROJECT / room).rglob("migrations/*.py")
        )
        for path in (ROLES_SQL, PROJECT / "requirements" / "dev.txt", *sorted(migrations)):
            digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]


def _migrate(alias: str, urls: dict[str, str]) -> None:
    answer = subprocess.run(
        [sys.executable, PROJECT / "manage.py", "migrate", "--database", alias, "--verbosity", "0", "--skip-checks"],
        env=os.environ | urls | {"CALLWARDEN_DB_ROLE": "owner"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        raise RuntimeError(f"migrating {alias} failed:\n{answer.stdout}\n{answer.stderr}")


def _kept_folder() -> Path:
    """Kept between sessions: the migrated cluster and the passwords that lie in it."""
    chosen = os.environ.get("CALLWARDEN_TEST_CACHE")
    if chosen is None:
        # Where Postgres runs as another user, that one has to pass through to its folder.
        (PROJECT / "var").mkdir(mode=0o711 if confinement.find_confinement().owner else 0o700, exist_ok=True)
    folder = Path(chosen or PROJECT / "var" / "test")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    """One session at a time makes what is kept."""
    with (_kept_folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _credentials() -> Credentials:
    with _alone():
        return Credentials.load(_kept_folder() / "secrets")


def _forget_old_clusters() -> None:
    clusters = sorted(_kept_folder().glob("postgres-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for cluster in clusters[_KEPT_CLUSTERS:]:
        shutil.rmtree(cluster, ignore_errors=True)


def _fastest_folder() -> Path | None:
    """Memory where there is room: a clone of the migrated databases is some 1,500 small files, twenty times faster
    there.
    """
    shared_memory = Path("/dev/shm")
    try:
        room = os.statvfs(shared_memory)
    except OSError:
        return None
    enough = room.f_bavail * room.f_frsize >= _ROOM_BYTES and os.access(shared_memory, os.W_OK | os.X_OK)
    return shared_memory if enough else None
