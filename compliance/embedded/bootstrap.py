"""Makes `.venv` from the hashed lock files.

A stamp holds the hash of what was installed, so a second start costs nothing.
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
from pathlib import Path
from typing import NoReturn

from compliance.embedded.places import ENVIRONMENT, PROJECT, LauncherError, environment_program

_RUN_LOCK = PROJECT / "requirements" / "run.txt"
_DEV_LOCK = PROJECT / "requirements" / "dev.txt"


def install(*, development: bool) -> None:
    """Bring `.venv` to the lock, the development set included where asked. Raises LauncherError with what to do."""
    if is_current(ENVIRONMENT, development=development):
        return
    with _alone():
        if not is_current(ENVIRONMENT, development=development):
            _install(development=development)


def _install(*, development: bool) -> None:
    lock = _DEV_LOCK if development else _RUN_LOCK
    print(f"Installing {lock.relative_to(PROJECT)} into .venv …", flush=True)
    _make_environment(ENVIRONMENT)
    _install_lock(lock)
    write_stamp(ENVIRONMENT, development=development)


def is_current(environment: Path, *, development: bool) -> bool:
    """Whether what is installed is what the lock says. The development set holds the other one too."""
    if not (environment / "bin" / "python").exists():
        return False
    stamps = [(environment / ".stamp-dev", _DEV_LOCK)]
    if not development:
        stamps.append((environment / ".stamp-run", _RUN_LOCK))
    return any(stamp.is_file() and stamp.read_text().strip() == fingerprint(lock) for stamp, lock in stamps)


def write_stamp(environment: Path, *, development: bool) -> None:
    """Note what was installed; the other set's stamp may no longer be true."""
    for name in (".stamp-dev", ".stamp-run"):
        (environment / name).unlink(missing_ok=True)
    name, lock = (".stamp-dev", _DEV_LOCK) if development else (".stamp-run", _RUN_LOCK)
    (environment / name).write_text(fingerprint(lock) + "\n")


def fingerprint(lock: Path) -> str:
    """SHA-256 of a lock file."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


def is_inside() -> bool:
    """Whether this process runs in `.venv` already."""
    return Path(sys.prefix).resolve() == ENVIRONMENT.resolve()


def become(module: str, arguments: list[str]) -> NoReturn:
    """Go on in `.venv` as another module, in this very process, so that signals reach it."""
    python = environment_program("python")
    os.chdir(PROJECT)
    sys.stdout.flush()
    os.execv(python, [str(python), "-m", module, *arguments])  # noqa: S606 - that is the purpose


def locked_block(lock: str, package: str) -> str:
    """One package's lines of a lock file, hashes included. Raises LauncherError where it is not locked."""
    lines = lock.splitlines()
    for number, line in enumerate(lines):
        if line.startswith(f"{package}=="):
            end = next((at for at in range(number, len(lines)) if not lines[at].endswith("\\")), len(lines) - 1)
            return "\n".join(lines[number : end + 1]) + "\n"
    raise LauncherError(f"{package} is not in the lock file")


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time: `make run` and `make test` may be called together in a fresh clone."""
    folder = os.open(_RUN_LOCK.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make_environment(environment: Path) -> None:
    if _runs(environment / "bin" / "python"):
        return
    shutil.rmtree(environment, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", environment], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(environment, ignore_errors=True)
        words = (made.stdout + made.stderr).strip()
        hint = (
            "\nInstall Python's venv module (Debian, Ubuntu: apt-get install python3-venv)."
            if "ensurepip" in words
            else ""
        )
        raise LauncherError(f"The virtual environment could not be made:\n{words}{hint}")


def _runs(python: Path) -> bool:
    """A venv whose Python was updated or moved away is made anew."""
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _install_lock(lock: Path) -> None:
    """By uv, which takes a third of the time.

    By pip where uv is not to be had or does not know this machine's package index.
    """
    python = environment_program("python")
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "--require-hashes",
    ]
    uv = environment_program("uv")
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(locked_block(_DEV_LOCK.read_text(), "uv"))
        has_uv = _succeeds([*pip, "-r", only_uv])
    by_uv: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--compile-bytecode",
        "--require-hashes",
        "-r",
        lock,
    ]
    if has_uv and _succeeds(by_uv):
        return
    if subprocess.run([*pip, "-r", lock], check=False).returncode:
        raise LauncherError(f"The packages of {lock.name} could not be installed; what pip said stands above.")


def _succeeds(command: list[str | Path]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
