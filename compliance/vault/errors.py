"""The ways in which the vault refuses."""

from __future__ import annotations

from compliance import errors


class KeyDestroyed(errors.Gone):
    """A key that is needed was destroyed, or is about to be: nothing under it can be read again."""

    title = "This was erased and cannot be read again"


class KmsUnavailable(errors.Unavailable):
    """The service or file that guards the organisation keys does not answer. Nothing is lost; try again."""

    title = "The key service does not answer"


class RestoredDatabase(errors.Unavailable):
    """A database is older than the last destruction: it may hold keys, or words, of people who were erased.

    Nothing is sealed or opened until `manage.py replay_tombstones` has run.
    """

    code = "restored_database"
    title = "A database was restored; what was erased since its backup must be erased again first"


class Unreadable(errors.Unreadable):
    """Sealed bytes that are not what was sealed: altered, cut, or moved from another place.

    The message is always the same. What was found wrong is a note (PEP 678), for the vault's own log line.
    """

    title = "This cannot be read"

    @classmethod
    def because(cls, finding: str) -> Unreadable:
        """The refusal, with what was found wrong as its note."""
        refusal = cls()
        refusal.add_note(finding)
        return refusal
