"""Resident memory of a process, and how far it rose meanwhile."""

from __future__ import annotations

import gc
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path

MIB = 1024 * 1024
_HAS_WATERMARK = Path("/proc/self/clear_refs").exists()


class Watermark:
    """How high a process's resident memory rises from here on. Linux; elsewhere of this process only."""

    def __init__(self, pid: int | None = None) -> None:
        self._pid = os.getpid() if pid is None else pid
        self._start = self._reset()

    def growth(self) -> float:
        """MiB above the start."""
        return (self._read("VmHWM") - self._start) / MIB

    def _reset(self) -> int:
        if _HAS_WATERMARK:
            Path(f"/proc/{self._pid}/clear_refs").write_text("5")  # proc(5): the peak becomes the present value
            return self._read("VmRSS")
        return self._read("VmHWM")

    def _read(self, name: str) -> int:
        if _HAS_WATERMARK:
            status = Path(f"/proc/{self._pid}/status").read_text()
            found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
            return int(found[1]) * 1024 if found else 0
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_growth(work: Callable[[], object]) -> float:
    """MiB of resident memory that the work needed at its peak, above what was there before."""
    gc.collect()
    watermark = Watermark()
    work()
    return watermark.growth()
