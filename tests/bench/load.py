"""A small client on loopback: a few threads with one kept connection each, which ask again once answered."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

_PIECE = 256 * 1024


class WrongAnswer(Exception):
    """The server did not answer as it should; what it said is the message."""


@dataclass(slots=True)
class Taken:
    """What happened in a slice of time; latencies in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


@dataclass(frozen=True, slots=True)
class Client:
    """Sends what `requests` give, one iterator a thread, and wants this status."""

    port: int
    requests: list[Iterator[bytes]]
    status: int

    def drive(self, seconds: float) -> Taken:
        """As many requests as are answered in this time. Raises WrongAnswer."""
        ends, lock = time.perf_counter() + seconds, threading.Lock()
        latencies: list[float] = []
        errors: list[BaseException] = []

        def work(requests: Iterator[bytes]) -> None:
            try:
                mine = list(self._latencies(requests, ends))
            except (OSError, WrongAnswer) as error:
                errors.append(error)
                return
            with lock:
                latencies.extend(mine)

        start = time.perf_counter()
        in_threads([partial(work, requests) for requests in self.requests])
        if errors:
            raise errors[0]
        return Taken(time.perf_counter() - start, latencies)

    def _latencies(self, requests: Iterator[bytes], ends: float) -> Iterator[float]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            buffer = memoryview(bytearray(_PIECE))
            while (start := time.perf_counter()) < ends:
                connection.sendall(next(requests))
                read_answer(connection, buffer, self.status)
                yield time.perf_counter() - start


def in_threads(works: list[Callable[[], None]]) -> None:
    """All at once; returns when the last has ended."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def read_answer(connection: socket.socket, buffer: memoryview, status: int) -> int:
    """Read one answer whole; the length of its body. Raises WrongAnswer."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            raise WrongAnswer("the server closed the connection")
        head += piece
    head, _, rest = head.partition(b"\r\n\r\n")
    if int(head[9:12]) != status:
        raise WrongAnswer(head.decode("latin-1") + "\n" + rest[:500].decode("latin-1"))
    length = _length(head)
    left = length - len(rest)
    while left > 0:
        count = connection.recv_into(buffer[: min(left, len(buffer))])
        if not count:
            raise WrongAnswer("the answer is shorter than it says")
        left -= count
    return length


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise WrongAnswer("an answer without its length")
