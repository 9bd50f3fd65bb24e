"""Gunicorn as the launcher starts it, with one worker, for the length of a measurement."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from compliance.embedded.places import PROJECT, environment_program
from compliance.embedded.ports import free_port

_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Web:
    """A running server."""

    port: int
    worker_pid: int


@contextmanager
def serving(application: str, environment: Mapping[str, str], log: Path) -> Iterator[Web]:
    """Start, wait until it answers, stop."""
    port = free_port()
    command: list[str | Path] = [
        environment_program("gunicorn"), application, "--bind", f"127.0.0.1:{port}",
        "--worker-class", "gthread", "--workers", "1", "--threads", "8", "--timeout", "60", "--graceful-timeout", "2",
        "--keep-alive", "30", "--log-level", "error", "--no-control-socket",
    ]  # fmt: skip
    with log.open("wb") as output:
        master = subprocess.Popen(command, cwd=PROJECT, env=os.environ | environment, stdout=output, stderr=output)
    try:
        _wait(port, master, log)
        yield Web(port, psutil.Process(master.pid).children()[0].pid)
    finally:
        master.terminate()
        master.wait()


def _wait(port: int, master: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and master.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"gunicorn did not start:\n{log.read_text()[-3000:]}")
