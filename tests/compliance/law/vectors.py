"""The tables of `tests/vectors/law`: dates that courts' and regulators' rules give, not our code."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from compliance import law
from compliance.law import Event, EventKind

FOLDER = Path(__file__).parents[2] / "vectors" / "law"


@dataclass(frozen=True)
class Vector:
    why: str
    row: dict[str, Any]

    def deadlines(self) -> law.Deadlines:
        row = self.row
        events = [Event(EventKind(event["kind"]), date.fromisoformat(event["on"])) for event in row.get("events", [])]
        return law.deadlines(row["regime"], row["right"], date.fromisoformat(row["received"]), row["place"], events)


def load(name: str) -> list[Vector]:
    return [Vector(f"{row['regime']}: {row['why']}", row) for row in json.loads((FOLDER / f"{name}.json").read_text())]


def months() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FOLDER / "months.json").read_text())
    return table
