"""A throw-away instance in a temporary folder: started by the launcher, seeded with people and a connection, removed at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from compliance.embedded.places import PROJECT
from compliance.embedded.ports import free_port

_START_SECONDS = 90
_STOP_SECONDS = 30


class InstanceFailed(Exception):
    """It did not start."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Where it runs, and what its run.json says."""

    base_url: str
    var: Path
    facts: dict[str, Any]
    media_url: str
    environment: dict[str, str]

    @property
    def media_folder(self) -> Path:
        """The folder behind the media server: the platform's originals."""
        return self.var / "media"


@contextmanager
def throw_away_instance() -> Iterator[Instance]:
    """Start, seed without calls, hand over, stop and remove."""
    with tempfile.TemporaryDirectory(prefix="callwarden-demo-") as folder:
        var = Path(folder) / "var"
        Path(folder).chmod(0o711)  # Postgres may run under another user
        port = free_port()
        command = [sys.executable, "-m", "compliance.embedded", "run", "--var", str(var), "--port", str(port)]
        with (Path(folder) / "launcher.log").open("w+") as output:
            launcher = subprocess.Popen(
                [*command, "--no-demo", "--test"],
                cwd=PROJECT,
                env=_clean(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                base_url = f"http://127.0.0.1:{port}"
                environment = _wait(launcher, base_url, var, Path(output.name))
                yield _seeded(base_url, var, environment)
            finally:
                launcher.send_signal(signal.SIGINT)
                launcher.wait(_STOP_SECONDS)


def _clean() -> dict[str, str]:
    """Nothing of a configured installation may reach the throw-away instance."""
    foreign = {
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "KEYS_DATABASE_URL",
        "BROKER_URL",
        "STORAGE_URL",
        "CALLWARDEN_PROFILE",
    }
    return {name: value for name, value in os.environ.items() if name not in foreign}


def _wait(launcher: subprocess.Popen[bytes], base_url: str, var: Path, output: Path) -> dict[str, str]:
    deadline = time.monotonic() + _START_SECONDS
    marker = var / "secrets" / "environment.json"
    while time.monotonic() < deadline:
        if launcher.poll() is not None:
            break
        if marker.exists() and _is_ready(base_url):
            found: dict[str, str] = json.loads(marker.read_text())
            return found
        time.sleep(0.2)
    raise InstanceFailed(f"the instance did not start:\n{output.read_text()[-3000:]}")


def _is_ready(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/readyz", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _seeded(base_url: str, var: Path, environment: dict[str, str]) -> Instance:
    media_url = f"http://{environment['FETCH_TEST_HOSTS'].split(',')[0]}"
    run_json = var / "run.json"
    command = [sys.executable, "manage.py", "seed_demo", "--no-calls", "--run-json", str(run_json)]
    command += ["--base-url", base_url, "--media-root-url", media_url]
    done = subprocess.run(command, cwd=PROJECT, env=_clean() | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstanceFailed(f"the demo organisation could not be made:\n{done.stderr[-3000:]}")
    return Instance(base_url, var, json.loads(run_json.read_text()), media_url, environment)
