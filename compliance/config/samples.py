"""The seven made-up sample calls, as DialGen would send them. Used by the demo organisation, `make demo` and the
benchmarks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
