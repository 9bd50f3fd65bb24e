"""Rows: ranges played a second, sealed against plain by the same view and server; the memory of listeners."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from unittest import mock
from uuid import UUID

from accounts import tenancy
from accounts.actors import Actor
from compliance.recordings import access
from compliance.recordings.operations import links
from compliance.vault import blobs, store
from tests.bench import clocks, load, memory, people, recordings, web
from tests.bench.figures import Figure, at_most, ratio_at_least
from tests.bench.ground import Ground

RANGE = 64 * 1024
_THREADS = 4
_SEALED, _PLAIN = "compliance.config.wsgi:application", "tests.bench.apps.plain_wsgi:application"


def measure(ground: Ground) -> Iterator[Figure]:
    """One stored recording, two servers that differ in what lies under `store.open_range`."""
    path = recordings.write_long(ground.folder, ground.scale.recording_bytes)
    actor = people.officer()
    line = recordings.line(actor)
    with recordings.media_server(ground.folder) as url:
        artifact_id = recordings.announce(line, url, "call_1")
        recordings.fetch(line, "call_1")
    yield _gets(actor, artifact_id)
    tokens = [_token(actor, artifact_id) for _ in range(max(_THREADS, ground.scale.listeners))]
    with ExitStack() as stack:
        plain_bytes = {"BENCH_PLAIN_FILE": str(path)}
        sealed = stack.enter_context(web.serving(_SEALED, {}, ground.folder / "sealed.log"))
        plain = stack.enter_context(web.serving(_PLAIN, plain_bytes, ground.folder / "plain.log"))
        yield _ranges(ground, sealed, plain, tokens, path.stat().st_size)
        yield _listeners(sealed, tokens[: ground.scale.listeners], path.stat().st_size)


def _gets(actor: Actor, artifact_id: UUID) -> Figure:
    """Through the whole door of the vault: tombstone asked, keys unwrapped, one read."""
    with tenancy.scope(actor.organisation_id):
        sealed = access.artifact_of(actor.organisation_id, artifact_id).object
        assert sealed is not None
        middle = sealed.size // 2
        stop = min(sealed.size, middle + RANGE)
        read = partial(_drain, sealed, middle, stop)
        with mock.patch.object(blobs.FileBlobs, "open", autospec=True, side_effect=blobs.FileBlobs.open) as opened:
            read()
            gets = opened.call_count
        door = sorted(clocks.elapsed(read) for _ in range(200))[40]
    return Figure(
        what="GETs of the store for 64 KiB from the middle",
        measured=gets,
        unit="",
        target=at_most(1),
        note=f"through the vault's door, tombstones asked and keys unwrapped, {door * 1000:.2f} ms",
    )


def _drain(sealed: store.SealedObject, start: int, stop: int) -> None:
    if sum(map(len, store.open_range(sealed, start, stop))) != stop - start:
        raise AssertionError("the range is too short")


def _token(actor: Actor, artifact_id: UUID) -> str:
    return links.issue_playback_link(actor=actor, artifact_id=artifact_id, purpose="quality assurance").token


def _ranges(ground: Ground, sealed: web.Web, plain: web.Web, tokens: list[str], size: int) -> Figure:
    requests = {name: [_requests(token, size) for token in tokens[:_THREADS]] for name in ("sealed", "plain")}
    clients = {
        "sealed": load.Client(sealed.port, requests["sealed"], 206),
        "plain": load.Client(plain.port, requests["plain"], 206),
    }
    taken: dict[str, list[load.Taken]] = {name: [] for name in clients}

    def once(name: str) -> float:
        taken[name].append(clients[name].drive(ground.scale.slice_seconds))
        return 1 / taken[name][-1].rate

    rounds = clocks.take_turns({name: partial(once, name) for name in clients}, ground.scale.slices)
    slowest = clocks.percentile([latency for part in taken["sealed"] for latency in part.latencies], 0.99)
    return Figure(
        what="playback, ranges of 64 KiB",
        measured=1 / rounds.cost("sealed"),
        unit="/s",
        baseline=1 / rounds.cost("plain"),
        baseline_is="the same server and view over plain bytes",
        ratio=rounds.paired_speed("sealed", "plain"),
        target=ratio_at_least(0.85),
        note=f"each range with its log entry; {_THREADS} listeners, p99 {slowest * 1000:.0f} ms",
    )


def _requests(token: str, size: int) -> Iterator[bytes]:
    draw = random.Random(token)
    while True:
        start = draw.randrange(max(1, size - RANGE))
        asked = f"bytes={start}-{min(size, start + RANGE) - 1}"
        yield f"GET /play/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: {asked}\r\n\r\n".encode()


def _listeners(server: web.Web, tokens: list[str], size: int) -> Figure:
    watermark = memory.Watermark(server.worker_pid)
    load.in_threads([partial(_listen, server.port, token, size) for token in tokens])
    return Figure(
        what=f"server memory for {len(tokens)} listeners of {size / 1e6:.0f} MB at once",
        measured=watermark.growth(),
        unit="MiB",
        baseline=len(tokens) * size / memory.MIB,
        baseline_is="what they heard",
        target=at_most(80),
    )


def _listen(port: int, token: str, size: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(f"GET /play/{token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        if load.read_answer(connection, memoryview(bytearray(256 * 1024)), 200) != size:
            raise AssertionError("the recording is too short")
