"""The demo's instance: thrown away afterwards, seeded with people, a connection and agents, but with no call yet."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.embedded.instance import Instance
from compliance.embedded.places import PROJECT, LauncherError


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays, and what its run.json says."""

    base_url: str
    var: Path
    facts: dict[str, Any]
    media_url: str
    media_folder: Path


@contextmanager
def throw_away_stage() -> Iterator[Stage]:
    """Start, seed, hand over, stop and remove. Raises LauncherError where it does not start."""
    with tempfile.TemporaryDirectory(prefix="callwarden-demo-") as folder:
        Path(folder).chmod(0o711)  # Postgres may run under another user
        with Instance(Path(folder) / "var") as instance:
            _seed(instance)
            yield Stage(
                base_url=instance.base_url,
                var=instance.var,
                facts=dict(instance.run_json),
                media_url=instance.media_url,
                media_folder=instance.media_folder,
            )


def _seed(instance: Instance) -> None:
    command = [sys.executable, "manage.py", "seed_demo", "--no-calls", "--run-json", str(instance.var / "run.json")]
    command += ["--base-url", instance.base_url, "--media-root-url", instance.media_url]
    done = subprocess.run(command, cwd=PROJECT, env=instance.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LauncherError(f"The demo organisation could not be made:\n{done.stderr[-3000:]}")
