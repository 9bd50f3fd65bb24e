"""How Postgres is started by root, on machines with and without user namespaces."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from compliance.embedded import confinement
from compliance.embedded.places import LauncherError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with `true` and `test` and, at first, nothing else."""
    for name in ("true", "test"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _only_as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is refused by Postgres")


def test_what_is_found_starts_programs_that_refuse_root() -> None:
    found = confinement.find_confinement()
    answer = subprocess.run([*found.prefix, "id", "-u"], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() != "0"


def test_without_namespaces_root_becomes_nobody(machine: Path) -> None:
    _only_as_root()
    (machine / "setpriv").symlink_to("/usr/bin/setpriv")
    found = confinement.find_confinement()
    assert found.prefix[0] == "setpriv"
    assert found.owner is not None
    assert found.owner[0] != 0


def test_without_anything_root_is_told_what_to_do(machine: Path) -> None:
    _only_as_root()
    with pytest.raises(LauncherError, match="Run this as an ordinary user, or set DATABASE_URL"):
        confinement.find_confinement()


def test_a_folder_that_nobody_can_enter_is_refused(tmp_path: Path) -> None:
    _only_as_root()
    found = confinement.Confinement(("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"), (65534, 65534))
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(LauncherError, match="cannot enter"):
        found.take(closed / "data")


def test_a_program_out_of_reach_is_copied(tmp_path: Path) -> None:
    _only_as_root()
    shared = Path("/var/tmp") / f"callwarden-{os.getpid()}"
    found = confinement.Confinement(("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"), (65534, 65534))
    closed = tmp_path / "closed"
    (closed / "install" / "bin").mkdir(parents=True)
    shutil.copy(str(shutil.which("true")), closed / "install" / "bin" / "true")
    closed.chmod(0o700)
    try:
        program = found.program(closed / "install" / "bin" / "true", shared)
        assert program == shared / "bin" / "true"
        assert subprocess.run([*found.prefix, program], check=False).returncode == 0
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def test_a_system_without_death_signals_goes_without(machine: Path) -> None:
    assert confinement.dies_with_parent.__wrapped__("TERM") == ()
