"""Opened keys, for a short while, in this process only.

A destroyed key may stay here until its time is over; that is why whoever opens something asks the tombstones first.
Keys lie in bytearrays that are overwritten when they leave. That is all that Python can promise: copies that a call
made are the allocator's.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.values import ValueKey

ROOT_SECONDS = 300.0
OTHER_SECONDS = 60.0
CAPACITY = 8192


@dataclass(frozen=True, repr=False)
class Material:
    """An opened key, what seals its scope's small values (where there are no principals), and the id of its row."""

    id: UUID
    key: bytes
    values: ValueKey

    def __repr__(self) -> str:
        return f"Material({self.id}, …)"


@dataclass(repr=False)
class _Entry:
    id: UUID
    key: bytearray
    values: ValueKey
    until: float


class KeyCache:
    """Least recently used keys leave first; each leaves when its lifetime is over. Safe between threads."""

    def __init__(self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: OrderedDict[tuple[UUID, KeyName], _Entry] = OrderedDict()
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()

    def get(self, organisation_id: UUID, name: KeyName) -> Material | None:
        """The key, if it is here and its time is not over."""
        at = (organisation_id, name)
        with self._lock:
            entry = self._entries.get(at)
            if entry is None:
                return None
            if entry.until <= self._clock():
                self._drop(at)
                return None
            self._entries.move_to_end(at)
            return Material(entry.id, bytes(entry.key), entry.values)

    def values(self, organisation_id: UUID, name: KeyName) -> tuple[UUID, ValueKey] | None:
        """The key's id and what seals its values: no lock and no copy, because the log asks for each of its entries."""
        entry = self._entries.get((organisation_id, name))
        return None if entry is None or entry.until <= self._clock() else (entry.id, entry.values)

    def put(self, organisation_id: UUID, name: KeyName, material: Material) -> None:
        """Keep a key for its kind's lifetime."""
        seconds = ROOT_SECONDS if name.kind is KeyKind.ROOT else OTHER_SECONDS
        at = (organisation_id, name)
        with self._lock:
            self._drop(at)
            until = self._clock() + seconds
            self._entries[at] = _Entry(material.id, bytearray(material.key), material.values, until)
            while len(self._entries) > self._capacity:
                self._drop(next(iter(self._entries)))

    def evict(self, organisation_id: UUID, name: KeyName) -> None:
        """Forget one key now."""
        with self._lock:
            self._drop((organisation_id, name))

    def clear(self) -> None:
        """Forget all keys now."""
        with self._lock:
            while self._entries:
                self._drop(next(iter(self._entries)))

    def start_again(self) -> None:
        """In a forked child: no keys, and a new lock; the old one may be held by a thread that was not copied."""
        self._lock = threading.Lock()
        self._entries = OrderedDict()

    def _drop(self, at: tuple[UUID, KeyName]) -> None:
        entry = self._entries.pop(at, None)
        if entry is not None:
            entry.key[:] = bytes(len(entry.key))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"KeyCache({len(self)} keys)"
