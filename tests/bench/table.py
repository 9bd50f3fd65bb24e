"""The figures for people (a table on the terminal) and for programs (var/bench.json)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figures import Figure, Measure, Target, Verdict

_COLOURS = {Verdict.MET: "green", Verdict.SHORT: "red", Verdict.INFORMATION: "dim"}


def show(figures: Mapping[str, Sequence[Figure]], console: Console) -> None:
    """One section a family."""
    table = Table(title="Figures: ratios within one run; absolute values depend on the machine", show_lines=False)
    table.add_column("what", overflow="fold", ratio=4)
    for heading in ("measured", "baseline", "ratio", "target"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("")
    table.add_column("beside, and how", overflow="fold", ratio=4)
    for family in figures.values():
        for figure in family:
            table.add_row(*row_of(figure))
        table.add_section()
    console.print(table)


def row_of(figure: Figure) -> tuple[str, ...]:
    """A figure's cells."""
    verdict = figure.verdict
    return (
        figure.what,
        f"{number(figure.measured)} {figure.unit}",
        "" if figure.baseline is None else f"{number(figure.baseline)} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        "" if figure.target is None else _words(figure.target, figure.unit),
        f"[{_COLOURS[verdict]}]{verdict.value}[/]",
        "; ".join(part for part in (figure.baseline_is, figure.note) if part),
    )


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _words(target: Target, unit: str) -> str:
    bound = f"{target.bound:g}" if target.of is Measure.RATIO else f"{number(target.bound)} {unit}"
    return f"{target.sense.value} {bound}"


def write_json(figures: Mapping[str, Sequence[Figure]], failures: Mapping[str, str], path: Path) -> None:
    """Everything that the table says, and on what kind of machine."""
    document: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "figures": {name: [figure.to_json() for figure in family] for name, family in figures.items()},
        "failures": dict(failures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
