"""Row: webhooks verified, sealed, logged and queued a second, against a bare insert by Django REST framework."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

from compliance.embedded import binaries
from compliance.embedded.valkey import EmbeddedValkey
from tests.bench import clocks, load, people, recordings, tables, web
from tests.bench.figures import Figure, at_most, ratio_at_least
from tests.bench.ground import Ground
from tests.compliance import calls

_APPLICATION = "compliance.config.wsgi:application"
_THREADS = 4
_MESSAGES = 20
_MARK = "call_00000000"


def measure(ground: Ground) -> Iterator[Figure]:
    """The same call data to both; one server, one database, one set of middleware."""
    tables.make()
    line = recordings.line(people.officer())
    with _broker(ground) as broker:
        with web.serving(_APPLICATION, {"BROKER_URL": broker}, ground.folder / "web.log") as server:
            clients = {
                "ours": load.Client(server.port, _streams(line.path, _delivery(), f"Bearer {line.token}"), 202),
                "bare": load.Client(server.port, _streams("/bench/received", _bare(), ""), 201),
            }
            taken: dict[str, list[load.Taken]] = {name: [] for name in clients}

            def once(name: str) -> float:
                taken[name].append(clients[name].drive(ground.scale.slice_seconds))
                return 1 / taken[name][-1].rate

            rounds = clocks.take_turns({name: partial(once, name) for name in clients}, ground.scale.slices)
    yield from _figures(rounds, taken)


def _figures(rounds: clocks.Rounds, taken: dict[str, list[load.Taken]]) -> Iterator[Figure]:
    p99 = {name: _slowest(parts) * 1000 for name, parts in taken.items()}
    yield Figure(
        what="webhooks accepted: verified, sealed, logged, queued",
        measured=1 / rounds.cost("ours"),
        unit="/s",
        baseline=1 / rounds.cost("bare"),
        baseline_is="bare insert by Django REST framework, same server",
        ratio=rounds.paired_speed("ours", "bare"),
        target=ratio_at_least(0.5),
        note=f"{len(_delivery())} bytes each, {_THREADS} senders",
    )
    yield Figure(
        what="webhook answered, 99th percentile",
        measured=p99["ours"],
        unit="ms",
        baseline=p99["bare"],
        baseline_is="bare insert",
        ratio=p99["bare"] / p99["ours"],
        target=at_most(250),
        note="at the rate above",
    )


def _slowest(parts: list[load.Taken]) -> float:
    return clocks.percentile([latency for part in parts for latency in part.latencies], 0.99)


@contextmanager
def _broker(ground: Ground) -> Iterator[str]:
    """The bell of production: rung over a socket after each commit."""
    folder = ground.folder / "valkey"
    broker = EmbeddedValkey(
        folder, binaries.valkey_program(), os.urandom(16).hex(), folder / "log", folder / "pid", durable=False
    )
    broker.start()
    try:
        yield broker.url
    finally:
        broker.stop()


def _delivery() -> bytes:
    words = [dict(calls.WORDS[number % len(calls.WORDS)]) for number in range(_MESSAGES)]
    return calls.body_of(id=_MARK, transcription=words, recordingUrl=None)


def _bare() -> bytes:
    return json.dumps({"external_id": _MARK, "body": json.loads(_delivery())}).encode()


def _streams(path: str, body: bytes, authorization: str) -> list[Iterator[bytes]]:
    """Each request about another call."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines.append(f"Content-Length: {len(body)}")
    if authorization:
        lines.append(f"Authorization: {authorization}")
    head = "\r\n".join([*lines, "", ""]).encode()
    numbers = count(1)
    return [_requests(head, body, lambda: next(numbers)) for _ in range(_THREADS)]


def _requests(head: bytes, body: bytes, number: Callable[[], int]) -> Iterator[bytes]:
    while True:
        yield head + body.replace(_MARK.encode(), b"call_%08d" % number())
