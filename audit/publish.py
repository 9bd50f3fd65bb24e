"""Publishing the log: signed heads of the organisations' trees, and the root log that holds them all.

Order is everything here. A tree is committed before its head is signed; the signer's memory is on the disk before the
note is stored; an organisation's checkpoint is a committed leaf of the root log before the root is signed. A crash
between any two steps leaves work to do again, never two heads that contradict each other.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connections

from audit import arrays, events, signing
from audit.entries import EntryView as EntryView
from audit.entries import list_entries as list_entries
from audit.entries import read_entry as read_entry
from audit.ids import uuid7
from audit.leaves import Built
from audit.proofs import NotYet as NotYet
from audit.proofs import inclusion_proof as inclusion_proof
from audit.proofs import latest_checkpoint as latest_checkpoint
from audit.proofs import prove_entries as prove_entries
from audit.proofs import wait_until_published as wait_until_published
from audit.sequencer import ALIAS, BATCH, Sequencer
from audit.signing import verifier_keys as verifier_keys
from audit.tlog import leaf, merkle
from audit.tlog.checkpoint import Checkpoint, Signer
from audit.tlog.merkle import Frontier
from audit.tree import ROOT_LOG_ID, Connection, Cursor, Forest

INTERVAL = timedelta(seconds=2)
"""An organisation's log is signed at most this often."""

ROOT_INTERVAL = timedelta(minutes=10)
"""The root log is signed at least this often, so that its age can be seen."""

MAX_LOGS = 500
"""How many organisations' heads one transaction publishes."""


class _Head(NamedTuple):
    """A tree as the database has it."""

    log_id: UUID
    size: int
    tree: Frontier


def statement_signer(organisation_id: UUID) -> Signer:
    """Who signs statements about an organisation's log: the log's own key, named as its origin."""
    return signing.load_keys().signers(signing.origin(organisation_id))[0]


def sequence_once(limit: int = BATCH) -> int:
    """Sequence one batch; how many entries. For tests and commands: the service keeps its own sequencer."""
    return Sequencer().run_batch(limit)


def publish_checkpoints(*, at_most_every: timedelta = timedelta(0)) -> int:
    """Sign and store a checkpoint of every log that has grown, then the root log's; how many organisations' were new.

    Raises `signing.Equivocation` where a tree is not a continuation of what was signed before,
    `signing.KeyFileRefused`, and Django's database errors. May be repeated at any time.
    """
    keys, memory = signing.load_keys(), signing.Memory()
    published = 0
    while count := _publish_organisations(keys, memory, at_most_every):
        published += count
        if count < MAX_LOGS:
            break
    _publish_root(keys, memory)
    return published


def _publish_organisations(keys: signing.LogKeys, memory: signing.Memory, at_most_every: timedelta) -> int:
    with _transaction() as cursor:
        grown = _grown(cursor, datetime.now(UTC) - at_most_every)
        if not grown:
            return 0
        heads = {head.log_id: _checked(cursor, memory, head) for head in grown}
        notes = {log_id: keys.sign(_checkpoint(log_id, tree)) for log_id, tree in heads.items()}
        memory.remember(heads)
        first = _frontier(cursor, ROOT_LOG_ID).size
        Forest().grow(cursor, [_root_entry(log_id, note) for log_id, note in notes.items()])
        _store(cursor.connection, heads, notes, range(first, first + len(heads)))
        cursor.execute(
            "UPDATE audit_frontier SET published_size = size, published_at = clock_timestamp()"
            " WHERE organisation_id = ANY(%s)",
            (list(heads),),
        )
        return len(heads)


def _publish_root(keys: signing.LogKeys, memory: signing.Memory) -> None:
    with _transaction() as cursor:
        tree = _frontier(cursor, ROOT_LOG_ID)
        cursor.execute(
            "SELECT size, revision, signed_at > clock_timestamp() - %s FROM audit_checkpoint WHERE organisation_id = %s"
            " ORDER BY size DESC, revision DESC LIMIT 1",
            (ROOT_INTERVAL, ROOT_LOG_ID),
        )
        size, revision, is_fresh = cursor.fetchone() or (0, -1, False)
        if tree.size == 0 or (tree.size == size and is_fresh):
            return
        checked = _checked(cursor, memory, _Head(ROOT_LOG_ID, tree.size, tree))
        note = keys.sign(_checkpoint(ROOT_LOG_ID, checked), cosigned_at=int(time.time()))
        memory.remember({ROOT_LOG_ID: checked})
        cursor.execute(
            "INSERT INTO audit_checkpoint (organisation_id, size, revision, root, note) VALUES (%s, %s, %s, %s, %s)",
            (ROOT_LOG_ID, tree.size, revision + 1 if tree.size == size else 0, checked.root(), note),
        )
        cursor.execute(
            "UPDATE audit_frontier SET published_size = size, published_at = clock_timestamp()"
            " WHERE organisation_id = %s",
            (ROOT_LOG_ID,),
        )


@contextmanager
def _transaction() -> Iterator[Cursor]:
    """Holds `audit_state`, so no sequencer grows a tree meanwhile."""
    connection = connections[ALIAS]
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors, raw.transaction(), psycopg.Cursor(raw) as cursor:
        cursor.execute("SELECT 1 FROM audit_state FOR UPDATE")
        yield cursor


def _grown(cursor: Cursor, before: datetime) -> list[_Head]:
    cursor.execute(
        "SELECT organisation_id, size, nodes FROM audit_frontier WHERE size > published_size AND organisation_id <> %s"
        " AND (published_at IS NULL OR published_at <= %s) ORDER BY published_at NULLS FIRST LIMIT %s",
        (ROOT_LOG_ID, before, MAX_LOGS),
    )
    return [_Head(log_id, size, Frontier.from_bytes(bytes(nodes))) for log_id, size, nodes in cursor.fetchall()]


def _frontier(cursor: Cursor, log_id: UUID) -> Frontier:
    cursor.execute("SELECT nodes FROM audit_frontier WHERE organisation_id = %s", (log_id,))
    found = cursor.fetchone()
    return Frontier.from_bytes(bytes(found[0])) if found else Frontier()


def _checked(cursor: Cursor, memory: signing.Memory, head: _Head) -> Frontier:
    read: Callable[[int, int], Sequence[bytes]] = partial(_leaf_hashes, cursor, head.log_id)
    return memory.grow(head.log_id, head.size, head.tree.root(), read)


def _leaf_hashes(cursor: Cursor, log_id: UUID, start: int, end: int) -> list[bytes]:
    cursor.execute(
        "SELECT leaf_hash FROM audit_leaf WHERE organisation_id = %s AND index >= %s AND index < %s ORDER BY index",
        (log_id, start, end),
        binary=True,
    )
    return [row[0] for row in cursor.fetchall()]


def _checkpoint(log_id: UUID, tree: Frontier) -> Checkpoint:
    return Checkpoint(signing.origin(log_id), tree.size, tree.root())


def _root_entry(log_id: UUID, note: str) -> Built:
    """The root log's leaf is the very note; the fields beside it are for finding it again."""
    data, now = note.encode(), datetime.now(UTC)
    fields = leaf.Scan(
        sd=b"",
        act=events.CHECKPOINT_PUBLISHED.encode(),
        at=b"",
        cause=None,
        cls=b"system",
        id=b"",
        number=b"",
        writer=b"",
        object_id=str(log_id).encode(),
        object_type=b"log",
        organisation=b"",
        out=b"ok",
        request=None,
        what=b"",
        why=b"",
    )
    return Built(uuid7(), ROOT_LOG_ID, now, fields, data, merkle.leaf_hash(data), [], b"")


def _store(raw: Connection, heads: dict[UUID, Frontier], notes: dict[UUID, str], root_indexes: Sequence[int]) -> None:
    columns = [
        arrays.ids("organisation_id", [log_id.bytes for log_id in heads]),
        arrays.integers("size", [tree.size for tree in heads.values()]),
        arrays.blobs("root", [tree.root() for tree in heads.values()]),
        arrays.texts("note", [note.encode() for note in notes.values()]),
        arrays.integers("root_index", root_indexes),
    ]
    arrays.insert(raw, "audit_checkpoint", columns)
