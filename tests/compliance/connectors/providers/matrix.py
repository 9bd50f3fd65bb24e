"""What every signature has to withstand, for the platforms that sign."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from compliance.connectors.providers.base import BadSignature, Incoming, Provider, Secret

PAYLOADS = Path(__file__).parents[1] / "payloads"
NOW = datetime(2026, 3, 2, 17, 6, 40, tzinfo=UTC)
"""The second at which the samples were signed."""


def refusal_of(
    provider: Provider,
    incoming: Incoming,
    *values: str,
    now: datetime = NOW,
    until: datetime | None = None,
    since: datetime | None = None,
) -> str | None:
    """Why the delivery is refused; None where it is accepted. `until` and `since` bound the first secret."""
    secrets = [Secret(value.encode()) for value in values]
    if until is not None or since is not None:
        secrets[0] = Secret(values[0].encode(), valid_from=since, valid_until=until)
    try:
        provider.verify_signature(incoming, secrets, now)
    except BadSignature as refusal:
        return refusal.code
    return None


def moved(body: bytes) -> list[bytes]:
    """The body with one bit, one byte or one blank more, less or elsewhere."""
    middle = len(body) // 2
    return [
        body + b" ",
        b" " + body,
        body[:-1],
        body[1:],
        body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :],
        b"",
    ]


def common_refusals(provider: Provider, incoming: Incoming, secret: str) -> dict[str, str | None]:
    """Name of a case → the code. The first four are the ones that must be accepted."""
    other = "another-secret-of-the-same-kind"
    header = {name: value for name, value in incoming.headers.items() if "signature" in name.lower()}
    (name,) = [name for name in header if not name.lower().endswith("settings")]
    again = Incoming({**incoming.headers, name.upper(): header[name]}, incoming.raw_body, url=incoming.url)
    without = Incoming(
        {key: value for key, value in incoming.headers.items() if key != name}, incoming.raw_body, url=incoming.url
    )
    return {
        "right": refusal_of(provider, incoming, secret),
        "right_first": refusal_of(provider, incoming, secret, other),
        "right_second": refusal_of(provider, incoming, other, secret),
        "ends_later": refusal_of(provider, incoming, secret, until=NOW + timedelta(seconds=1)),
        "wrong": refusal_of(provider, incoming, other),
        "none": refusal_of(provider, incoming),
        "empty": refusal_of(provider, incoming, ""),
        "ended": refusal_of(provider, incoming, secret, until=NOW),
        "ended_beside_another": refusal_of(provider, incoming, secret, other, until=NOW),
        "not_yet": refusal_of(provider, incoming, secret, since=NOW + timedelta(seconds=1)),
        "doubled_header": refusal_of(provider, again, secret),
        "no_header": refusal_of(provider, without, secret),
    }


EXPECTED: Mapping[str, str | None] = {
    "right": None,
    "right_first": None,
    "right_second": None,
    "ends_later": None,
    "wrong": "bad_signature",
    "none": "bad_signature",
    "empty": "bad_signature",
    "ended": "bad_signature",
    "ended_beside_another": "bad_signature",
    "not_yet": "bad_signature",
    "doubled_header": "two_signatures",
    "no_header": "no_signature",
}


def read(platform: str, name: str) -> bytes:
    """One payload."""
    return (PAYLOADS / platform / name).read_bytes()


def read_json(platform: str, name: str) -> Any:
    """The same, parsed."""
    return json.loads(read(platform, name))
