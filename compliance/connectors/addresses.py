"""To which network addresses the fetcher may connect. Pure: it looks at addresses, never at the network.

What can go wrong: whoever posts a webhook chooses an address that we open from inside our own network. Python's
`is_global` is true for 6to4, NAT64 and site-local forms that carry private addresses, so the list here is our own,
and `is_global` is asked besides. Sources: IANA special-purpose registries (RFC 6890 and updates).
"""

import ipaddress
from collections.abc import Sequence
from typing import Final

from compliance.connectors.refusals import FetchRefused

_IPv4 = ipaddress.IPv4Network
_IPv6 = ipaddress.IPv6Network

_REFUSED_4: Final = (
    (_IPv4("0.0.0.0/8"), "this_network"),
    (_IPv4("10.0.0.0/8"), "private"),
    (_IPv4("100.64.0.0/10"), "carrier_nat"),
    (_IPv4("127.0.0.0/8"), "loopback"),
    (_IPv4("168.63.129.16/32"), "metadata"),  # Azure's host agent, public by number only
    (_IPv4("169.254.0.0/16"), "link_local"),  # cloud metadata lives here
    (_IPv4("172.16.0.0/12"), "private"),
    (_IPv4("192.0.0.0/24"), "protocol"),
    (_IPv4("192.0.2.0/24"), "documentation"),
    (_IPv4("192.31.196.0/24"), "protocol"),
    (_IPv4("192.52.193.0/24"), "protocol"),
    (_IPv4("192.88.99.0/24"), "6to4"),
    (_IPv4("192.168.0.0/16"), "private"),
    (_IPv4("192.175.48.0/24"), "protocol"),
    (_IPv4("198.18.0.0/15"), "benchmark"),
    (_IPv4("198.51.100.0/24"), "documentation"),
    (_IPv4("203.0.113.0/24"), "documentation"),
    (_IPv4("224.0.0.0/4"), "multicast"),
    (_IPv4("240.0.0.0/4"), "reserved"),
)
# Of version 6 only 2000::/3 is given out for the public internet; everything else is refused without being listed.
_GIVEN_OUT_6: Final = _IPv6("2000::/3")
_REFUSED_6: Final = (
    (_IPv6("2001::/23"), "protocol"),  # Teredo, ORCHID, benchmarking
    (_IPv6("2001:db8::/32"), "documentation"),
    (_IPv6("2002::/16"), "6to4"),
    (_IPv6("2620:4f:8000::/48"), "protocol"),
    (_IPv6("3fff::/20"), "documentation"),
)


def reason_against(address: str) -> str | None:
    """Why `address` (one answer of a resolver) is not to be connected to; None when it is public."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "not_an_address"
    if isinstance(parsed, ipaddress.IPv4Address):
        listed = next((reason for network, reason in _REFUSED_4 if parsed in network), None)
    elif parsed.scope_id is not None:
        listed = "scoped"
    elif parsed not in _GIVEN_OUT_6:
        listed = "loopback" if parsed.is_loopback else "not_given_out"
    else:
        listed = next((reason for network, reason in _REFUSED_6 if parsed in network), None)
    return listed or (None if parsed.is_global else "not_global")


def is_loopback(address: str) -> bool:
    """Whether `address` is this machine, in the plain forms only (no mapped or scoped ones)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_loopback and getattr(parsed, "ipv4_mapped", None) is None and "%" not in address


def usable(answers: Sequence[str], *, loopback_only: bool) -> tuple[str, ...]:
    """The resolver's answers in canonical form and order, or FetchRefused if even one of them is not acceptable.

    One bad answer among good ones is how a name is made to lead inside, so nothing of it is used.
    `loopback_only` is for the named test hosts: they may be this machine and nothing else.
    """
    for answer in answers:
        acceptable = is_loopback(answer) if loopback_only else reason_against(answer) is None
        if not acceptable:
            raise FetchRefused("blocked_address")
    return tuple(dict.fromkeys(str(ipaddress.ip_address(answer)) for answer in answers))
