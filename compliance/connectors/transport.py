"""One HTTP exchange over a connection that goes where it was checked to go and ends when it has to.

What can go wrong: a name that answers differently at the second look; one private answer among public ones; a server
that sends one byte at a time for ever, in the handshake, the headers or the body.
Principle: the name is resolved once, all answers are checked, the socket is opened to a checked number while SNI,
certificate check and Host keep the name; and every single read waits no longer than what is left of the whole time.
"""

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import httpcore
import httpx

from compliance.connectors.refusals import FetchError, FetchFailed

# Host and port → addresses, or OSError.
Resolver = Callable[[str, int], Sequence[str]]
# The addresses of a resolver → those to connect to, or FetchRefused.
AddressCheck = Callable[[Sequence[str]], Sequence[str]]

_MAX_TRIED_ADDRESSES = 3
_READ_BYTES = 256 * 1024


def system_resolver(host: str, port: int) -> tuple[str, ...]:
    """What the operating system answers, all of it. Raises OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(answer[4][0]) for answer in answers)


class Deadline:
    """The end of the whole exchange; it may be moved once the size is known."""

    def __init__(self, seconds: float) -> None:
        self._begun = time.monotonic()
        self._ends = self._begun + seconds

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def move(self, seconds: float) -> None:
        """Sets the end to `seconds` after the beginning."""
        self._ends = self._begun + seconds

    def clip(self, timeout: float | None) -> float:
        """`timeout`, or what is left if that is less. Raises FetchFailed("deadline") when nothing is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise FetchFailed("deadline")
        return left if timeout is None else min(timeout, left)


class PinnedTransport(httpx.BaseTransport):
    """A transport for one exchange. Raises FetchError only. No proxy, no environment, no second connection."""

    def __init__(
        self, *, resolver: Resolver, check: AddressCheck, ssl_context: ssl.SSLContext, deadline: Deadline
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=_PinnedBackend(resolver, check, deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request and returns once the headers are there; the body streams."""
        outgoing = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.read() or None,
            extensions=request.extensions,
        )
        try:
            answer = self._pool.handle_request(outgoing)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _as_fetch_error(error, "protocol_error") from error
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)

    def close(self) -> None:
        """Closes the connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _as_fetch_error(error, "truncated") from error

    def close(self) -> None:
        self._answer.close()


def _as_fetch_error(error: Exception, otherwise: str) -> FetchError:
    if isinstance(error, httpcore.ConnectTimeout | httpcore.ConnectError):
        return FetchFailed("connect_failed")
    return FetchFailed("too_slow" if isinstance(error, httpcore.TimeoutException) else otherwise)


class _PinnedBackend(httpcore.NetworkBackend):
    """Opens sockets to checked numbers only."""

    def __init__(self, resolver: Resolver, check: AddressCheck, deadline: Deadline) -> None:
        self._resolver = resolver
        self._check = check
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._check(self._resolve(host, port, self._deadline.clip(timeout)))
        for address in addresses[:_MAX_TRIED_ADDRESSES]:
            try:
                stream = self._sockets.connect_tcp(address, port, timeout=self._deadline.clip(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return _ClippedStream(stream, self._deadline)
        raise FetchFailed("connect_failed")

    def _resolve(self, host: str, port: int, timeout: float) -> Sequence[str]:
        """The resolver in a thread of its own, since the system's one takes no timeout."""
        answers: queue.Queue[Sequence[str]] = queue.Queue(1)

        def ask() -> None:
            try:
                answers.put(self._resolver(host, port))
            except (OSError, UnicodeError):
                answers.put(())

        threading.Thread(target=ask, daemon=True, name="resolve").start()
        try:
            found = answers.get(timeout=timeout)
        except queue.Empty:
            found = ()
        if not found:
            raise FetchFailed("dns_failed")
        return found


class _ClippedStream(httpcore.NetworkStream):
    """A socket whose every wait is clipped to what is left of the whole time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least what the protocol's reader asks for: its usual 64 KiB cost a turn of its machinery each."""
        try:
            return self._stream.read(max(max_bytes, _READ_BYTES), self._deadline.clip(timeout))
        except httpcore.ReadTimeout:
            self._deadline.clip(timeout)
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.clip(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.clip(timeout))
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            raise FetchFailed("tls_failed") from error
        return _ClippedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
