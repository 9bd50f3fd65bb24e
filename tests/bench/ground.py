"""What a family measures on: the sizes, and a folder of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.bench.scales import Scale


@dataclass(frozen=True, slots=True)
class Ground:
    """Handed to each family, in a process of the family's own. The folder is empty and goes away afterwards."""

    scale: Scale
    folder: Path
