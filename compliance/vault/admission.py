"""Whether a scope may be used at all: the tombstones of the main database decide, whatever any cache still holds.

Making a key and ending one would race, because keys and tombstones lie in two databases. Both therefore take a lock
on the scope in the main database first: whoever is about to use a new key shares it until commit, whoever ends the
scope has it alone. And where a database was restored, its tombstones are not the last word: then nobody gets in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts import tenancy
from audit import forms, wire
from compliance import jobs
from compliance.vault import marks
from compliance.vault.errors import KeyDestroyed
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import KeyUse, Tombstone, scope_key
from compliance.vault.scopes import Scope

_STATES = wire.Statement(
    """SELECT 0, scope_kind::int, scope_id FROM vault_tombstone
        WHERE organisation_id = $1 AND scope_id = ANY($2::uuid[])
       UNION ALL
       SELECT 1, scope_kind::int, scope_id FROM vault_keyuse
        WHERE organisation_id = $1 AND scope_id = ANY($2::uuid[])""",
    (wire.BINARY, wire.TEXT),
)
_SHARE = wire.Statement(
    "SELECT count(pg_advisory_xact_lock_shared(n)) FROM unnest($1::bigint[]) AS n",
    (wire.TEXT,),
)
_SEIZE = wire.Statement("SELECT count(pg_advisory_xact_lock(n)) FROM unnest($1::bigint[]) AS n", (wire.TEXT,))


def names_of(scope: Scope) -> list[KeyName]:
    """The keys that everything under a scope needs: its own and every principal's."""
    return [KeyName.of_scope(scope.kind, scope.id), *(KeyName(KeyKind.SUBJECT, id_) for id_ in scope.principals)]


@contextmanager
def within(organisation_id: UUID) -> Iterator[None]:
    """The organisation's scope; no savepoint where the caller has entered it already, for these are single queries."""
    if connection.in_atomic_block and getattr(connection, "callwarden_organisation", "") == str(organisation_id):
        yield
    else:
        with tenancy.scope(organisation_id):
            yield


def refuse_destroyed(organisation_id: UUID, names: Iterable[KeyName]) -> None:
    """Raise KeyDestroyed where one of these scopes has a tombstone."""
    if organisation_id == tenancy.DEPLOYMENT_ID:
        return  # the deployment's keys are those of no person; they end by their day
    marks.refuse_restored()
    wanted = set(names)
    with within(organisation_id):
        ended, _ = _states(organisation_id, wanted)
        if ended & wanted:
            raise KeyDestroyed()


def destroyed(organisation_id: UUID, names: Iterable[KeyName]) -> set[KeyName]:
    """Those of these scopes that have a tombstone."""
    marks.refuse_restored()
    wanted = set(names)
    rows = Tombstone.objects.for_organisation(organisation_id)
    rows = rows.filter(scope_kind__in={int(one.kind) for one in wanted}, scope_id__in={one.scope_id for one in wanted})
    with within(organisation_id):
        ended = {scope_key(kind, id_) for kind, id_ in rows.values_list("scope_kind", "scope_id")}
    return ended & wanted


def admit(organisation_id: UUID, names: Iterable[KeyName]) -> None:
    """Make what is missing of these keys and note their use in the current transaction. Raises KeyDestroyed."""
    wanted = set(names)
    if organisation_id == tenancy.DEPLOYMENT_ID:
        custody.create_missing(organisation_id, wanted)
        return
    marks.refuse_restored()
    with within(organisation_id):
        if not _unused(organisation_id, wanted):
            return
        lock(wanted, shared=True)
        _begin_use(organisation_id, _unused(organisation_id, wanted))


def admit_locked(organisation_id: UUID, names: Iterable[KeyName]) -> None:
    """As `admit`, with the scopes held until the end of the transaction in any case: for what is sealed at once."""
    wanted = set(names)
    if organisation_id == tenancy.DEPLOYMENT_ID:
        lock(wanted, shared=True)
        custody.create_missing(organisation_id, wanted)
        return
    marks.refuse_restored()
    with within(organisation_id):
        lock(wanted, shared=True)
        ended, used = _states(organisation_id, wanted)
        if ended & wanted:
            raise KeyDestroyed()
        if wanted - used:
            _begin_use(organisation_id, wanted - used)


def _begin_use(organisation_id: UUID, names: set[KeyName]) -> None:
    made = custody.create_missing(organisation_id, names)
    uses = [
        KeyUse(organisation_id=organisation_id, scope_kind=name.kind, scope_id=name.scope_id, key_id=made[name].id)
        for name in sorted(names)
    ]
    KeyUse.objects.bulk_create(uses, ignore_conflicts=True)
    if KeyName(KeyKind.ORGANISATION, organisation_id) in made:
        _begin_daily_sweep(organisation_id)


def lock(names: Iterable[KeyName], *, shared: bool) -> None:
    """Hold these scopes until the end of the transaction, always in the same order."""
    numbers = sorted(_lock_number(name) for name in names)
    wire.send(connection, _SHARE if shared else _SEIZE, (forms.array(numbers),))


def _begin_daily_sweep(organisation_id: UUID) -> None:
    """With its first own key an organisation gets the row from which its sweep comes daily (`vault.tasks`)."""
    tomorrow = timezone.now() + timedelta(days=1)
    jobs.enqueue_on_commit(
        "vault.sweep_keys", organisation_id=organisation_id, object_id=organisation_id, due_at=tomorrow
    )


@contextmanager
def alone(organisation_id: UUID, what: str) -> Iterator[None]:
    """Nobody else does this to this organisation meanwhile; whoever comes waits. Ends with the process, too."""
    digest = sha256(b"vault work " + what.encode("ascii") + organisation_id.bytes).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def _lock_number(name: KeyName) -> int:
    digest = sha256(b"vault scope" + bytes([name.kind]) + name.scope_id.bytes).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _unused(organisation_id: UUID, names: set[KeyName]) -> set[KeyName]:
    """Those of these keys that no committed row uses yet. Raises KeyDestroyed where one is ended."""
    ended, used = _states(organisation_id, names)
    if ended & names:
        raise KeyDestroyed()
    return names - used


def _states(organisation_id: UUID, names: set[KeyName]) -> tuple[set[KeyName], set[KeyName]]:
    """Which of these scopes are ended, and which are in use. Every seal and every opening waits for this.

    A statement of its own after the lock's, with a snapshot of its own: a lock that was waited for shows what its last
    holder committed.
    """
    scope_ids = forms.array(sorted({name.scope_id for name in names}))
    states: tuple[set[KeyName], set[KeyName]] = (set(), set())
    for state, kind, scope_id in wire.rows(connection, _STATES, (organisation_id.bytes, scope_ids)):
        states[forms.number_of(state)].add(scope_key(forms.number_of(kind), UUID(bytes=scope_id)))
    return states
