"""Who keeps personal data, so that nothing is forgotten when a person asks.

Each room that keeps some registers one holding. Access and erasure ask every holding, and act on what they name:
artifacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID


class PersonalDataHolding(Protocol):
    """One room's answer to "what do you keep of these people?"."""

    @property
    def name(self) -> str:
        """The room, as plans and certificates name it."""

    def locate(self, organisation_id: UUID, subject_ids: Sequence[UUID]) -> Sequence[UUID]:
        """The artifacts that hold data of these people, in a stable order. Called inside the organisation's scope."""


_REGISTRY: dict[str, PersonalDataHolding] = {}


def register(holding: PersonalDataHolding) -> None:
    """Make a holding known; called once at start-up by its room. Another one of the same name is a bug."""
    known = _REGISTRY.setdefault(holding.name, holding)
    if type(known) is not type(holding):
        raise ValueError(f"two holdings are called {holding.name}")


def holdings() -> tuple[PersonalDataHolding, ...]:
    """Every holding, by name."""
    return tuple(_REGISTRY[name] for name in sorted(_REGISTRY))


def locate_everywhere(organisation_id: UUID, subject_ids: Sequence[UUID]) -> Mapping[str, list[UUID]]:
    """What every holding keeps of these people: artifact ids under the holding's name, an empty list where it keeps
    nothing.
    """
    return {holding.name: list(holding.locate(organisation_id, subject_ids)) for holding in holdings()}
