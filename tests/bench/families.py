"""The families of rows, each measured in a process of its own: crashes and settings stay in the family."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance.embedded.places import PROJECT
from tests.bench.figures import Figure
from tests.bench.ground import Ground
from tests.bench.scales import Scale

PATIENCE_SECONDS = 900
_MARK = "figure "
"""In front of a figure on the child's standard output; its other lines are passed on."""


@dataclass(frozen=True, slots=True)
class Family:
    """A module with `measure(ground)`, and what it needs before Django's settings are read."""

    name: str
    needs_database: bool = False
    settings: str = ""
    """Django's settings module; empty where the family knows no Django."""
    patience_seconds: int = PATIENCE_SECONDS
    needs_disk: bool = False
    """Whether its store is to lie on the project's disk: the servers' own folder is in memory."""


FAMILIES = (
    Family("sealing"),
    Family("verifying"),
    Family("disclosing"),
    Family("auditing", needs_database=True, settings="tests.bench.apps.settings"),
    Family("sequencing", needs_database=True, settings="compliance.config.settings"),
    Family("fetching", needs_database=True, settings="compliance.config.settings", needs_disk=True),
    Family("playing", needs_database=True, settings="compliance.config.settings"),
    Family("searching", needs_database=True, settings="compliance.config.settings", patience_seconds=3600),
    Family("retaining", needs_database=True, settings="compliance.config.settings", patience_seconds=3600),
    Family("yearlong", needs_database=True, settings="compliance.config.settings", patience_seconds=4 * 3600),
    Family("receiving", needs_database=True, settings="tests.bench.apps.settings"),
)


class FamilyFailed(Exception):
    """The measuring process broke; what it said is the message."""


def run(family: Family, environment: Mapping[str, str]) -> list[Figure]:
    """Measure a family in a child process. Raises FamilyFailed."""
    command = [sys.executable, "-m", "tests.bench.families", family.name]
    settings = {"DJANGO_SETTINGS_MODULE": family.settings} if family.settings else {}
    with _disk(family) as store:
        child = subprocess.run(
            command,
            cwd=PROJECT,
            env=os.environ | environment | settings | store,
            capture_output=True,
            text=True,
            timeout=family.patience_seconds,
            check=False,
        )
    if child.returncode:
        raise FamilyFailed(f"{child.stdout[-2000:]}\n{child.stderr[-4000:]}".strip())
    return list(_read(child.stdout))


@contextmanager
def _disk(family: Family) -> Iterator[dict[str, str]]:
    if not family.needs_disk:
        yield {}
        return
    var = PROJECT / "var"
    var.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-store-", dir=var) as folder:
        yield {"STORAGE_URL": f"file://{folder}"}


def _read(output: str) -> Iterator[Figure]:
    for line in output.splitlines():
        if line.startswith(_MARK):
            fields: dict[str, Any] = json.loads(line.removeprefix(_MARK))
            yield Figure.from_json(fields)


def measure(name: str, scale: Scale) -> Iterator[Figure]:
    """Measure a family in this process."""
    module = importlib.import_module(f"tests.bench.{name}")
    with tempfile.TemporaryDirectory(prefix="callwarden-bench-") as folder:
        yield from module.measure(Ground(scale, Path(folder)))


def _main(name: str) -> None:
    from tests.bench import scales

    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        import django

        django.setup()
    for figure in measure(name, scales.of_environment(os.environ)):
        print(_MARK + json.dumps(figure.to_json()), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1])
