"""Rows: a recording fetched, sealed, hashed, measured, registered, against copying its bytes on the same disk, and
against a plain program that fetches, seals and hashes them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import httpx
from cryptography.cobblestone import Cobblestone256Encryptor

from tests.bench import clocks, memory, people, recordings
from tests.bench.figures import Figure, at_most, ratio_at_least
from tests.bench.ground import Ground
from tests.compliance.calls import Line

_TRIES = 7
_FLAT_MIB = 16
_PIECE = 256 * 1024


def measure(ground: Ground) -> Iterator[Figure]:
    """From the first byte to the committed row; the copy ends with an fsync, as the store's write does."""
    path = recordings.write_long(ground.folder, ground.scale.recording_bytes)
    megabytes = path.stat().st_size / 1e6
    line = recordings.line(people.officer())
    spent: list[float] = []
    with recordings.media_server(ground.folder) as url:
        names = [f"call_{number}" for number in range(_TRIES + 2)]
        growth = memory.peak_growth(lambda: _fetch(line, url, names.pop(), spent))
        sides: dict[str, clocks.Cost] = {
            "fetch": lambda: _fetch(line, url, names.pop(), spent),
            "copy": lambda: clocks.elapsed(partial(_copy, path)),
            "plain program": lambda: clocks.elapsed(partial(_fetch_plainly, url)),
        }
        rounds = clocks.take_turns(sides, _TRIES)
    yield Figure(
        what=f"a recording of {megabytes:.0f} MB fetched, sealed, hashed, measured, registered",
        measured=megabytes / rounds.cost("fetch"),
        unit="MB/s",
        baseline=megabytes / rounds.cost("copy"),
        baseline_is="copying the file into the store's disk, with fsync",
        ratio=rounds.paired_speed("fetch", "copy"),
        target=ratio_at_least(0.5),
        note=f"by the clock; {median(spent):.2f} s of processor time, the child that measures not counted",
    )
    yield Figure(
        what="the same",
        measured=megabytes / rounds.cost("fetch"),
        unit="MB/s",
        baseline=megabytes / rounds.cost("plain program"),
        baseline_is="httpx, the recipe in cryptography, both SHA-256, write, fsync: neither measured nor registered",
        ratio=rounds.paired_speed("fetch", "plain program"),
        note="docs/design/09-fetch-speed.md",
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


def _fetch(line: Line, url: str, name: str, spent: list[float]) -> float:
    """Seconds of the fetch alone; announcing the call is another row. Adds its processor time, all threads'."""
    recordings.announce(line, url, name)
    start = time.process_time()
    seconds = clocks.elapsed(partial(recordings.fetch, line, name))
    spent.append(time.process_time() - start)
    return seconds


def _fetch_plainly(url: str) -> None:
    """What anybody would write for it with the usual libraries, in one thread."""
    recipe, clear, sealed = Cobblestone256Encryptor(bytes(32), b"bench"), sha256(), sha256()
    buffer, target = memoryview(bytearray(2 * _PIECE)), _beside_the_store("plain")
    with httpx.stream("GET", url, trust_env=False) as answer, target.open("wb", buffering=0) as file:
        for piece in answer.iter_raw(_PIECE):
            clear.update(piece)
            ciphertext = buffer[: recipe.update_into(piece, buffer)]
            sealed.update(ciphertext)
            file.write(ciphertext)
        rest = recipe.finalize()
        sealed.update(rest)
        file.write(rest)
        os.fsync(file.fileno())
    target.unlink()


def _beside_the_store(name: str) -> Path:
    return Path(urlsplit(os.environ["STORAGE_URL"]).path) / name


def _copy(path: Path) -> None:
    target = _beside_the_store("copy")
    with path.open("rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy, _PIECE)
        copy.flush()
        os.fsync(copy.fileno())
    target.unlink()
