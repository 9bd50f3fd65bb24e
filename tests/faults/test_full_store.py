"""A store that takes no more: a full disk at any point of the write, an answer of 503, a file that is too short.

The recording is not lost, nothing of the try stays, and with room again it is stored once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import DueWork
from compliance.errors import Unavailable
from compliance.vault import blobs
from tests.compliance.calls import MP3, Entries, Line, Media, entries, line, media, work

__all__ = ["entries", "line", "media"]

FETCH = "recordings.fetch_recording"
SOUND = MP3.read_bytes()
Fault = Callable[[pytest.MonkeyPatch], None]


def full(*_: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_after(pieces: int) -> Fault:
    """The disk takes so many pieces of a file."""

    def break_it(patch: pytest.MonkeyPatch) -> None:
        write, written = blobs._write_all, 0

        def limited(descriptor: int, piece: memoryview) -> None:
            nonlocal written
            written += 1
            if written > pieces:
                write(descriptor, piece[: len(piece) // 2])
                full()
            write(descriptor, piece)

        patch.setattr(blobs, "_write_all", limited)

    return break_it


def without(owner: Any, name: str, answer: Callable[..., Any]) -> Fault:
    def break_it(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(owner, name, answer)

    return break_it


def unavailable(*_: object) -> Any:
    raise Unavailable("503", code="store_unavailable")


FAULTS: dict[str, Fault] = {
    "full at the header": full_after(0),
    "full at the first piece": full_after(1),
    "full when it is flushed": without(os, "fsync", full),
    "full when it gets its name": without(os, "replace", full),
    "503 to the write": without(blobs.FileBlobs, "write", unavailable),
    "503 when it is asked for": without(blobs.FileBlobs, "length", unavailable),
    "shorter than written": without(blobs.FileBlobs, "length", lambda *_: 100),
    "not there after the write": without(blobs.FileBlobs, "length", lambda *_: None),
}


def files(settings: Any) -> set[Path]:
    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"])
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost_and_nothing_stays(
    line: Line, media: Media, entries: Entries, settings: Any, fault: str
) -> None:
    line.deliver(recordingUrl=media.url)
    before = files(settings)
    with pytest.MonkeyPatch.context() as patch:
        FAULTS[fault](patch)
        work(FETCH)
    strays = files(settings) - before
    # Where the store cannot even be asked, what was written stays, unreadable and known to no row: reconciliation's.
    assert len(strays) == (1 if fault == "503 when it is asked for" else 0)
    assert all(SOUND[5_000:5_064] not in path.read_bytes() for path in strays)
    found = line.artifacts()["recording"]
    assert (found.state, found.object) == ("fetching", None)
    row = DueWork.objects.get(job=FETCH, object_id=found.id)
    assert row.last_code == "store_unavailable"
    DueWork.objects.filter(id=row.id).update(due_at=row.due_at.replace(year=2020))
    work(FETCH)
    assert line.artifacts()["recording"].state == "stored"
    stored = [entry for entry in entries.of("recordings.artifact.stored") if entry.what["kind"] == "recording"]
    assert len(stored) == 1
    assert len(files(settings) - before - strays) == 1
