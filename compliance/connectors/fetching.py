"""Fetches a recording from an address that a stranger may have chosen.

What can go wrong: the address leads into our own network, to a page in place of audio, to a file without end, to a
server that never finishes; or half a file is taken for a whole one.
Promise: nothing is connected to that is not on the connection's list and public by number; nothing is given out before
the first bytes are audio and agree with the header; every end that is not the whole file raises; and no clear byte
touches the disk, since the caller seals the chunks as they come.
"""

import hashlib
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import structlog

from compliance.connectors import addresses, destinations, sniffing
from compliance.connectors.destinations import AllowedHost, Destination
from compliance.connectors.refusals import FetchError, FetchFailed, FetchRefused
from compliance.connectors.sniffing import Container
from compliance.connectors.transport import Deadline, PinnedTransport, Resolver, system_resolver, trusted_authorities

_log = structlog.get_logger(__name__)

Decode = Callable[[Iterable[bytes]], Iterator[bytes]]
"""Received chunks → clear ones. It may raise what it likes, also after the last chunk."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"User-Agent": "callwarden", "Accept": "audio/*, */*;q=0.1", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long and how much. The whole fetch may take `base_seconds` plus the announced size at the minimum rate,
    and never more than `max_seconds`; where no size is announced, `max_seconds`.
    """

    connect_seconds: float = 5
    read_seconds: float = 15
    base_seconds: float = 120
    max_seconds: float = 1_800
    max_bytes: int = 500_000_000
    min_bytes_per_second: int = 16_384
    grace_seconds: float = 15  # before the rate is looked at


@dataclass(frozen=True, slots=True)
class FetchReceipt:
    """What was fetched, once all of it was. `digest` is hex, of the received bytes; "" where none was asked for."""

    bytes_total: int
    digest: str
    container: Container
    host: str
    seconds: float

    @property
    def media_type(self) -> str:
        """The media type by the bytes, not by the header."""
        return self.container.media_type


class FetchedAudio:
    """The audio on its way: iterate once, hand the chunks to the vault, then read `receipt`.

    Iterating raises FetchError where the fetch ends early, and what decoding raises; what was given out until then must
    be thrown away.
    """

    def __init__(self, response: httpx.Response, destination: Destination, order: "_Order") -> None:
        limits, deadline = order.limits, order.deadline
        self._limits = limits
        self._deadline = deadline
        self._host = destination.host
        self._bytes_total = 0
        self._hash = hashlib.new(order.digest) if order.digest else None
        self._receipt: FetchReceipt | None = None
        self.announced_bytes = _announced_bytes(response, limits)
        self._move_deadline()
        received = self._received(response)
        self._body = order.decode(received) if order.decode else received
        self._body_begun = deadline.elapsed
        self._head = self._read_head()
        self.container = sniffing.sniff(self._head, response.headers.get("Content-Type"))

    @property
    def media_type(self) -> str:
        """The media type by the bytes, not by the header."""
        return self.container.media_type

    @property
    def receipt(self) -> FetchReceipt:
        """Size and hash. Raises FetchFailed("truncated") until everything was read."""
        if self._receipt is None:
            raise FetchFailed("truncated")
        return self._receipt

    def received(self) -> tuple[int, str]:
        """Bytes that came, and their hash where one was asked for. Raises as `receipt`."""
        return self.receipt.bytes_total, self.receipt.digest

    def __iter__(self) -> Iterator[bytes]:
        head, self._head = self._head, b""
        if head:
            yield head
        yield from self._body
        self._receipt = FetchReceipt(
            bytes_total=self._bytes_total,
            digest=self._hash.hexdigest() if self._hash else "",
            container=self.container,
            host=self._host,
            seconds=self._deadline.elapsed,
        )

    def _read_head(self) -> bytes:
        head = b""
        for chunk in self._body:
            head += chunk
            if len(head) >= sniffing.HEAD_BYTES:
                break
        return head

    def _received(self, response: httpx.Response) -> Iterator[bytes]:
        for chunk in response.iter_raw():
            self._take(chunk)
            yield chunk

    def _take(self, chunk: bytes) -> None:
        self._bytes_total += len(chunk)
        if self._bytes_total > self._limits.max_bytes:
            raise FetchRefused("too_large")
        self._deadline.clip(None)
        spent = self._deadline.elapsed - self._body_begun
        if spent > self._limits.grace_seconds and self._bytes_total < spent * self._limits.min_bytes_per_second:
            raise FetchFailed("too_slow")
        if self._hash:
            self._hash.update(chunk)

    def _move_deadline(self) -> None:
        limits, size = self._limits, self.announced_bytes
        seconds = limits.max_seconds if size is None else limits.base_seconds + size / limits.min_bytes_per_second
        self._deadline.move(min(seconds, limits.max_seconds))


@dataclass(frozen=True, slots=True)
class _Order:
    """One fetch as it was asked for."""

    allowed: Sequence[AllowedHost]
    max_redirects: int
    credentials: Mapping[str, str]
    limits: FetchLimits
    deadline: Deadline
    decode: Decode | None
    digest: str


class SafeFetcher:
    """The one way by which the program opens an address that came from outside.

    `test_hosts` (by `destinations.parse_test_hosts`) are this machine's own `host:port` from which audio may be taken
    by plain http; it is empty in production.
    """

    def __init__(
        self,
        *,
        test_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._test_hosts = test_hosts
        self._resolver = resolver
        self._ssl_context = ssl_context or trusted_authorities()

    @contextmanager
    def open(
        self,
        url: str,
        *,
        allowed_hosts: Sequence[str],
        max_redirects: int = 0,
        credentials: Mapping[str, str] | None = None,
        limits: FetchLimits | None = None,
        decode: Decode | None = None,
        digest: str = "",
    ) -> Iterator[FetchedAudio]:
        """Yields the audio at `url` after its first bytes were found to be audio. Raises FetchError.

        `allowed_hosts` are lines as `AllowedHost.parse` reads them; one that it does not read allows nothing.
        `credentials` are request headers for the first origin only; a redirect to another one goes without them.
        `decode` makes sound of what is received, before it is looked at; `digest` names the hash to be taken of what is
        received (a name of `hashlib`).
        """
        limits = limits or FetchLimits()
        deadline = Deadline(limits.base_seconds)
        where = destinations.without_secrets(url)
        try:
            with ExitStack() as stack:
                allowed = destinations.usable_lines(allowed_hosts)
                order = _Order(allowed, max_redirects, credentials or {}, limits, deadline, decode, digest)
                response, destination = self._follow(url, order, stack)
                yield FetchedAudio(response, destination, order)
        except FetchError as error:
            error.where = error.where or where
            _log.warning("recording not fetched", code=error.code, url=error.where, status=error.status)
            raise

    def _follow(self, url: str, order: _Order, stack: ExitStack) -> tuple[httpx.Response, Destination]:
        """The answer that is no redirect. Every hop is checked like the first one."""
        first = destination = destinations.check(url, order.allowed, self._test_hosts)
        hops_left, has_left_origin = order.max_redirects, False
        while True:
            # Once another origin was visited, coming back brings no credentials either: that origin chose the address.
            has_left_origin = has_left_origin or destination.origin != first.origin
            headers = {} if has_left_origin else order.credentials
            response = stack.enter_context(self._exchange(destination, headers, order))
            if response.status_code not in _REDIRECTS:
                _check_status(response)
                return response, destination
            if not hops_left:
                raise FetchRefused("redirect_refused", status=response.status_code)
            hops_left -= 1
            destination = destinations.check(_target(response, destination), order.allowed, self._test_hosts)

    @contextmanager
    def _exchange(
        self, destination: Destination, headers: Mapping[str, str], order: _Order
    ) -> Iterator[httpx.Response]:
        # The transport is used without httpx.Client on purpose: the client logs full URLs, keeps cookies, follows.
        transport = PinnedTransport(
            resolver=self._resolver,
            check=lambda answers: addresses.usable(answers, loopback_only=destination.is_test_host),
            ssl_context=self._ssl_context,
            deadline=order.deadline,
        )
        limits = order.limits
        timeouts = {"connect": limits.connect_seconds, "read": limits.read_seconds, "write": limits.read_seconds}
        request = httpx.Request(
            "GET", destination.url, headers={**_HEADERS, **headers}, extensions={"timeout": timeouts}
        )
        with transport:
            response = transport.handle_request(request)
            try:
                yield response
            finally:
                response.close()


def _target(response: httpx.Response, destination: Destination) -> str:
    try:
        return str(destination.url.join(response.headers.get("Location", "")))
    except (httpx.InvalidURL, ValueError):
        raise FetchRefused("redirect_refused", status=response.status_code) from None


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status != 200:
        codes = {401: "denied", 403: "denied", 404: "not_found", 410: "gone"}
        raise FetchFailed(codes.get(status, "bad_status"), status=status)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise FetchRefused("encoded")


def _announced_bytes(response: httpx.Response, limits: FetchLimits) -> int | None:
    text = response.headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > 18 or int(text) > limits.max_bytes:
        raise FetchRefused("too_large")
    return int(text)
