"""Which URLs may be fetched at all, decided before any name is looked up. Pure.

The connection's list of hosts is the main wall: everything that is not on it is refused without a question to DNS.
"""

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from compliance.connectors.refusals import FetchRefused

_MAX_URL_LENGTH = 4_096
_HTTPS_PORT = 443
_PORTS = {"https": _HTTPS_PORT, "http": 80}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_NUMBER_LABEL = re.compile(r"(?:\d+|0x[0-9a-f]*)", re.ASCII)
_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One line of a connection's list: a host, or `*.` and a host for exactly one label more; port 443 unless given."""

    host: str
    port: int = _HTTPS_PORT
    is_wildcard: bool = False

    @classmethod
    def parse(cls, text: str) -> "AllowedHost":
        """Reads `host`, `host:port`, `*.host`, `*.host:port`. Raises ValueError, also for `*.com`."""
        name, colon, port = text.strip().lower().partition(":")
        is_wildcard = name.startswith("*.")
        host = name.removeprefix("*.")
        if not _HOST.fullmatch(host) or len(host) > 253 or _is_numeric(host):
            raise ValueError("not a host name")
        if is_wildcard and "." not in host:
            raise ValueError("a star needs at least two labels after it")
        if colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise ValueError("not a port")
        return cls(host, int(port) if colon else _HTTPS_PORT, is_wildcard)

    def covers(self, host: str, port: int) -> bool:
        """Whether `host` (lower case) at `port` is meant by this line."""
        if port != self.port:
            return False
        if not self.is_wildcard:
            return host == self.host
        label, _, rest = host.partition(".")
        return bool(label) and rest == self.host

    def __str__(self) -> str:
        port = "" if self.port == _HTTPS_PORT else f":{self.port}"
        return f"{'*.' if self.is_wildcard else ''}{self.host}{port}"


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that passed. `is_test_host` means: plain http is fine, and it must lead to this machine."""

    url: httpx.URL = field(repr=False)
    host: str
    port: int
    is_test_host: bool

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials go no further."""
        return self.url.scheme, self.host, self.port


def check(url: str, allowed: Iterable[AllowedHost], test_hosts: frozenset[str] = frozenset()) -> Destination:
    """The destination of `url`, or FetchRefused (`bad_url`, `blocked_host`). `test_hosts` as by `parse_test_hosts`."""
    where = without_secrets(url)
    parsed = _parse(url, where)
    host = parsed.raw_host.decode("ascii").lower()
    port = _PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if _authority(host, port) in test_hosts:
        return Destination(parsed, host, port, is_test_host=True)
    if parsed.scheme != "https":
        raise FetchRefused("bad_url", where)
    # A host whose last label is a number is an IPv4 address in one of its many spellings (WHATWG URL Standard).
    is_name = bool(_HOST.fullmatch(host)) and not _is_numeric(host)
    if not is_name or not any(line.covers(host, port) for line in allowed):
        raise FetchRefused("blocked_host", where)
    return Destination(parsed, host, port, is_test_host=False)


def usable_lines(lines: Iterable[str]) -> tuple[AllowedHost, ...]:
    """The lines of a connection's list that can be read; one that cannot allows nothing."""
    usable = []
    for line in lines:
        with contextlib.suppress(ValueError):
            usable.append(AllowedHost.parse(line))
    return tuple(usable)


def parse_test_hosts(text: str) -> frozenset[str]:
    """Reads FETCH_TEST_HOSTS, `host:port` separated by commas, a version 6 address in brackets. Raises ValueError."""
    hosts = set()
    for item in filter(None, (part.strip().lower() for part in text.split(","))):
        host, _, port = item.rpartition(":")
        if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise ValueError("a test host needs a host and a port")
        hosts.add(_authority(host.strip("[]"), int(port)))
    return frozenset(hosts)


def without_secrets(url: str) -> str:
    """The URL as it may be logged: scheme, host, port and path; no user, query or fragment; never raises."""
    try:
        parsed = httpx.URL(url)
        bare = parsed.copy_with(username=None, password=None, query=None, fragment=None)
        return str(bare)[:300] if parsed.scheme in _PORTS else "(not http)"
    except (httpx.InvalidURL, ValueError):
        return "(unreadable)"


def _parse(url: str, where: str) -> httpx.URL:
    authority = url.partition("://")[2].partition("/")[0]
    if len(url) > _MAX_URL_LENGTH or _ODD.search(url) or "#" in url or not authority.isascii():
        raise FetchRefused("bad_url", where)
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        raise FetchRefused("bad_url", where) from None
    if parsed.scheme not in _PORTS or not host or parsed.userinfo or "@" in parsed.netloc.decode("ascii"):
        raise FetchRefused("bad_url", where)
    return parsed


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_NUMBER_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]))
    return True
