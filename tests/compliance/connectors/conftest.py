"""Servers on this machine that misbehave on purpose, and audio to serve."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Gets the connection and the request's head as text; whatever it leaves open is closed for it.
Handler = Callable[[socket.socket, str], None]


class MediaServer:
    """Answers each connection with one handler, in threads, until it is closed. Keeps the heads of all requests."""

    def __init__(self, handler: Handler, ssl_context: ssl.SSLContext | None) -> None:
        self.requests: list[str] = []
        self._handler = handler
        self._ssl_context = ssl_context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            if self._ssl_context is not None:
                connection = self._ssl_context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(65_536)):
                head += piece
            self.requests.append(head.decode("latin-1"))
            self._handler(connection, self.requests[-1])

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., MediaServer]]:
    """`serve(handler, ssl_context=None)` starts a server for the length of the test."""
    with contextlib.ExitStack() as stack:

        def start(handler: Handler, ssl_context: ssl.SSLContext | None = None) -> MediaServer:
            server = MediaServer(handler, ssl_context)
            stack.callback(server.close)
            return server

        yield start


def answer(body: bytes, status: str = "200 OK", **headers: str) -> Handler:
    """A handler that sends one whole answer; `headers` with underscores, Content-Length added unless given or ""."""
    fields = {"Content-Type": "audio/mpeg", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)

    def handle(connection: socket.socket, request: str) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)

    return handle


@pytest.fixture(scope="session")
def mp3() -> bytes:
    """A sample call of 32 seconds."""
    return (Path(__file__).parents[3] / "samples" / "02_no_disclosure.mp3").read_bytes()
