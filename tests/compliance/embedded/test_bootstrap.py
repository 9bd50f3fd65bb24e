"""The environment is made once for each lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.embedded import bootstrap
from compliance.embedded.places import LauncherError


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    return tmp_path


def test_an_environment_without_stamp_is_not_current(environment: Path) -> None:
    assert not bootstrap.is_current(environment, development=False)
    assert not bootstrap.is_current(environment, development=True)


def test_the_development_set_holds_the_other_one(environment: Path) -> None:
    bootstrap.write_stamp(environment, development=True)
    assert bootstrap.is_current(environment, development=True)
    assert bootstrap.is_current(environment, development=False)


def test_the_run_set_does_not_hold_the_development_set(environment: Path) -> None:
    bootstrap.write_stamp(environment, development=False)
    assert bootstrap.is_current(environment, development=False)
    assert not bootstrap.is_current(environment, development=True)


def test_an_older_lock_is_not_current(environment: Path) -> None:
    (environment / ".stamp-run").write_text("0" * 64)
    assert not bootstrap.is_current(environment, development=False)


def test_a_stamp_without_a_python_is_not_current(environment: Path) -> None:
    bootstrap.write_stamp(environment, development=True)
    (environment / "bin" / "python").unlink()
    assert not bootstrap.is_current(environment, development=True)


def test_the_installer_is_taken_from_the_lock_with_its_hashes() -> None:
    block = "uv==2.0 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n"
    lock = f"aaa==1 \\\n    --hash=sha256:00\n{block}    # via me\nzzz==3\n"
    assert bootstrap.locked_block(lock, "uv") == block
    with pytest.raises(LauncherError):
        bootstrap.locked_block(lock, "absent")
