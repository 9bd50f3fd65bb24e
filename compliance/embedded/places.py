"""Where things lie: the project, its environment, and the folder that holds everything an instance writes."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ENVIRONMENT = PROJECT / ".venv"


class LauncherError(Exception):
    """A start that cannot go on; the message tells the operator what to do."""


def environment_program(name: str) -> Path:
    """A program of the virtual environment."""
    return ENVIRONMENT / "bin" / name


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Places:
    """The folders of one instance. All of it is under `var`, which only its owner may enter."""

    var: Path

    @property
    def secrets(self) -> Path:
        """Generated passwords and keys, 0700."""
        return self.var / "secrets"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.var / "log"

    @property
    def pids(self) -> Path:
        """One file a running process."""
        return self.var / "pids"

    @property
    def media(self) -> Path:
        """The sample audio that the demo's platform serves."""
        return self.var / "media"

    @property
    def store(self) -> Path:
        """Sealed objects, where no S3 is configured."""
        return self.var / "store"

    @property
    def static(self) -> Path:
        """Collected static files; empty here, where they are found in their packages."""
        return self.var / "static"

    @property
    def run_json(self) -> Path:
        """Address and sign-in of the demo."""
        return self.var / "run.json"

    @property
    def environment_json(self) -> Path:
        """The environment of a running instance, so that `manage.py` can join it."""
        return self.secrets / "environment.json"

    @property
    def organisations(self) -> Path:
        """One line an organisation that was made here: `demo`, or what must not be cleaned away."""
        return self.var / "organisations"

    def make(self) -> None:
        """Create the folders; what exists keeps its rights except the secrets, which are closed again."""
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.logs, self.pids, self.media, self.store, self.static):
            folder.mkdir(parents=True, exist_ok=True)
        self.secrets.mkdir(mode=0o700, exist_ok=True)
        self.secrets.chmod(0o700)
