"""The embedded Postgres: one data folder, one loopback port, passwords only.

What can go wrong: it is asked to run as root (see `confinement`); the port is taken between choosing and using it
(another is tried); a pid file of a dead server looks alive because another program got its number (it is removed, but
only when the number is not a Postgres of this folder).
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from compliance.embedded.binaries import postgres_version
from compliance.embedded.confinement import Confinement
from compliance.embedded.places import LauncherError, write_private
from compliance.embedded.ports import free_port
from compliance.embedded.processes import Child, Program
from compliance.embedded.roles import Server

_START_SECONDS = 60.0
_UNSAFE_BUT_FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=200",
    "max_wal_size=4GB",
)
# A failing statement stands in the log with its values, and a detail line names the row: both can be personal data.
_SILENT_LOG = ("log_min_error_statement=panic", "log_parameter_max_length_on_error=0", "log_error_verbosity=terse")
_BUILTIN_LOCALES_SINCE = 17


@dataclass
class EmbeddedPostgres:
    """A Postgres that the launcher owns. `folder` holds data and password; `fast` gives up durability (tests only)."""

    folder: Path
    programs: Path
    confinement: Confinement
    log: Path
    pid_file: Path
    fast: bool = False
    port: int = 0

    _child: Child | None = None

    @property
    def data(self) -> Path:
        """The cluster's own folder."""
        return self.folder / "data"

    @property
    def server(self) -> Server:
        """How to reach it as its superuser."""
        return Server(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=(self.folder / "superuser").read_text().strip(),
            psql=self.programs / "psql",
        )

    def create(self) -> bool:
        """Make the cluster where there is none.

        A half-made one (no marker) is made again. Returns whether it was new.
        """
        marker = self.folder / "complete"
        if marker.exists():
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        self.data.mkdir(mode=0o700)
        write_private(self.folder / "superuser", secrets.token_urlsafe(32) + "\n")
        self.confinement.take(self.folder)
        self._run("initdb", "-D", self.data, "-U", "postgres", "-E", "UTF8", "--no-sync", *self._locale(),
                  "--auth=scram-sha-256", f"--pwfile={self.folder / 'superuser'}")  # fmt: skip
        marker.touch()
        return True

    def start(self, port: int | None = None) -> Child:
        """Start it and wait until it answers.

        A taken port is replaced twice before it gives up. Raises LauncherError.
        """
        self._remove_foreign_pid_file()
        self.confinement.take(self.folder)
        for attempt in range(3):
            self.port = port if port and attempt == 0 else free_port()
            self._child = Child(self._program(), self.log, self.pid_file)
            self._child.start()
            if self._wait_until_ready(self._child):
                return self._child
            self._child.stop()
        raise LauncherError(
            f"Postgres did not start. The end of {self.log}:\n{self._child.tail() if self._child else ''}"
        )

    def wait_until_ready(self) -> bool:
        """Whether the started server answers within a minute."""
        return self._child is not None and self._wait_until_ready(self._child)

    def stop(self) -> None:
        """Stop it (fast shutdown: open transactions are rolled back)."""
        if self._child is not None:
            self._child.stop()

    def _program(self) -> Program:
        settings = (
            "listen_addresses=127.0.0.1",
            "timezone=UTC",
            *_SILENT_LOG,
            *(_UNSAFE_BUT_FAST if self.fast else ()),
        )
        options = [part for setting in settings for part in ("-c", setting)]
        program = self.confinement.program(self.programs / "postgres", self.folder / "programs")
        return Program(
            name="postgres",
            command=[program, "-D", self.data, "-k", "", "-p", str(self.port), *options],
            environment=_environment(),
            folder=self.data,
            stop_signal=signal.SIGINT,
            patience_seconds=30.0,
            prefix=self.confinement.prefix,
        )

    def _locale(self) -> tuple[str, ...]:
        if postgres_version(self.programs) >= _BUILTIN_LOCALES_SINCE:
            return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C.UTF-8",)

    def _run(self, name: str, *arguments: str | Path) -> None:
        program = self.confinement.program(self.programs / name, self.folder / "programs")
        command = [*self.confinement.prefix, str(program), *(str(argument) for argument in arguments)]
        answer = subprocess.run(
            command, capture_output=True, text=True, env=_environment(), cwd=self.folder, check=False
        )
        if answer.returncode:
            raise LauncherError(f"{name} failed:\n{answer.stderr.strip() or answer.stdout.strip()}")

    def _wait_until_ready(self, child: Child) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while child.is_running() and time.monotonic() < deadline:
            # The port opens before Postgres answers, and a stranger could sit on it: ask, and look that ours still
            # runs.
            if _answers(self.programs / "pg_isready", self.port) and child.is_running():
                return True
            time.sleep(0.05)
        return False

    def _remove_foreign_pid_file(self) -> None:
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return  # Postgres itself sees that the process is gone
        if str(self.data) not in command.split("\0"):
            pid_file.unlink()


def _answers(pg_isready: Path, port: int) -> bool:
    asked = subprocess.run(
        [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port), "-d", "postgres", "-U", "postgres"],
        check=False,
        env=_environment(),
    )
    return asked.returncode == 0


def _environment() -> dict[str, str]:
    """The caller's environment without what would steer Postgres' programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C.UTF-8" if os.path.exists("/usr/lib/locale/C.utf8") else "C", "TZ": "UTC"}
