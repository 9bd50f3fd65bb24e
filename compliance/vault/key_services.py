"""Which key services this installation has: the first guards new organisation keys, the others open what they wrapped.

`KMS_URL` is one address or several with commas: `local:` is the keyring file, `aws-kms://REGION/KEY` a key of AWS KMS
by id, ARN or alias (`aws-kms://eu-central-1/alias/callwarden`; `?endpoint=` for a private one). Calls are counted:
they follow organisations and processes, never objects.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from prometheus_client import Counter

from compliance.errors import Refusal
from compliance.vault.aws_kms import AwsKms
from compliance.vault.errors import KmsUnavailable
from compliance.vault.keyring import KeyProvider, LocalKeyring

CALLS = Counter("callwarden_kms_calls", "Calls to the key service", ["service", "operation", "outcome"])
_Answer = TypeVar("_Answer")


class Counted:
    """A key service whose calls are counted."""

    def __init__(self, service: KeyProvider) -> None:
        self._service = service
        self.name = service.name

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        """As `KeyProvider`."""
        return self._call("wrap", lambda: self._service.wrap(key, context))

    def unwrap(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """As `KeyProvider`."""
        return self._call("unwrap", lambda: self._service.unwrap(blob, context))

    def is_current(self, blob: bytes) -> bool:
        """As `KeyProvider`."""
        return self._call("describe", lambda: self._service.is_current(blob))

    def healthy(self) -> bool:
        """As `KeyProvider`."""
        return self._service.healthy()

    def _call(self, operation: str, call: Callable[[], _Answer]) -> _Answer:
        try:
            answer = call()
        except Refusal as refusal:
            CALLS.labels(self.name, operation, refusal.code).inc()
            raise
        CALLS.labels(self.name, operation, "ok").inc()
        return answer


def current() -> KeyProvider:
    """The service that guards what is new."""
    return _services()[0]


def named(name: str) -> KeyProvider:
    """The service that wrapped a key. Raises KmsUnavailable where this installation has none of that name."""
    for service in _services():
        if service.name == name:
            return service
    refusal = KmsUnavailable()
    refusal.add_note(f"no key service named {name} is configured (KMS_URL)")
    raise refusal


def names() -> list[str]:
    """The configured services, the one for new keys first. Raises ImproperlyConfigured."""
    return [service.name for service in _services()]


def _services() -> Sequence[KeyProvider]:
    return _configured(settings.KMS_URL, Path(settings.KEYRING_FILE))


@lru_cache(maxsize=4)
def _configured(addresses: str, keyring: Path) -> Sequence[KeyProvider]:
    services = [Counted(_service(address.strip(), keyring)) for address in addresses.split(",") if address.strip()]
    names = [service.name for service in services]
    if not services or len(set(names)) < len(names):
        raise ImproperlyConfigured("KMS_URL must name at least one key service, and each kind once")
    return services


os.register_at_fork(after_in_child=_configured.cache_clear)  # a client's connections are not a child's


def _service(address: str, keyring: Path) -> KeyProvider:
    parts = urlsplit(address)
    if parts.scheme == "local":
        return LocalKeyring(keyring)
    key = unquote(parts.path.removeprefix("/"))
    if parts.scheme == "aws-kms" and parts.hostname and key:
        endpoint = parse_qs(parts.query).get("endpoint", [""])[0]
        return AwsKms(key, region=parts.hostname, endpoint=endpoint)
    raise ImproperlyConfigured("KMS_URL must hold local: or aws-kms://REGION/KEY")
