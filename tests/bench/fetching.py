"""Row: a recording fetched, sealed, hashed, measured, registered, against copying its bytes on the same disk."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench import clocks, memory, people, recordings
from tests.bench.figures import Figure, at_most, ratio_at_least
from tests.bench.ground import Ground
from tests.compliance.calls import Line

_TRIES = 4
_FLAT_MIB = 16


def measure(ground: Ground) -> Iterator[Figure]:
    """From the first byte to the committed row; the copy ends with an fsync, as the store's write does."""
    path = recordings.write_long(ground.folder, ground.scale.recording_bytes)
    megabytes = path.stat().st_size / 1e6
    line = recordings.line(people.officer())
    with recordings.media_server(ground.folder) as url:
        names = [f"call_{number}" for number in range(_TRIES + 2)]
        growth = memory.peak_growth(partial(_fetch, line, url, names.pop()))
        start = time.thread_time()
        sides: dict[str, clocks.Cost] = {
            "fetch": lambda: _fetch(line, url, names.pop()),
            "copy": lambda: clocks.elapsed(partial(_copy, path)),
        }
        rounds = clocks.take_turns(sides, _TRIES)
        spent = (time.thread_time() - start) / (_TRIES + 1)
    yield Figure(
        what=f"a recording of {megabytes:.0f} MB fetched, sealed, hashed, measured, registered",
        measured=megabytes / rounds.cost("fetch"),
        unit="MB/s",
        baseline=megabytes / rounds.cost("copy"),
        baseline_is="copying the file into the store's disk, with fsync",
        ratio=rounds.paired_speed("fetch", "copy"),
        target=ratio_at_least(0.5),
        note=f"by the clock; {spent:.2f} s of processor time of ours, the copy's included",
    )
    yield Figure(
        what="extra memory while it is fetched",
        measured=growth,
        unit="MiB",
        baseline=path.stat().st_size / memory.MIB,
        baseline_is="the recording",
        target=at_most(_FLAT_MIB),
        note="first fetch of the process, libraries included",
    )


def _fetch(line: Line, url: str, name: str) -> float:
    """Seconds of the fetch alone; announcing the call is another row."""
    recordings.announce(line, url, name)
    return clocks.elapsed(partial(recordings.fetch, line, name))


def _copy(path: Path) -> None:
    target = Path(urlsplit(os.environ["STORAGE_URL"]).path) / "copy"
    with path.open("rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 256 * 1024)
        copy.flush()
        os.fsync(copy.fileno())
    target.unlink()
