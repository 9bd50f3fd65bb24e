"""One HTTP exchange over a connection that goes where it was checked to go and ends when it has to.

What can go wrong: a name that answers differently at the second look; one private answer among public ones; a server
that sends one byte at a time for ever, in the handshake, the headers or the body.
Principle: the name is resolved once, all answers are checked, the socket is opened to a checked number while SNI,
certificate check and Host keep the name; and every single read waits no longer than what is left of the whole time.
"""

import datetime as dt
import email.utils
import functools
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import httpcore
import httpx

from compliance.connectors.refusals import FetchError, FetchFailed

# Host and port → addresses, or OSError.
Resolver = Callable[[str, int], Sequence[str]]
# The addresses of a resolver → those to connect to, or FetchRefused.
AddressCheck = Callable[[Sequence[str]], Sequence[str]]

_LONGEST_WAIT: Final = 24 * 3600.0
_MAX_TRIED_ADDRESSES = 3
_READ_BYTES = 256 * 1024
_GATHERED_BYTES = 128 * 1024
_GATHERING_SECONDS = 0.05
_HEAD_END = re.compile(rb"\n\r?\n")  # as h11 looks for it


def system_resolver(host: str, port: int) -> tuple[str, ...]:
    """What the operating system answers, all of it. Raises OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(answer[4][0]) for answer in answers)


@functools.cache
def trusted_authorities() -> ssl.SSLContext:
    """Read once a process: parsing the authorities' certificates costs more than a small exchange."""
    return httpx.create_ssl_context(trust_env=False)


def told_wait(headers: httpx.Headers) -> float | None:
    """Retry-After (RFC 9110, 10.2.3): seconds, or a date; None where it is neither. At most a day."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        return None
    left = (when - dt.datetime.now(dt.UTC)).total_seconds()
    return min(max(left, 0.0), _LONGEST_WAIT)


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
        wire = answer.extensions.get("network_stream")
        straight = None
        if isinstance(wire, _ClippedStream):
            length = _body_length(request, answer)
            wire.end_head()
            straight = None if length is None else wire.body(length, _read_timeout(request))
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, straight), request=request)

    def close(self) -> None:
        """Closes the connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """What comes behind the headers: straight from the wire where its length is known, else as h11 unpacks it."""

    def __init__(self, answer: httpcore.Response, straight: Iterator[bytes] | None) -> None:
        self._answer = answer
        self._straight = straight

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._straight or self._answer.iter_stream()
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _as_fetch_error(error, "truncated") from error

    def close(self) -> None:
        self._answer.close()


def _body_length(request: httpx.Request, answer: httpcore.Response) -> int | None:
    """Bytes of a body that is nothing but bytes; None where it is packed in any way, or ends with the connection.

    h11 has read the headers: of several lengths that agree it leaves one, and refuses others (RFC 9112, section 6.3).
    """
    fields = {name.lower(): value for name, value in answer.headers}
    length = fields.get(b"content-length", b"")
    is_plain = request.method == "GET" and answer.status == 200 and b"transfer-encoding" not in fields
    return int(length) if is_plain and length.isdigit() else None


def _read_timeout(request: httpx.Request) -> float | None:
    timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
    return timeouts.get("read")


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
    """A socket whose every wait is clipped to what is left of the whole time.

    The reader of heads is given a head and no byte more, so that the body can be had without it: its machinery costs
    more than sealing does.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._tail: bytes | None = b""  # the last given bytes of a head; None once the last head is over
        self._ahead = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """At least what the protocol's reader asks for: its usual 64 KiB cost a turn of its machinery each."""
        data, self._ahead = self._ahead or self._receive(max(max_bytes, _READ_BYTES), timeout), b""
        if self._tail is None:
            return data
        seen = self._tail + data
        found = _HEAD_END.search(seen)
        if found is None:
            self._tail = seen[-2:]
            return data
        cut = found.end() - len(self._tail)
        self._tail, self._ahead = b"", data[cut:]
        return data[:cut]

    def end_head(self) -> None:
        """No other head follows: from here on all is body."""
        self._tail = None

    def body(self, length: int, timeout: float | None) -> Iterator[bytes]:
        """The next `length` bytes, in large pieces. Raises FetchFailed("truncated") where fewer come."""
        while length:
            piece = self._piece(length, timeout)
            if not piece:
                raise FetchFailed("truncated")
            length -= len(piece)
            yield piece

    def _piece(self, most: int, timeout: float | None) -> bytes:
        """Of what is there already, or comes at once, something large: TLS gives 16 KiB at a time."""
        parts, size = [self._ahead[:most]] if self._ahead else [], min(len(self._ahead), most)
        self._ahead = b""
        ends = time.monotonic() + _GATHERING_SECONDS
        while size < min(most, _GATHERED_BYTES):
            part = self._receive(min(most - size, _READ_BYTES), timeout)
            parts.append(part)
            size += len(part)
            if not part or time.monotonic() > ends:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _receive(self, most: int, timeout: float | None) -> bytes:
        try:
            return self._stream.read(most, self._deadline.clip(timeout))
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
