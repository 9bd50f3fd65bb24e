"""The words of the legal clocks: rights, events, the answer, and the one error."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class LawError(ValueError):
    """The question cannot be answered: unknown regime, right, place or date. The message says what was expected."""


class Right(StrEnum):
    """What a person can ask for; `appeal` is the appeal to the controller against its own decision."""

    ACCESS = "access"
    ERASURE = "erasure"
    RECTIFICATION = "rectification"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    OPT_OUT = "opt_out"
    LIMIT = "limit"
    APPEAL = "appeal"


class Matter(StrEnum):
    """What a controller may ask the person for while the clock runs."""

    IDENTITY = "identity"
    CLARIFICATION = "clarification"
    FEE = "fee"


class EventKind(StrEnum):
    """Something that happened after receipt and that some law lets count."""

    IDENTITY_REQUESTED = "identity_requested"
    IDENTITY_RECEIVED = "identity_received"
    CLARIFICATION_REQUESTED = "clarification_requested"
    CLARIFICATION_RECEIVED = "clarification_received"
    FEE_REQUESTED = "fee_requested"
    FEE_RECEIVED = "fee_received"

    @property
    def matter(self) -> Matter:
        return Matter(self.value.rpartition("_")[0])

    @property
    def is_answer(self) -> bool:
        return self.value.endswith("_received")


@dataclass(frozen=True)
class Event:
    """One event on one civil date at the place of the controller."""

    kind: EventKind
    on: date


@dataclass(frozen=True)
class Refused:
    """An event that moves no date, with the rule that says so."""

    kind: EventKind
    on: date
    rule: str

    @property
    def text(self) -> str:
        return f"{self.kind.value} {self.on}: {self.rule}"


@dataclass(frozen=True)
class Deadlines:
    """The civil dates (each the last day) of one right under one regime, and why.

    `acknowledge_by` is None where the law sets none, `extended_respond_by` and `extension_notice_by` where it knows
    no extension. `extended_respond_by` holds only if the notice with reasons went out by `extension_notice_by`.
    """

    acknowledge_by: date | None
    respond_by: date
    extended_respond_by: date | None
    extension_notice_by: date | None
    refused: tuple[Refused, ...]
    explanation: tuple[str, ...]


def as_right(value: Right | str) -> Right:
    """The right of that name. Raises LawError."""
    try:
        return Right(value)
    except ValueError:
        raise LawError(f"unknown right {value!r}; known are {', '.join(Right)}") from None
