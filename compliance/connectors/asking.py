"""Asks a platform's API: one question, one answer. Pure of any framework.

What can go wrong: a connection names a host that is none of the platform's and gets its credentials; a name leads
inside our network; an answer never ends, or is a redirect to somebody else; a path with a call's id, or a key, ends up
in a log.
Promise: a question goes to a host that the platform's own file lists, at a public address, and nowhere else; it follows
nothing, keeps no cookie and uses no proxy; the whole exchange ends within a minute; and what is raised or logged holds
neither path nor query nor header.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
import structlog

from compliance.connectors import addresses, destinations
from compliance.connectors.destinations import Destination
from compliance.connectors.providers.questions import Answer, AskFailed, Credentials, PlatformApi, Question
from compliance.connectors.refusals import FetchError
from compliance.connectors.transport import (
    Deadline,
    PinnedTransport,
    Resolver,
    system_resolver,
    told_wait,
    trusted_authorities,
)

_log = structlog.get_logger(__name__)

_HEADERS: Final = {"User-Agent": "callwarden", "Accept": "application/json", "Accept-Encoding": "identity"}
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
# Our own rules against the address; the rest of the transport's codes may be over in a minute.
_FINAL: Final = frozenset({"bad_url", "blocked_host", "blocked_address"})


@dataclass(frozen=True, slots=True)
class AskLimits:
    """How long and how much."""

    connect_seconds: float = 5
    read_seconds: float = 15
    whole_seconds: float = 60
    max_bytes: int = 20_000_000


class Asker:
    """The one way by which the program asks a platform's API.

    `test_hosts` (by `destinations.parse_test_hosts`) are this machine's own `host:port`, asked by plain http; empty in
    production.
    """

    def __init__(
        self,
        *,
        test_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = system_resolver,
        ssl_context: ssl.SSLContext | None = None,
        limits: AskLimits | None = None,
    ) -> None:
        self._test_hosts = test_hosts
        self._resolver = resolver
        self._ssl_context = ssl_context or trusted_authorities()
        self._limits = limits or AskLimits()

    def ask(self, api: PlatformApi, credentials: Credentials, question: Question, *, host: str = "") -> Answer:
        """The platform's answer, whatever its status says about the thing that was asked for.

        `host` is another host of the platform's list, or a test host. Raises AskFailed where there is no answer to
        read: `denied`, `rate_limited`, `platform_unavailable`, `redirect_refused`, `too_large`, `encoded`,
        `bad_question`, or the way's own code (`blocked_host`, `dns_failed`, `deadline`, …).
        """
        try:
            destination = self._destination(api, question, host)
            answer = self._exchange(destination, question, {**_HEADERS, **api.authorise(credentials)})
        except FetchError as error:
            failed = AskFailed(error.code, is_retryable=error.code not in _FINAL)
        except AskFailed as error:
            failed = error
        else:
            return answer
        _log.warning("platform did not answer", code=failed.code, status=failed.status, method=question.method)
        # Not `from`: the transport's own error tells the address, in which ids stand.
        raise failed from None

    def _destination(self, api: PlatformApi, question: Question, host: str) -> Destination:
        segments = question.path.split("/")
        if question.method not in _METHODS or not question.path.startswith("/") or "//" in question.path:
            raise AskFailed("bad_question")
        if any(mark in question.path.lower() for mark in ("?", "#", "\\", "%2e")) or {".", ".."} & set(segments):
            raise AskFailed("bad_question")
        base = httpx.URL(api.base_url)
        own = host.strip().lower()
        authority = own if own in self._test_hosts else question.host or own or base.netloc.decode("ascii")
        scheme = "http" if authority in self._test_hosts else "https"
        query = f"?{urlencode(question.query)}" if question.query else ""
        url = f"{scheme}://{authority}{base.path.rstrip('/')}{question.path}{query}"
        lines = [*api.hosts, base.netloc.decode("ascii")]
        return destinations.check(url, destinations.usable_lines(lines), self._test_hosts)

    def _exchange(self, destination: Destination, question: Question, headers: Mapping[str, str]) -> Answer:
        limits, deadline = self._limits, Deadline(self._limits.whole_seconds)
        transport = PinnedTransport(
            resolver=self._resolver,
            check=lambda answers: addresses.usable(answers, loopback_only=destination.is_test_host),
            ssl_context=self._ssl_context,
            deadline=deadline,
        )
        timeouts = {"connect": limits.connect_seconds, "read": limits.read_seconds, "write": limits.read_seconds}
        media_type = {"Content-Type": question.media_type} if question.body is not None else {}
        request = httpx.Request(
            question.method,
            destination.url,
            headers={**headers, **media_type},
            content=question.body,
            extensions={"timeout": timeouts},
        )
        # The transport without httpx.Client on purpose: the client logs full URLs, keeps cookies, follows.
        with transport:
            response = transport.handle_request(request)
            try:
                _check(response)
                return Answer(response.status_code, self._body(response, deadline), _lower(response.headers))
            finally:
                response.close()

    def _body(self, response: httpx.Response, deadline: Deadline) -> bytes:
        body = bytearray()
        for chunk in response.iter_raw():
            deadline.clip(None)
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise AskFailed("too_large", status=response.status_code)
        return bytes(body)


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _check(response: httpx.Response) -> None:
    """What no reader should see: a closed door, a full one, a broken one, a way elsewhere."""
    status = response.status_code
    if status in (401, 403):
        raise AskFailed("denied", status=status)
    if status == 429:
        wait = told_wait(response.headers)
        raise AskFailed("rate_limited", status=status, is_retryable=True, retry_after=wait)
    if status >= 500 or status == 408:
        wait = told_wait(response.headers)
        raise AskFailed("platform_unavailable", status=status, is_retryable=True, retry_after=wait)
    if 300 <= status < 400:
        raise AskFailed("redirect_refused", status=status)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise AskFailed("encoded", status=status)
