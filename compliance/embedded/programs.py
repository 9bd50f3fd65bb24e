"""The processes of an instance: how each is started and how it is asked to stop."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compliance.embedded.places import PROJECT, Places, environment_program
from compliance.embedded.processes import Program

_CELERY = (environment_program("celery"), "-A", "compliance.config.celery")


@dataclass(frozen=True)
class Programs:
    """Commands with the environment of one instance."""

    places: Places
    settings: Mapping[str, str]
    port: int
    web_workers: int

    @property
    def environment(self) -> dict[str, str]:
        """The launcher's own environment, ours over it."""
        inherited = {
            name: value for name, value in os.environ.items() if name not in {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
        }
        return inherited | dict(self.settings) | {"PYTHONUNBUFFERED": "1"}

    def environment_of_this_instance(self) -> dict[str, str]:
        """What another process needs to join it."""
        return dict(self.settings)

    def manage(self, *arguments: str | Path) -> list[str]:
        """A command of manage.py."""
        return [sys.executable, str(PROJECT / "manage.py"), *(str(argument) for argument in arguments)]

    def all(self, *, media_port: int) -> Iterator[Program]:
        """Every process but databases and broker."""
        yield self._program("web", *self._web())
        yield self._program("worker", *_CELERY, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle")
        schedule = self.places.var / "beat-schedule"
        yield self._program("beat", *_CELERY, "beat", "--schedule", schedule, "--pidfile", "")
        yield self._program("sequencer", *self.manage("run_sequencer"))
        yield self._program(
            "media", sys.executable, "-m", "compliance.embedded.media", self.places.media, str(media_port)
        )

    def _web(self) -> tuple[str | Path, ...]:
        return (
            environment_program("gunicorn"), "compliance.config.wsgi:application",
            "--bind", f"127.0.0.1:{self.port}",
            "--worker-class", "gthread", "--workers", str(self.web_workers), "--threads", "8",
            "--timeout", "60", "--graceful-timeout", "5", "--no-control-socket", "--preload",
        )  # fmt: skip

    def _program(self, name: str, *command: str | Path) -> Program:
        return Program(name=name, command=command, environment=self.environment, folder=PROJECT)
