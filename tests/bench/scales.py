"""How much is measured: the sizes of a usual run, of `SCALE=1M`, and the tiny ones that test the machinery itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and lengths of one run. Bytes, counts, seconds."""

    recording_bytes: int = 60_000_000
    rounds: int = 9
    writes_a_round: int = 25
    write_rounds: int = 60
    inbox_entries: int = 20_000
    steady_seconds: float = 10.0
    steady_rate: int = 1_000
    log_entries: int = 100_000
    prompts: int = 120
    slice_seconds: float = 1.2
    slices: int = 6
    listeners: int = 4
    due_artifacts: int = 100_000
    year_calls: int = 20_000
    searched_calls: int = 20_000


USUAL = Scale()
TINY = Scale(
    recording_bytes=100_000,
    rounds=2,
    log_entries=600,
    prompts=3,
    due_artifacts=600,
    year_calls=730,
    searched_calls=1_000,
)


def of_environment(environment: Mapping[str, str]) -> Scale:
    """The scale that `SCALE` asks for. ValueError for a word that means none."""
    asked = environment.get("SCALE", "").strip()
    full = replace(USUAL, log_entries=1_000_000, year_calls=1_000_000, searched_calls=100_000)
    known = {"": USUAL, "1M": full, "tiny": TINY}
    if asked not in known:
        raise ValueError(f"SCALE is 1M, tiny or nothing, not {asked!r}")
    return known[asked]
