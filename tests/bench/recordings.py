"""A long recording on its real way in: a connection, a webhook, a media server, the fetching job."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
from django.conf import settings

from accounts.actors import Actor
from compliance.embedded.places import PROJECT
from compliance.embedded.ports import free_port
from tests.compliance import calls

NAME = "long.mp3"
_START_SECONDS = 20


def write_long(folder: Path, size: int) -> Path:
    """A valid MP3 of about this many bytes: a sample over and over."""
    sample = calls.MP3.read_bytes()
    path = folder / NAME
    with path.open("wb") as file:
        for _ in range(max(1, round(size / len(sample)))):
            file.write(sample)
    return path


@contextmanager
def media_server(folder: Path) -> Iterator[str]:
    """The platform's media server in a process of its own, allowed to our fetcher; the recording's address."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "compliance.embedded.media", str(folder), str(port)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        settings.FETCH_TEST_HOSTS = [f"127.0.0.1:{port}"]
        yield f"http://127.0.0.1:{port}/{NAME}"
    finally:
        server.terminate()
        server.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.head(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the media server did not start")


def line(actor: Actor) -> calls.Line:
    """A DialGen connection."""
    return calls.connect(actor)


def announce(line: calls.Line, url: str, external_id: str) -> UUID:
    """A call whose recording waits at this address; the recording's artifact."""
    line.deliver(id=external_id, recordingUrl=url)
    artifact_id: UUID = line.artifacts(line.call(external_id))["recording"].id
    return artifact_id


def fetch(line: calls.Line, external_id: str) -> None:
    """Run the job that fetches what is announced. AssertionError where it is not stored then."""
    calls.work("recordings.fetch_recording")
    artifact = line.artifacts(line.call(external_id))["recording"]
    if artifact.state != "stored":
        raise AssertionError(f"the recording is {artifact.state}: {artifact.failure_code}")
