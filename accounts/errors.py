"""Refusals: the one way in which an operation says no. Edges turn them into problem details (RFC 9457)."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import PurePath
from typing import ClassVar


class Refusal(Exception):
    """An expected no. `code` is stable and part of the API; the message is for people and names no personal data."""

    code: str = "refused"
    status: int = 409
    title: ClassVar[str] = "Refused"

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        status: int | None = None,
        errors: Mapping[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message or self.title)
        self.message = message or self.title
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.errors = dict(errors or {})


class NotAllowed(Refusal):
    """The actor is known, but this action is not theirs."""

    code = "not_allowed"
    status = 403
    title = "You may not do this"


class NotFound(Refusal):
    """Absent, or somebody else's: the two look the same from outside."""

    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(Refusal):
    """The thing is not in a state that allows this."""

    code = "conflict"
    status = 409
    title = "This is not possible now"


class Invalid(Refusal):
    """The input cannot be used; `errors` names the fields."""

    code = "invalid"
    status = 400
    title = "The input is not valid"


def places_of(error: BaseException) -> str:
    """Where an error came from, as files and lines only: the messages of databases and HTTP clients quote values."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)
