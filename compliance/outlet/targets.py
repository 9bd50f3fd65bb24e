"""Where a webhook may be sent at all, decided from its address before any name is looked up. Pure.

The owner of an organisation names the address, so its own host is the list of allowed hosts; what a name leads to is
checked again at each try, by number (`connectors.addresses`).
"""

from typing import Final

import httpx

from compliance.connectors import destinations
from compliance.connectors.destinations import AllowedHost, Destination

MOST_CHARACTERS: Final = 2_000


def check(url: str, test_hosts: frozenset[str] = frozenset()) -> Destination:
    """The destination of an endpoint's address: https at a full host name, or one of this machine's test hosts.

    Raises FetchRefused: `bad_url`, or `blocked_host` for bare names and numbers.
    """
    return destinations.check(url, _own_host(url), test_hosts)


def _own_host(url: str) -> list[AllowedHost]:
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii").lower()
        line = AllowedHost.parse(f"{host}:{parsed.port or 443}")
    except (httpx.InvalidURL, ValueError):
        return []
    return [line] if "." in host and not line.is_wildcard else []
