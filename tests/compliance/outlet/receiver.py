"""An integrator's receiver on this machine: keeps what comes, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the receiver says; status 0 drops the connection."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Received:
    """One POST as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, and the answers to the next requests; 204 once they are used up."""

    host: str = ""
    got: list[Received] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)

    @property
    def url(self) -> str:
        return f"http://{self.host}/hooks?tenant=7"

    def fail(self, *statuses: int, **headers: str) -> None:
        """Answer the next requests so."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [Answer(status, told) for status in statuses]

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            answer = found.answers.popleft() if found.answers else Answer()
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", "4")
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(b"well")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.host = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
