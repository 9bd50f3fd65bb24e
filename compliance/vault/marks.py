"""Whether one of the databases is older than the last destruction: then it was restored, and may hold what is gone.

Every destruction draws a number in the main database, leaves it as a small object in the store before any key is
deleted, and has the key database keep it in the transaction that deletes. So on a live installation

    number in the store <= number in main,  kept in keys <= number in main,  confirmed in main <= kept in keys

and a database that lost a destruction breaks one of these, whichever of the three places was brought back. Only
`settle`, at the end of a replay, moves a number on without a destruction.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from compliance.errors import Unavailable
from compliance.vault import blobs
from compliance.vault.errors import RestoredDatabase
from compliance.vault.keystore import custody
from compliance.vault.models import DestructionMark

FOLDER = "tombstones/marks/"
_TIDY_EVERY = 64
"""Older numbers are of no use; they are removed now and then, because a store's listing costs more than a write."""


@dataclass
class _Watch:
    """When this process last saw that nothing is restored; None: never, or it saw the contrary."""

    seen_at: float | None = None


_watch = _Watch()


def forget() -> None:
    """Look again before the next use, as a new process does."""
    _watch.seen_at = None


def refuse_restored(*, seconds: float | None = None) -> None:
    """Raise RestoredDatabase where a database is older than the last destruction.

    Looked at once a process and then every RESTORE_CHECK_SECONDS, or `seconds`. Where the store or a database does
    not answer, what was seen before holds.
    """
    lifetime = settings.RESTORE_CHECK_SECONDS if seconds is None else min(seconds, settings.RESTORE_CHECK_SECONDS)
    seen_at = _watch.seen_at
    if seen_at is not None and time.monotonic() < seen_at + lifetime:
        return
    try:
        check()
    except Unavailable:
        if _watch.seen_at is None:
            raise
        _watch.seen_at = time.monotonic()


def check() -> None:
    """Look now. Raises RestoredDatabase, Unavailable, KmsUnavailable.

    What must be the smaller number is read first: a destruction that runs meanwhile raises no false alarm.
    """
    began = time.monotonic()
    stored = _last_stored()
    confirmed = _row().confirmed
    kept = custody.last_mark()
    drawn = _row().number
    if stored > drawn or kept > drawn:
        raise _restored("main", drawn, max(stored, kept))
    if confirmed > kept:
        raise _restored("keys", kept, confirmed)
    _watch.seen_at = began


def draw() -> int:
    """The number of a destruction that begins, committed here and in the store. Outside any transaction."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vault_destructionmark SET number = number + 1 WHERE id = 1 RETURNING number")
        number = int(cursor.fetchone()[0])
    _store(number)
    if number % _TIDY_EVERY == 0:
        _tidy(number)
    return number


def confirm(number: int) -> None:
    """The key database has kept this number."""
    _rows().update(confirmed=Greatest(F("confirmed"), number))


def settle() -> int:
    """After everything was replayed: both databases are as young as the last destruction. Returns its number."""
    number = max(_last_stored(), _row().number, _row().confirmed, custody.last_mark())
    custody.keep_mark(number)
    _rows().update(number=Greatest(F("number"), number), confirmed=Greatest(F("confirmed"), number))
    _store(number)
    return number


def _row() -> DestructionMark:
    return _rows().get()


def _rows() -> QuerySet[DestructionMark]:
    return DestructionMark.objects.filter(id=1)


def _store(number: int) -> None:
    if number:
        blobs.store().write(f"{FOLDER}{number:020d}", [memoryview(str(number).encode("ascii"))])


def _last_stored() -> int:
    return max((int(item.key.removeprefix(FOLDER)) for item in blobs.store().inventory(FOLDER)), default=0)


def _tidy(number: int) -> None:
    store = blobs.store()
    older = [item.key for item in store.inventory(FOLDER) if int(item.key.removeprefix(FOLDER)) < number]
    store.delete_many(sorted(set(older)))


def _restored(which: str, its: int, last: int) -> RestoredDatabase:
    _watch.seen_at = None
    refusal = RestoredDatabase(errors={"database": [which]})
    refusal.add_note(f"{which} knows of destruction {its}, the last was {last}")
    return refusal
