"""The seven made-up sample calls, as DialGen would send them. Used by the demo organisation, `make demo` and the
benchmarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z", re.ASCII)
FOLDER = Path(__file__).resolve().parents[2] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample call: the platform's body (recording address included) and the audio behind it."""

    name: str
    call_id: str
    body: dict[str, Any]
    audio: Path
    sha256: str
    labels: dict[str, Any]


def moved(value: Any, days: int) -> Any:
    """The same body so many days later: every time in it, at any depth. What people say of days stays as it is."""
    if isinstance(value, dict):
        return {name: moved(inner, days) for name, inner in value.items()}
    if isinstance(value, list):
        return [moved(inner, days) for inner in value]
    if isinstance(value, str) and _TIME.fullmatch(value):
        later = datetime.fromisoformat(value) + timedelta(days=days)
        return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


def samples(media_url: str) -> Iterator[Sample]:
    """Every sample, with its recording at `media_url`."""
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    for entry in manifest["samples"]:
        audio = FOLDER / entry["audio"]["file"]
        transcript = json.loads((FOLDER / entry["transcript"]["file"]).read_text())
        call = {**entry["callData"], **transcript, "recordingUrl": f"{media_url}/{audio.name}"}
        yield Sample(
            name=audio.stem,
            call_id=call["id"],
            body={"success": True, "callData": call, "metricSchema": {}},
            audio=audio,
            sha256=entry["audio"]["sha256"],
            labels=entry["labels"],
        )
