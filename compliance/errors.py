"""What the rooms refuse with. Each code is part of the API."""

from __future__ import annotations

from accounts.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal

__all__ = [
    "Conflict",
    "Gone",
    "Held",
    "Invalid",
    "NotAllowed",
    "NotFound",
    "OwnProposal",
    "Refusal",
    "Unavailable",
    "Unreadable",
]


class Gone(Refusal):
    """It existed, and was erased or disposed of."""

    code = "gone"
    status = 410
    title = "This no longer exists"


class Held(Refusal):
    """A legal hold forbids it."""

    code = "held"
    status = 409
    title = "A legal hold covers this"


class OwnProposal(NotAllowed):
    """Two people decide: nobody approves what they proposed."""

    code = "own_proposal"
    title = "Somebody else must approve what you proposed"


class Unreadable(Refusal):
    """The stored bytes do not authenticate. One public answer for every cause."""

    code = "unreadable"
    status = 500
    title = "The stored object cannot be read"


class Unavailable(Refusal):
    """A part that is needed does not answer now (key service, store)."""

    code = "unavailable"
    status = 503
    title = "Not available now"
