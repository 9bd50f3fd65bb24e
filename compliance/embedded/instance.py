"""A throw-away instance in a folder of its own, for the demo and the benchmarks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from compliance.embedded.places import PROJECT, LauncherError, Places
from compliance.embedded.ports import free_port

# An instance of its own takes nothing from outside, whatever the terminal's environment says.
_OUTSIDE = {
    "BROKER_URL",
    "CALLWARDEN_DB_ROLE",
    "CALLWARDEN_PROFILE",
    "DATABASE_OWNER_URL",
    "DATABASE_URL",
    "FETCH_TEST_HOSTS",
    "KEYRING_FILE",
    "KEYS_DATABASE_OWNER_URL",
    "KEYS_DATABASE_URL",
    "LOG_SIGNING_KEY_FILE",
    "PLAYBACK_KEY",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SEQUENCER_DATABASE_URL",
    "STORAGE_URL",
    "VAR_DIR",
}
_START_SECONDS, _STOP_SECONDS = 150.0, 60.0


@dataclass
class Instance:
    """`with Instance(folder) as instance:` runs a whole Callwarden; leaving stops all of it and keeps the folder."""

    var: Path
    demo: bool = False
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    """Further environment variables for its processes."""
    _launcher: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def base_url(self) -> str:
        """Where its web answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def media_folder(self) -> Path:
        """What lies here, its platform's media server gives out."""
        return Places(self.var).media

    @property
    def media_url(self) -> str:
        """Where that server answers; its fetcher may take audio from there."""
        return f"http://{self.environment['FETCH_TEST_HOSTS'].split(',')[0]}"

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to join it (addresses and secrets). Only while it runs."""
        found: dict[str, str] = json.loads(Places(self.var).environment_json.read_text())
        return found

    @property
    def run_json(self) -> dict[str, object]:
        """Addresses and sign-ins of its demo organisation; only with `demo`."""
        found: dict[str, object] = json.loads(Places(self.var).run_json.read_text())
        return found

    def __enter__(self) -> Instance:
        """Start it and wait until it is ready. Raises LauncherError with what the launcher said."""
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "compliance.embedded",
            "run",
            "--var",
            str(self.var),
            "--port",
            str(self.port),
            "--test",
        ]
        inherited = {name: value for name, value in os.environ.items() if name not in _OUTSIDE}
        with (self.var / "launcher.log").open("wb") as output:
            self._launcher = subprocess.Popen(
                command if self.demo else [*command, "--no-demo"],
                cwd=PROJECT,
                env=inherited | self.settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._launcher)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop all of it; again is harmless."""
        launcher, self._launcher = self._launcher, None
        if launcher is None:
            return
        launcher.send_signal(signal.SIGTERM)
        try:
            launcher.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            launcher.kill()  # its children have asked to die with it
            launcher.wait()

    def _wait_until_ready(self, launcher: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        log = self.var / "launcher.log"
        while time.monotonic() < deadline:
            # The address is the launcher's last word, after the demo was made.
            if f"runs at {self.base_url}/" in log.read_text(errors="replace"):
                return
            if launcher.poll() is not None:
                break
            time.sleep(0.1)
        raise LauncherError(f"The instance did not start:\n{log.read_text(errors='replace')}")
