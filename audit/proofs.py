"""Reading a log as it is published: checkpoints, tiles, bundles, proofs. In the organisation's scope; the root log is
open to all.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from audit.models import Checkpoint, Entry, Leaf
from audit.tlog import merkle, tiles
from audit.tlog.proof import Proof
from audit.tlog.statement import ProvenEntry
from audit.tlog.tiles import Tile
from audit.tree import ROOT_LOG_ID, read_tile

POLL_SECONDS = 0.1


class NotYet(Exception):
    """The entry, or a checkpoint that covers it, is not published yet. Worth asking again."""


class Published(NamedTuple):
    """A signed head. `root_index` is its place in the root log, which has none for itself."""

    size: int
    root: bytes
    note: str
    signed_at: datetime
    root_index: int | None


def latest_checkpoint(log_id: UUID, *, in_root_log: bool = False) -> Published | None:
    """The last published head of a log; with `in_root_log` the last one that the root log's own head covers."""
    heads = Checkpoint.objects.filter(organisation_id=log_id)
    if in_root_log:
        root = latest_checkpoint(ROOT_LOG_ID)
        heads = heads.filter(root_index__lt=root.size if root else 0)
    found = heads.order_by("-size", "-revision").values_list("size", "root", "note", "signed_at", "root_index").first()
    return Published(found[0], bytes(found[1]), *found[2:]) if found else None


def wait_until_published(
    *, organisation_id: UUID, entry_ids: Sequence[UUID], timeout_seconds: float = 10.0
) -> Published:
    """The first head that covers these entries, which must be committed. `NotYet` after the timeout; 0 asks once."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return _covering(organisation_id, entry_ids)
        except NotYet:
            if time.monotonic() >= deadline:
                raise
        time.sleep(POLL_SECONDS)


def inclusion_proof(organisation_id: UUID, entry_id: UUID) -> str:
    """The .tlog-proof of an entry against the last published head; `NotYet` where there is none that covers it."""
    return prove_entries(organisation_id, [entry_id])[0].proof


def prove_entries(organisation_id: UUID, entry_ids: Sequence[UUID]) -> list[ProvenEntry]:
    """Entries with their proofs, all against one head and in the order asked for. `NotYet` as above."""
    _covering(organisation_id, entry_ids)
    head = latest_checkpoint(organisation_id)
    if head is None:
        raise NotYet("the log has no checkpoint")
    node = node_reader(organisation_id, head.size)
    leaves = dict(Entry.objects.filter(organisation_id=organisation_id, id__in=entry_ids).values_list("id", "leaf"))
    places = _places(organisation_id, entry_ids)
    return [
        ProvenEntry(
            bytes(leaves[entry_id]),
            Proof.make(places[entry_id], merkle.inclusion_path(places[entry_id], head.size, node), head.note).text(),
        )
        for entry_id in entry_ids
    ]


def root_proof(log_id: UUID) -> tuple[Published, str] | None:
    """The last head of a log that the root log covers, and the proof that it does."""
    head, root = latest_checkpoint(log_id, in_root_log=True), latest_checkpoint(ROOT_LOG_ID)
    if head is None or root is None or head.root_index is None:
        return None
    path = merkle.inclusion_path(head.root_index, root.size, node_reader(ROOT_LOG_ID, root.size))
    return head, Proof.make(head.root_index, path, root.note).text()


def node_reader(log_id: UUID, size: int) -> merkle.NodeReader:
    """Nodes of a tree of `size` leaves, out of its tiles."""
    return tiles.reader(size, lambda tile: tile_data(log_id, tile))


def tile_data(log_id: UUID, tile: Tile) -> bytes:
    """A hash tile's bytes; `LookupError` where the tree does not reach so far."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        return read_tile(cursor, log_id, tile)


def bundle_data(log_id: UUID, tile: Tile) -> bytes:
    """An entry bundle's bytes; `LookupError` where the tree does not reach so far."""
    first = tile.index * tiles.WIDTH
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT e.leaf FROM audit_leaf l JOIN audit_entry e ON e.id = l.entry_id"
            " WHERE l.organisation_id = %s AND l.index >= %s AND l.index < %s ORDER BY l.index",
            [log_id, first, first + tile.width],
        )
        entries = [bytes(row[0]) for row in cursor.fetchall()]
    if len(entries) != tile.width:
        raise LookupError(f"{tile.path} is incomplete")
    return tiles.encode_bundle(entries)


def _places(organisation_id: UUID, entry_ids: Sequence[UUID]) -> dict[UUID, int]:
    return dict(
        Leaf.objects.filter(organisation_id=organisation_id, entry_id__in=entry_ids).values_list("entry_id", "index")
    )


def _covering(organisation_id: UUID, entry_ids: Sequence[UUID]) -> Published:
    places = _places(organisation_id, entry_ids)
    missing = set(entry_ids) - places.keys()
    if missing:
        raise NotYet(f"{len(missing)} entries have no place in the log yet")
    last = max(places.values(), default=-1)
    heads = Checkpoint.objects.filter(organisation_id=organisation_id, size__gt=last).order_by("size")
    found = heads.values_list("size", "root", "note", "signed_at", "root_index").first()
    if found is None:
        raise NotYet("no checkpoint covers the entries yet")
    return Published(found[0], bytes(found[1]), *found[2:])
