"""The entries that a test's operations write. The service's role may insert into the log's inbox and not read it, so
they are noted on the way: each call goes through to the real log, which checks and writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from audit import log


@dataclass(frozen=True, slots=True)
class Noted:
    """One entry as it was handed to the log."""

    id: UUID
    event: str
    organisation_id: UUID
    fields: dict[str, Any]


class Entries(list[Noted]):
    """What was written since the fixture was set up, in order."""

    @property
    def events(self) -> list[str]:
        return [entry.event for entry in self]

    def of(self, event: str) -> list[Noted]:
        return [entry for entry in self if entry.event == event]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    """Every entry from here on."""
    noted = Entries()
    write = log.append

    def append(**fields: Any) -> UUID:
        entry_id = write(**fields)
        noted.append(Noted(entry_id, fields["event"], fields["organisation_id"], fields))
        return entry_id

    monkeypatch.setattr(log, "append", append)
    return noted
