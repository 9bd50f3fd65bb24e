"""Which platforms exist. Pure."""

from typing import Final

from compliance.connectors.providers.base import Provider, UnknownPlatform
from compliance.connectors.providers.dialgen import DialGen
from compliance.connectors.providers.elevenlabs import ElevenLabs
from compliance.connectors.providers.retell import Retell
from compliance.connectors.providers.standard import Standard
from compliance.connectors.providers.twilio import Twilio
from compliance.connectors.providers.vapi import Vapi
from compliance.connectors.providers.vcon import VCon

_PROVIDERS: Final[dict[str, Provider]] = {
    provider.name: provider
    for provider in (
        DialGen(),
        ElevenLabs(),
        Retell(),
        Standard(),
        Twilio(),
        VCon(),
        Vapi(),
    )
}


def provider_for(name: str) -> Provider:
    """The platform of this name. Raises UnknownPlatform."""
    provider = _PROVIDERS.get(name)
    if provider is None:
        raise UnknownPlatform("unknown_platform")
    return provider


def names() -> tuple[str, ...]:
    """The names of all platforms, in alphabetical order."""
    return tuple(sorted(_PROVIDERS))
