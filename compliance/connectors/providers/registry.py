"""Which platforms exist. Pure."""

from typing import Final

from compliance.connectors.providers.base import Provider, UnknownPlatform
from compliance.connectors.providers.dialgen import DialGen

_PROVIDERS: Final[dict[str, Provider]] = {provider.name: provider for provider in (DialGen(),)}


def provider_for(name: str) -> Provider:
    """The platform of this name. Raises UnknownPlatform."""
    provider = _PROVIDERS.get(name)
    if provider is None:
        raise UnknownPlatform("unknown_platform")
    return provider


def names() -> tuple[str, ...]:
    """The names of all platforms, in alphabetical order."""
    return tuple(sorted(_PROVIDERS))
