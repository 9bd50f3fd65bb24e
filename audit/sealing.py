"""How the log seals what identifies. The log lies below the vault, so it knows only this protocol; the vault
registers itself.

Two kinds of sealed bytes: the inbox blob (days, under a key of the deployment that is destroyed once its day is
sequenced) and the disclosures (years, under the organisation's key or a data subject's, destroyed with it). Without a
sealer nothing can be logged, and what cannot be logged does not happen.
"""

from datetime import date
from typing import NamedTuple, Protocol
from uuid import UUID


class Destroyed(Exception):
    """The key is gone for good; so is what it sealed."""


class Unreadable(Exception):
    """The bytes do not authenticate: they were never sealed like this, or were changed."""


class SealerUnavailable(Exception):
    """The key store cannot answer now. Worth asking again."""


class NoSealer(Exception):
    """Nobody registered a sealer, so the log refuses to write."""


class Sealed(NamedTuple):
    """Ciphertext, and the id of the key that opens it."""

    key_id: UUID
    data: bytes


class Sealer(Protocol):
    """What the vault offers. Every call may raise `SealerUnavailable`; all but `seal_inbox` may raise `Destroyed`,
    and what opens may raise `Unreadable`.

    `name` is the part of the entry, "who" or "details". Implementations bind all arguments as associated data. The
    sequencer makes tens of thousands of calls a second, so none but the first for a key may cost a query.
    """

    def seal_inbox(self, *, entry_id: UUID, plaintext: bytes) -> Sealed:
        """Under today's inbox key, which must outlive the caller's transaction even where that is rolled back."""
        ...

    def open_inbox(self, *, key_id: UUID, entry_id: UUID, data: bytes) -> bytes: ...

    def seal_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, entry_id: UUID, name: str, plaintext: bytes
    ) -> Sealed:
        """Under the subject's key, or the organisation's where there is no subject."""
        ...

    def open_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, key_id: UUID, entry_id: UUID, name: str, data: bytes
    ) -> bytes: ...

    def destroy_inbox_keys(self, *, before: date) -> int:
        """Destroys the inbox keys of all UTC days before this one; how many. Idempotent."""
        ...


_registered: list[Sealer] = []


def register(sealer: Sealer) -> None:
    """Make this the process's sealer, in place of any other."""
    _registered[:] = [sealer]


def current() -> Sealer:
    """The registered sealer; `NoSealer` where there is none."""
    if not _registered:
        raise NoSealer("no sealer is registered: the audit log cannot be written")
    return _registered[0]
