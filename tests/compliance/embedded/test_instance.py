"""A whole instance: it becomes ready, it can be joined, and nothing of it is left when it stops or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from compliance.embedded.instance import Instance
from compliance.embedded.places import PROJECT, LauncherError, Places
from compliance.embedded.ports import is_free
from compliance.embedded.processes import process_started

_PROCESSES = {"beat", "media", "postgres", "sequencer", "valkey", "web", "worker"}


def _pids(var: Path) -> dict[str, int]:
    return {file.stem: int(file.read_text().split()[0]) for file in Places(var).pids.glob("*.pid")}


def _wait_until_gone(pids: dict[str, int]) -> None:
    deadline = time.monotonic() + 30
    while alive := [name for name, pid in pids.items() if process_started(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.1)


def test_it_runs_is_joined_and_stops(tmp_path: Path) -> None:
    with Instance(tmp_path / "var") as instance:
        pids = _pids(instance.var)
        assert set(pids) == _PROCESSES
        with urllib.request.urlopen(f"{instance.base_url}/readyz", timeout=5) as answer:
            assert answer.status == 200
        (instance.media_folder / "a.mp3").write_bytes(b"ID3")
        with urllib.request.urlopen(f"{instance.media_url}/a.mp3", timeout=5) as answer:
            assert answer.read() == b"ID3"
        joined = subprocess.run(
            [sys.executable, PROJECT / "manage.py", "migrate", "--check"],
            env={**os.environ, **instance.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert joined.returncode == 0, joined.stdout + joined.stderr
        with pytest.raises(LauncherError, match="Another instance"):
            Instance(instance.var).__enter__()
    _wait_until_gone(pids)
    assert is_free(instance.port)
    assert _pids(instance.var) == {}
    assert not Places(instance.var).environment_json.exists()


def test_a_killed_launcher_takes_everything_with_it_and_can_be_started_again(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux tells children that their parent is gone")
    with Instance(tmp_path / "var") as instance:
        pids = _pids(instance.var)
        launcher = instance._launcher
        assert launcher is not None
        os.kill(launcher.pid, signal.SIGKILL)
        launcher.wait()
        _wait_until_gone(pids)
    with Instance(tmp_path / "var") as again, urllib.request.urlopen(f"{again.base_url}/readyz", timeout=5) as answer:
        assert answer.status == 200
