"""Lanes: every writer numbers what it commits, so that a committed entry which vanishes before it is sequenced leaves
a hole.

A writer is one database connection of one process, for one organisation: only it hands out the numbers, so no lock is
needed. A number is spent when its transaction commits. What is rolled back, wholly or to a savepoint, gives its
numbers back. A connection that broke while committing may have committed or not; it is never used again, so its lane
just ends.
"""

import secrets
import weakref
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

from audit.clear import Lane


class _Writer:
    """One lane: its name, and the last number that is known to be committed."""

    __slots__ = ("committed", "name")

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self.committed = 0


class _Step:
    """A number that is spent when Django runs it after the commit."""

    __slots__ = ("number", "writer")

    def __init__(self, writer: _Writer, number: int) -> None:
        self.writer = writer
        self.number = number

    def __call__(self) -> None:
        self.writer.committed = max(self.writer.committed, self.number)


_writers: weakref.WeakKeyDictionary[Any, dict[UUID, _Writer]] = weakref.WeakKeyDictionary()


def take(connection: BaseDatabaseWrapper, organisation_id: UUID) -> Lane:
    """The next number of this connection's lane for an organisation, inside an open transaction."""
    writers = _writers.setdefault(connection.connection, {})
    writer = writers.get(organisation_id)
    if writer is None:
        writer = writers[organisation_id] = _Writer()
    step = _Step(writer, _last_pending(connection, writer) + 1)
    # In front of every other callback: those may open a transaction of their own, and must find this number spent.
    callbacks: list[Any] = connection.run_on_commit
    callbacks.insert(0, (set(connection.savepoint_ids), step, False))
    return Lane(writer.name, step.number)


def _last_pending(connection: BaseDatabaseWrapper, writer: _Writer) -> int:
    # Django drops the callbacks of a rolled-back savepoint from this list, and with them the numbers taken there.
    callbacks: list[Any] = connection.run_on_commit
    for _, waiting, _ in callbacks:
        if type(waiting) is not _Step:
            break
        if waiting.writer is writer:
            return waiting.number
    return writer.committed
