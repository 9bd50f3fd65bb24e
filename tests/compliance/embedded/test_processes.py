"""Children end when they are told to, with everything they started, and nobody else does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from compliance.embedded.processes import Child, Program, end_leftovers, process_started

_OBEDIENT = "import time; print('up', flush=True); time.sleep(60)"
_STUBBORN = (
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print(child.pid, flush=True); time.sleep(60)"
)


def _child(folder: Path, code: str, patience: float = 5.0) -> Child:
    program = Program("child", [sys.executable, "-c", code], os.environ, folder, patience_seconds=patience)
    return Child(program, folder / "child.log", folder / "pids" / "child.pid")


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_a_child_runs_and_stops(tmp_path: Path) -> None:
    child = _child(tmp_path, _OBEDIENT)
    child.start()
    _wait_for(lambda: "up" in child.log.read_text())
    pid = child.pid
    assert child.is_running()
    assert child.pid_file.read_text().startswith(f"{pid} ")
    child.stop()
    assert not child.is_running()
    assert not child.pid_file.exists()
    assert process_started(pid) == ""


def test_the_exit_code_of_a_child_that_ended_by_itself(tmp_path: Path) -> None:
    child = _child(tmp_path, "raise SystemExit(3)")
    child.start()
    _wait_for(lambda: not child.is_running())
    assert child.exit_code() == 3
    child.stop()


def test_a_stubborn_child_is_killed_with_its_children(tmp_path: Path) -> None:
    child = _child(tmp_path, _STUBBORN, patience=0.2)
    child.start()
    _wait_for(lambda: child.log.read_text().strip())
    grandchild = int(child.log.read_text())
    child.stop()
    _wait_for(lambda: process_started(grandchild) == "")


def test_a_leftover_is_ended(tmp_path: Path) -> None:
    child = _child(tmp_path, _OBEDIENT)
    child.start()
    _wait_for(lambda: "up" in child.log.read_text())
    assert end_leftovers(tmp_path / "pids") == ["child"]
    _wait_for(lambda: child.exit_code() == -signal.SIGTERM)
    child.stop()


@pytest.mark.parametrize("content", ["{pid} 1 15\n", "{pid}\n", "nonsense", ""])
def test_a_stranger_with_the_same_pid_lives(tmp_path: Path, content: str) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", _OBEDIENT], stdout=subprocess.DEVNULL)
    try:
        (tmp_path / "child.pid").write_text(content.format(pid=stranger.pid))
        assert end_leftovers(tmp_path) == []
        assert stranger.poll() is None
        assert not (tmp_path / "child.pid").exists()
    finally:
        stranger.kill()
        stranger.wait()
