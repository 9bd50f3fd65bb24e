"""One POST to an endpoint that somebody named. Pure of any framework.

What can go wrong: the address leads into our own network; a receiver answers one byte at a time; it sends us elsewhere;
its address, in which some put a key, ends up in a log.
Promise: nothing is connected to that is not public by number; nothing is followed; the whole exchange ends within 20
seconds (the specification asks for 15 to 30); the answer's body is not read; and every end is a short code.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from compliance.connectors import addresses
from compliance.connectors.destinations import Destination
from compliance.connectors.refusals import FetchError
from compliance.connectors.transport import (
    Deadline,
    PinnedTransport,
    Resolver,
    system_resolver,
    told_wait,
    trusted_authorities,
)
from compliance.outlet import targets

ACCEPTED: Final = "accepted"
GONE: Final = "gone"
_HEADERS: Final = {
    "User-Agent": "callwarden",
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}
_CODES: Final[Mapping[int, str]] = {
    410: GONE,
    429: "rate_limited",
    502: "overloaded",
    503: "overloaded",
    504: "overloaded",
}
_TIRED: Final = frozenset({"rate_limited", "overloaded", "connect_failed", "too_slow", "deadline", "dns_failed"})


@dataclass(frozen=True, slots=True)
class PostLimits:
    """How long."""

    connect_seconds: float = 5
    read_seconds: float = 15
    whole_seconds: float = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. `status` is None where no answer came; `told_wait` is the receiver's wish in seconds."""

    code: str
    duration_ms: int
    status: int | None = None
    told_wait: float | None = None

    @property
    def is_accepted(self) -> bool:
        """Any 2xx."""
        return self.code == ACCEPTED

    @property
    def is_gone(self) -> bool:
        """410: the receiver wants nothing any more."""
        return self.code == GONE

    @property
    def is_tired(self) -> bool:
        """Whether other messages should leave the receiver alone for a while."""
        return self.code in _TIRED


class Poster:
    """The one way by which the program sends a webhook.

    `test_hosts` (by `destinations.parse_test_hosts`) are this machine's own `host:port`, sent to by plain http; empty
    in production.
    """

    def __init__(
        self,
        *,
        test_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
        limits: PostLimits | None = None,
    ) -> None:
        self._test_hosts = test_hosts
        self._resolver = resolver
        self._ssl_context = ssl_context or trusted_authorities()
        self._limits = limits or PostLimits()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send it once. Raises nothing: every end is an outcome."""
        deadline = Deadline(self._limits.whole_seconds)
        status, wait = None, None
        try:
            status, wait = self._exchange(targets.check(url, self._test_hosts), headers, body, deadline)
            code = _code_of(status)
        except FetchError as error:
            code = error.code
        return Outcome(code, round(deadline.elapsed * 1000), status, wait)

    def _exchange(
        self, destination: Destination, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> tuple[int, float | None]:
        limits = self._limits
        transport = PinnedTransport(
            resolver=self._resolver,
            check=lambda answers: addresses.usable(answers, loopback_only=destination.is_test_host),
            ssl_context=self._ssl_context,
            deadline=deadline,
        )
        timeouts = {"connect": limits.connect_seconds, "read": limits.read_seconds, "write": limits.read_seconds}
        request = httpx.Request(
            "POST", destination.url, headers={**_HEADERS, **headers}, content=body, extensions={"timeout": timeouts}
        )
        # The transport without httpx.Client on purpose: the client logs full URLs, keeps cookies, follows.
        with transport:
            response = transport.handle_request(request)
            response.close()
            return response.status_code, told_wait(response.headers)


def _code_of(status: int) -> str:
    """A status in a word (the specification, "Delivery success and failure")."""
    if 200 <= status < 300:
        return ACCEPTED
    if 300 <= status < 400:
        return "redirected"
    return _CODES.get(status, "refused" if status < 500 else "failed")
