"""No test reaches anything but this machine."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_LOCAL_NAMES = {"", "localhost", "localhost.localdomain", "ip6-localhost", socket.gethostname()}


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine. Not an OSError, so that no retry swallows it."""


def close() -> None:
    """Refuse connections and name look-ups beyond loopback in this process, for good."""
    if getattr(socket.socket.connect, "is_closed", False):
        return
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        _check_host(host)
        return getaddrinfo(host, *args, **options)

    guarded_connect.is_closed = True  # type: ignore[attr-defined]
    socket.socket.connect = guarded_connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign,assignment]
    socket.getaddrinfo = guarded_getaddrinfo


def _check(family: int, address: Any) -> None:
    if family in {socket.AF_INET, socket.AF_INET6}:
        _check_host(address[0])


def _check_host(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in _LOCAL_NAMES:
        return
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        raise NetworkRefused(f"a test looked up {name!r}") from None
    mapped = getattr(address, "ipv4_mapped", None) or address
    if not (mapped.is_loopback or mapped.is_unspecified):
        raise NetworkRefused(f"a test connected to {name}")
