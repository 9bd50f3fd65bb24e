"""From facts to a PDF for people, set by Typst in a child process.

In a child because Typst keeps threads of its own: a worker that forked after setting one page would wait for them for
ever. The child also takes its 80 MB of fonts with it when it ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

_CHILD = Path(__file__).with_name("typesetting_child.py")
_SECONDS = 60


class TypesettingFailed(Exception):
    """The template and the facts do not fit; says nothing of the facts."""


def to_pdf(template: str, facts: Mapping[str, Any], *, issued_at: datetime) -> bytes:
    """PDF/A-3b of one of our templates; the same bytes for the same facts and time. Raises TypesettingFailed."""
    source = resources.files("compliance.dsr").joinpath(f"templates/dsr/{template}.typ").read_text()
    job = {"source": source, "facts": json.dumps(facts), "timestamp": int(issued_at.timestamp())}
    done = subprocess.run(
        [sys.executable, "-I", "-B", str(_CHILD)],
        input=json.dumps(job).encode(),
        capture_output=True,
        env={},
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode or not done.stdout.startswith(b"%PDF-"):
        raise TypesettingFailed(f"{template} could not be set (exit {done.returncode})")
    return done.stdout
