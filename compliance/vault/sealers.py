"""What the log is sealed with: `audit.sealing.Sealer`, so that the log, which lies below, need not know the vault.

The inbox has a key a day (UTC) that belongs to the deployment. Disclosures are small values under a subject's key, or
the organisation's. Only the first seal under a key costs queries; a key stays at hand for a minute.
"""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from functools import partial
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from accounts.tenancy import DEPLOYMENT_ID
from audit import sealing
from compliance.vault import admission
from compliance.vault.errors import KeyDestroyed, KmsUnavailable, RestoredDatabase, Unreadable
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keycache import Material
from compliance.vault.keystore import custody
from compliance.vault.values import ValueKey

_REMEMBERED = 100_000


class VaultSealer:
    """The process's sealer of log entries. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._confirmed: set[tuple[UUID, KeyName]] = set()
        self._inbox_days: dict[UUID, KeyName] = {}
        self._today: tuple[date, KeyName] = (date.min, inbox_name(date.min))

    def seal_inbox(self, *, entry_id: UUID, plaintext: bytes) -> sealing.Sealed:
        """Under today's inbox key.

        It is committed in its own database, so a rollback of the caller leaves it standing.
        """
        name = self._inbox_name_today()
        found = custody.values_at_hand(DEPLOYMENT_ID, name)
        if found is None:
            with _answering():
                found = _values(custody.create_missing(DEPLOYMENT_ID, [name])[name])
        key_id, values = found
        return sealing.Sealed(key_id, values.seal(f"inbox/{entry_id}", plaintext))

    def open_inbox(self, *, key_id: UUID, entry_id: UUID, data: bytes) -> bytes:
        """Raises Destroyed once the day's key is gone, Unreadable where the bytes are not what was sealed."""
        with _answering():
            name = self._inbox_days.get(key_id) or self._find_inbox(key_id)
            found = custody.values_at_hand(DEPLOYMENT_ID, name)
            if found is None:
                found = _values(custody.load(DEPLOYMENT_ID, [name])[name])
            return found[1].open(f"inbox/{entry_id}", data)

    def seal_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, entry_id: UUID, name: str, plaintext: bytes
    ) -> sealing.Sealed:
        """Under the subject's key, or the organisation's.

        Raises Destroyed for an erased subject: then there is nothing to keep.
        """
        key_name = _disclosure_key(organisation_id, subject_id)
        found = custody.values_at_hand(organisation_id, key_name)
        if found is None or (organisation_id, key_name) not in self._confirmed:
            found = self._admit(organisation_id, key_name)
        key_id, values = found
        return sealing.Sealed(key_id, values.seal(f"disclosure/{entry_id}/{name}", plaintext))

    def open_disclosure(
        self, *, organisation_id: UUID, subject_id: UUID | None, key_id: UUID, entry_id: UUID, name: str, data: bytes
    ) -> bytes:
        """Raises Destroyed where the subject was erased or another key sealed it; Unreadable otherwise."""
        key_name = _disclosure_key(organisation_id, subject_id)
        with _answering():
            admission.refuse_destroyed(organisation_id, [key_name])
            material = custody.load(organisation_id, [key_name])[key_name]
            if material.id != key_id:
                raise sealing.Destroyed
            return material.values.open(f"disclosure/{entry_id}/{name}", data)

    def destroy_inbox_keys(self, *, before: date) -> int:
        """Destroy the inbox keys of all days (UTC) before this one; how many. Idempotent."""
        with _answering():
            stored = custody.listed(DEPLOYMENT_ID, kinds=[KeyKind.INBOX], before=timezone.now(), limit=1000)
            past = [key.name for key in stored if key.name.scope_id < inbox_name(before).scope_id]
            return custody.destroy(DEPLOYMENT_ID, past) if past else 0

    def _inbox_name_today(self) -> KeyName:
        today = datetime.now(UTC).date()
        day, name = self._today
        if day != today:
            name = inbox_name(today)
            self._today = (today, name)
        return name

    def _find_inbox(self, key_id: UUID) -> KeyName:
        name = custody.find(DEPLOYMENT_ID, key_id)
        if name is None or name.kind is not KeyKind.INBOX:
            raise KeyDestroyed()
        with self._lock:
            self._inbox_days[key_id] = name
        return name

    def _admit(self, organisation_id: UUID, name: KeyName) -> tuple[UUID, ValueKey]:
        """Have the key made and its use noted. Until that is committed, each seal asks again."""
        with _answering():
            admission.admit(organisation_id, [name])
            material = custody.load(organisation_id, [name])[name]
        transaction.on_commit(partial(self._confirm, organisation_id, name))
        return _values(material)

    def _confirm(self, organisation_id: UUID, name: KeyName) -> None:
        """The key's use is committed: until it leaves the cache nobody needs to ask again."""
        with self._lock:
            if len(self._confirmed) >= _REMEMBERED:
                self._confirmed.clear()
            self._confirmed.add((organisation_id, name))


def inbox_name(day: date) -> KeyName:
    """The key of a day's inbox. Its scope id is the day's number, so that days sort."""
    return KeyName(KeyKind.INBOX, UUID(int=day.toordinal()))


def _disclosure_key(organisation_id: UUID, subject_id: UUID | None) -> KeyName:
    if subject_id is None:
        return KeyName(KeyKind.ORGANISATION, organisation_id)
    return KeyName(KeyKind.SUBJECT, subject_id)


def _values(material: Material) -> tuple[UUID, ValueKey]:
    return material.id, material.values


class _answering:  # noqa: N801  used as a `with` statement's verb; a generator would cost as much as a seal
    """The vault's refusals in the log's words."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyDestroyed):
            raise sealing.Destroyed from None
        if isinstance(error, Unreadable):
            raise sealing.Unreadable from error
        if isinstance(error, KmsUnavailable | RestoredDatabase | OperationalError | InterfaceError):
            raise sealing.SealerUnavailable from error
